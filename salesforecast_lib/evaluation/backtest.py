"""Rolling-origin backtest: the same cutoffs and the same rows for every model (chapter 07)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.models.peers.baselines import close_shop, statistical_forecasts
from salesforecast_lib.models.peers.recursive import lightgbm_forecasts

_FORECAST = ("unique_id", "ds", "mean", *QUANTILE_COLUMNS)

# From (known, cutoff) to a forecast table; ``known`` is what `as_of` shows at the cutoff.
Forecast = Callable[[pd.DataFrame, pd.Timestamp], pd.DataFrame]


class Model(Protocol):
    """Whatever can be fitted at a cutoff and then forecasts from that cutoff or later ones."""

    def fit(self, known: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp) -> Forecast:
        """Learn from the rows up to ``cutoff`` and return what forecasts; the model itself stays as it was."""
        ...


@dataclass(frozen=True)
class FittedAtEachCutoff:
    """A model whose one function fits and forecasts in a go, as statistical models do.

    It forecasts only from the cutoff it was fitted at, so that a backtest without refitting cannot refit in secret.
    """

    function: Callable[[pd.DataFrame, Mapping[str, Any], pd.Timestamp], pd.DataFrame]

    def fit(self, known: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp) -> Forecast:
        """Remember the cutoff; the work is done in the forecast."""

        def forecast(later: pd.DataFrame, origin: pd.Timestamp) -> pd.DataFrame:
            if origin != cutoff:
                raise ValueError(
                    f"fitted at {cutoff.date()}, asked to forecast from {origin.date()}: this model is estimated at "
                    "each cutoff; run it with refit=True"
                )
            return self.function(later, meta, origin)

        return forecast


@dataclass(frozen=True)
class Fixed:
    """A forecaster trained before the first cutoff, for instance a `Forecaster` loaded from a run: fit does nothing.

    ``trained_until`` is the last period it has seen; a backtest from an earlier cutoff is refused.
    """

    forecast: Forecast
    trained_until: pd.Timestamp

    def fit(self, known: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp) -> Forecast:
        """The forecaster as it is; raises ValueError when it has seen periods after ``cutoff``."""
        if self.trained_until > cutoff:
            raise ValueError(
                f"trained until {self.trained_until.date()}, cutoff {cutoff.date()}: the model has seen the test "
                "periods; train it before the first cutoff"
            )
        return self.forecast


def as_of(panel: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp) -> pd.DataFrame:
    """The panel as it was known in the evening of ``cutoff``: later rows keep only what is known ahead.

    Of rows after the cutoff, the keys, the *static* and the *future* columns stay; everything else is missing. So no
    model in a backtest can look ahead, whatever it does with the table.
    """
    ahead = ["unique_id", "ds", *meta["static"], *meta["future"]]
    hidden = [name for name in panel if name not in ahead]
    work = panel.astype({name: "float64" for name in hidden if panel[name].dtype.kind in "bui"})
    work[hidden] = work[hidden].where(work["ds"] <= cutoff)
    return work


def rolling_origin(
    panel: pd.DataFrame,
    meta: Mapping[str, Any],
    cutoffs: Sequence[pd.Timestamp],
    models: Mapping[str, Model],
    refit: bool = True,
) -> pd.DataFrame:
    """Forecasts of every model at every cutoff, in the one forecast table without ``y``.

    Parameters
    ----------
    panel : rows up to the last cutoff and, where a model uses covariates known ahead, for the horizon after it
        (`extend_panel` adds them at the end of the data). A table of features serves as well.
    meta : ``horizon``, ``static``, ``future`` and what else a model reads.
    models : by name. A model that fills the column ``model`` itself, because it forecasts for several, keeps it.
    refit : fit anew at each cutoff; otherwise once, at the first cutoff, and forecast from all of them.

    Raises
    ------
    ValueError
        When no cutoff or model is given, a model's table lacks a column, or forecasts a period outside the horizon.
    """
    if not len(cutoffs) or not models:
        raise ValueError(f"{len(cutoffs)} cutoffs, {len(models)} models: expected at least one of each")
    fitted: dict[str, Forecast] = {}
    parts = []
    for cutoff in sorted(cutoffs):
        known = as_of(panel, meta, cutoff)
        for name, model in models.items():
            if refit or name not in fitted:
                fitted[name] = model.fit(known, meta, cutoff)
            parts.append(_checked(fitted[name](known, cutoff), name, cutoff, meta))
    return close_shop(pd.concat(parts, ignore_index=True), panel, list(meta["future"]))


def _checked(table: pd.DataFrame, name: str, cutoff: pd.Timestamp, meta: Mapping[str, Any]) -> pd.DataFrame:
    """The table with model and cutoff; refuses one that breaks the contract of the forecast table."""
    missing = [column for column in _FORECAST if column not in table]
    if missing:
        raise ValueError(f"model {name!r}: its forecast from {cutoff.date()} lacks {missing}")
    table = table.assign(cutoff=cutoff, model=table["model"] if "model" in table else name)
    steps = pd.date_range(cutoff, periods=int(meta["horizon"]) + 1, freq=str(meta["freq"]))[1:]
    outside = ~table["ds"].isin(steps)
    if outside.any() or table[list(_FORECAST)].isna().any(axis=None):
        raise ValueError(
            f"model {name!r}, cutoff {cutoff.date()}: expected a number for the periods {steps[0].date()} to "
            f"{steps[-1].date()} and no other; {int(outside.sum())} rows lie outside, "
            f"{int(table[list(_FORECAST)].isna().any(axis=1).sum())} have missing values"
        )
    return table[["unique_id", "ds", "cutoff", "model", "mean", *QUANTILE_COLUMNS]]


def peer_models(seed: int = 0, threads: int = 1) -> dict[str, Model]:
    """The peers of chapter 07: seasonal naive, window average, AutoETS and Theta in one go, and LightGBM."""

    def statistical(known: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp) -> pd.DataFrame:
        season = int(meta["season_length"])
        return statistical_forecasts(known, cutoff, int(meta["horizon"]), str(meta["freq"]), season, n_jobs=threads)

    def boosting(known: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp) -> pd.DataFrame:
        return lightgbm_forecasts(known, dict(meta), cutoff, seed, threads)

    return {"statistical": FittedAtEachCutoff(statistical), "LightGBM": FittedAtEachCutoff(boosting)}


def comparable_panel(panel: pd.DataFrame, cutoffs: list[pd.Timestamp]) -> pd.DataFrame:
    """Series that every model can forecast at every cutoff: alive then, and with a history before the first.

    A history is 60 days, 12 weeks or 12 months, or half of the longest one where the data begin later than that.

    Raises ValueError when no series is left.
    """
    before = panel[panel["ds"] <= cutoffs[0]]
    span = before.groupby("unique_id")["ds"].agg(["min", "max"])
    step = panel["ds"].drop_duplicates().sort_values().diff().median()
    enough = 60 if step <= pd.Timedelta(days=1) else 12
    periods = ((span["max"] - span["min"]) / step).round()
    enough = min(enough, int(periods.max()) // 2) if len(periods) else enough
    last = panel.groupby("unique_id")["ds"].max()
    good = span.index[(periods >= enough) & (last.reindex(span.index) == panel["ds"].max())]
    if len(good) == 0:
        raise ValueError(
            f"no series has {enough} periods before the first cutoff {cutoffs[0].date()} and lives to the "
            "end; use fewer cutoffs, a shorter horizon or a longer history"
        )
    return panel[panel["unique_id"].isin(good)].reset_index(drop=True)
