"""Direct regression on the network's own covariates: LightGBM and ridge, one row per origin and step (chapter 06).

mlforecast cannot express these rows: it takes covariates at the *target* time only, while a historical feature (price,
buyers) is known at the *origin* only, and its direct mode fits one model for each step. So LightGBM is called directly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.peers.baselines import tidy
from salesforecast_lib.models.peers.coding import Coding
from salesforecast_lib.models.peers.ground import Ground
from salesforecast_lib.models.peers.origins import OriginRows
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.peers.walk import Groups


@dataclass(frozen=True)
class DirectConfig:
    """Rows and models of the direct regressions.

    Parameters
    ----------
    window : periods of history that give the level at an origin, as the network's window gives its scale.
    max_rows : training rows drawn (seeded) from all pairs of origin and step; neighbouring pairs say nearly the same.
    volume_weight : rows weigh ``level ** volume_weight``, as in `TrainingConfig`.
    objective : of the mean: "l1" (the median, lowest WAPE) or "l2".
    levels : quantile levels, rising, 0.5 among them.
    quantiles : fit each level with the pinball loss; else quantiles come from past errors (`pooled_quantiles`).
    """

    window: int = 56
    max_rows: int = 40_000
    volume_weight: float = 0.5
    objective: str = "l1"
    levels: tuple[float, ...] = QUANTILES
    quantiles: bool = True
    trees: int = 100
    learning_rate: float = 0.08
    leaves: int = 31
    min_rows: int = 50  # in a leaf
    bins: int = 63  # of a histogram
    alpha: float = 100.0  # ridge penalty
    seed: int = 0
    threads: int = 1


def direct_lightgbm_forecasts(
    table: FeatureTable,
    future: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    season: int,
    config: DirectConfig = DirectConfig(),
    rows_of: type[OriginRows] = OriginRows,
    shelf: Shelf | None = None,
    coding: Coding | None = None,
    ground: Ground | None = None,
) -> pd.DataFrame:
    """One LightGBM for all series and steps, with the network's covariates (Ke et al. 2017).

    Fitted on targets up to ``cutoff``. All fits share one binned data set; the mean is the fit of ``config.objective``,
    the quantiles are fits of the pinball loss (Koenker & Bassett 1978), or pooled past errors. ``rows_of`` may be a
    kind of `OriginRows` with more columns; fitted models are taken from the ``shelf``, or left there; ``coding`` is
    that of their fit, where they are used on other data; ``ground``: see `OriginRows`.

    Returns
    -------
    The forecast table, model "LightGBMDirect".
    """
    told = table, future, cutoff, horizon, freq, season, config.window, coding, ground
    rows, shelf = rows_of(*told), shelf or Shelf()
    settings = {
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.min_rows,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
        "seed": config.seed,
        "num_threads": config.threads,
        "deterministic": True,
        "force_col_wise": True,  # sixty columns: the same trees in three quarters of the time
        "verbosity": -1,
        "feature_pre_filter": False,
        "max_bin": config.bins,
    }

    @cache
    def data(last: pd.Timestamp) -> lgb.Dataset:
        inputs, target, weight = rows.fit_data(last, config.max_rows, config.seed, config.volume_weight)
        if len(inputs) == 0:  # nothing is known after any origin: the forecast is the level itself
            inputs, target, weight = np.zeros((1, inputs.shape[1])), np.ones(1), np.ones(1)
        codes = [len(rows.numeric) + k for k in range(len(rows.categories))]
        return lgb.Dataset(
            inputs, target, weight=weight, categorical_feature=codes, params=settings, free_raw_data=False
        )

    def fit(last: pd.Timestamp, name: str, **objective: str | float) -> lgb.Booster:
        return shelf.get(
            f"{name}-{last.date()}",
            lambda: lgb.train({**settings, **objective}, data(last), num_boost_round=config.trees),
        )

    if not config.quantiles:
        return rows.with_pooled_quantiles(
            lambda when, inputs: np.asarray(fit(when, "mean", objective=config.objective).predict(inputs)),
            "LightGBMDirect",
            freq,
            config.levels,
        )
    origin, step = rows.at(cutoff)
    inputs = Groups(rows.inputs(origin, step), horizon)
    levels = [inputs.predict(fit(cutoff, f"q{level:g}", objective="quantile", alpha=level)) for level in config.levels]
    mean = inputs.predict(fit(cutoff, "mean", objective=config.objective))
    values = np.stack([mean, *levels], axis=1) * rows.level[origin][:, None]
    return tidy(rows.table(origin, step, values, "LightGBMDirect", config.levels))


def ridge_forecasts(
    table: FeatureTable,
    future: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    season: int,
    config: DirectConfig = DirectConfig(),
) -> pd.DataFrame:
    """Linear regression with a ridge penalty (Hoerl & Kennard 1970) on the same rows: the traditional method.

    Numbers are standardised on the training rows, categories become indicators. Quantiles come from past errors.

    Returns
    -------
    The forecast table, model "Ridge".
    """
    rows = OriginRows(table, future, cutoff, horizon, freq, season, config.window)
    numbers = list(range(len(rows.numeric)))
    codes = [len(numbers) + k for k in range(len(rows.categories))]

    def mean(when: pd.Timestamp, inputs: np.ndarray) -> np.ndarray:
        columns = ColumnTransformer(
            [
                ("numbers", StandardScaler(), numbers),
                ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), codes),
            ]
        )
        model = make_pipeline(columns, Ridge(config.alpha))
        known, target, weight = rows.fit_data(when, config.max_rows, config.seed, config.volume_weight)
        if len(known) == 0:  # nothing is known after any origin: the forecast is the level itself
            return np.ones(len(inputs))
        model.fit(np.nan_to_num(known), target, ridge__sample_weight=weight)
        return np.asarray(model.predict(np.nan_to_num(inputs)))

    return rows.with_pooled_quantiles(mean, "Ridge", freq, config.levels)
