"""One global LightGBM, one step ahead, fed with its own forecasts (chapters 06 and 07)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import pandas as pd

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.peers.baselines import fitting_history, pooled_quantiles
from salesforecast_lib.models.peers.recursion import Recipe, recursive_means
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.windows.vocabulary import plain_names

TREES = 300
# Lags, spans of means by lag, parts of the date and periods of the usual level of the one-step LightGBM, by frequency.
_BOOSTED: dict[str, tuple[list[int], dict[int, list[int]], list[str], int]] = {
    "D": ([1, 7, 14, 21, 28], {1: [7, 28], 7: [28]}, ["dayofweek", "day", "month"], 28),
    "W": ([1, 2, 3, 4, 8, 12], {1: [4, 12]}, ["week", "month"], 4),
    "M": ([1, 2, 3, 6, 12], {1: [3, 12]}, ["month"], 12),
}
_KEPT = 3  # fits of this process that are not made again
_latest: OrderedDict[str, lgb.Booster] = OrderedDict()


@dataclass(frozen=True)
class RecursiveMeans:
    """Point forecasts of the recursive LightGBM, and what its quantiles come from.

    Parameters
    ----------
    table : ``unique_id, ds, mean`` of the horizon after the cutoff.
    earlier : the same from the origin one horizon earlier; empty where the history is shorter.
    observed : ``unique_id, ds, y, available`` of the periods between.
    """

    table: pd.DataFrame
    earlier: pd.DataFrame
    observed: pd.DataFrame

    def forecasts(self, cutoff: pd.Timestamp, horizon: int, freq: str, levels: Sequence[float]) -> pd.DataFrame:
        """The forecast table, model "LightGBM", with quantiles from the errors of the earlier origin."""
        table = self.table.assign(cutoff=cutoff, model="LightGBM")
        return pooled_quantiles(table, self.observed, cutoff, horizon, freq, lambda past: self.earlier, levels)


def lightgbm_forecasts(
    panel: pd.DataFrame,
    meta: dict[str, Any],
    cutoff: pd.Timestamp,
    seed: int = 0,
    threads: int = 1,
    objective: str = "l1",
    levels: Sequence[float] = QUANTILES,
    shelf: Shelf | None = None,
) -> pd.DataFrame:
    """One global LightGBM over all series (Ke et al. 2017) with lags, calendar, categories and known-ahead covariates.

    Fitted on rows up to ``cutoff``; covariates after it are only those declared *future*. The absolute error as
    ``objective`` gave the lower WAPE at an origin before the test months; "l2" would aim at the mean instead. Series
    too short for the longest lag or window get the mean of their last four cycles. Fitted models are taken from the
    ``shelf``, or left there.
    """
    means = lightgbm_means(panel, meta, cutoff, seed, threads, objective, shelf)
    return means.forecasts(cutoff, int(meta["horizon"]), str(meta["freq"]), levels)


def lightgbm_means(
    panel: pd.DataFrame,
    meta: dict[str, Any],
    cutoff: pd.Timestamp,
    seed: int = 0,
    threads: int = 1,
    objective: str = "l1",
    shelf: Shelf | None = None,
    trees: int = TREES,
) -> RecursiveMeans:
    """Point forecasts of `lightgbm_forecasts` at the cutoff and one horizon earlier."""
    kept = shelf or Shelf()
    horizon, freq = int(meta["horizon"]), str(meta["freq"])
    lags, windows, parts, usual = _BOOSTED[check_freq(freq).kind]
    recipe = Recipe(lags, windows, parts)
    plain = plain_names([*meta["static"], *meta["future"]])
    panel = panel[["unique_id", "ds", "y", "available", *plain]].rename(columns=plain)
    static, future = ([plain[name] for name in meta[role]] for role in ("static", "future"))
    covariates = panel[["unique_id", "ds", *future]]  # known ahead by declaration
    history = fitting_history(panel, cutoff, int(meta["season_length"]))
    history[static] = history[static].astype("category")

    from mlforecast import MLForecast  # imported late: it takes seconds, and a network does without
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.target_transforms import LocalStandardScaler

    def fit_predict(past: pd.DataFrame) -> pd.DataFrame:
        model = lgb.LGBMRegressor(
            objective=objective,
            n_estimators=trees,
            learning_rate=0.05,
            num_leaves=31,
            min_child_samples=30,
            subsample=0.8,
            subsample_freq=1,
            colsample_bytree=0.7,
            random_state=seed,
            n_jobs=threads,
            deterministic=True,
            force_row_wise=True,
            verbosity=-1,
        )
        global_model = MLForecast(
            models={"mean": model},
            freq=freq,
            lags=lags,
            lag_transforms={lag: [RollingMean(span) for span in spans] for lag, spans in windows.items()},
            date_features=parts,
            target_transforms=[LocalStandardScaler()],
        )
        short = past.groupby("unique_id")["y"].transform("size") <= recipe.reach + 1
        steps = pd.date_range(past["ds"].max(), periods=horizon + 1, freq=freq)[1:]
        level = past[short].groupby("unique_id")["y"].apply(lambda y: y.tail(usual).mean())
        rest = level.rename("mean").reset_index().merge(pd.DataFrame({"ds": steps}), how="cross")
        if short.all():
            return rest
        long = past.loc[~short, ["unique_id", "ds", "y", *static, *future]]
        known = covariates[covariates["ds"].isin(steps) & covariates["unique_id"].isin(long["unique_id"].unique())]

        def fit() -> lgb.Booster:
            rows = global_model.preprocess(long, static_features=static, return_X_y=True, as_numpy=False)
            return model.fit(*rows).booster_

        def fit_once() -> lgb.Booster:
            return _once(_digest(long, [str(model.get_params()), freq, *static]), fit)

        # the booster alone forecasts: its text holds all that it needs, the categories too
        booster = kept.get(f"{past['ds'].max().date()}", fit_once)
        if not model.__sklearn_is_fitted__():  # from the shelf: it needs no training rows, nor what comes of them
            table = recursive_means(booster, recipe, long, known, steps, static, future)
        else:
            global_model.models_ = {"mean": booster}
            table = global_model.predict(horizon, X_df=known if future else None)
        return pd.concat([table, rest[["unique_id", "ds", "mean"]]], ignore_index=True) if len(rest) else table

    origin = pd.date_range(end=cutoff, periods=horizon + 1, freq=freq)[0]
    before = history[history["ds"] <= origin]
    table = fit_predict(history)
    earlier = fit_predict(before) if len(before) else table.iloc[:0]
    return RecursiveMeans(table, earlier, history.loc[history["ds"] > origin, ["unique_id", "ds", "y", "available"]])


def _digest(rows: pd.DataFrame, words: Sequence[str]) -> str:
    """Changes with the rows of a fit, the categories of its columns, and its settings."""
    digest = hashlib.sha256(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
    for name, column in rows.items():
        told = list(column.cat.categories) if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
        digest.update(f"{name}: {told}".encode())
    digest.update("\n".join(words).encode())
    return digest.hexdigest()


def _once(digest: str, fit: Callable[[], lgb.Booster]) -> lgb.Booster:
    """The fit of the same rows, where it was one of the latest of this process.

    A back-test whose cutoffs lie a horizon apart asks for every model twice: as that of a cutoff, and as the one whose
    errors are known at the next.
    """
    booster = _latest.pop(digest, None)
    _latest[digest] = fit() if booster is None else booster
    while len(_latest) > _KEPT:
        _latest.popitem(last=False)
    return _latest[digest]
