"""Is the forecast still as good as it was? A watch that is fed night by night and kept as JSON (chapter 15).

The back-test says how forecasts of this shop err while nothing changes. Quarters are put together from blocks of its
nights, every signal is played on them, and a limit is what hardly any such quarter passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.production.monitoring import nights, profile, signals
from salesforecast_lib.production.monitoring.drift import COLUMNS
from salesforecast_lib.production.monitoring.reference import QUARTER

VERSION = 1
BEYOND = 2.0  # limits lie so many times as far above the median of quiet quarters as their 95th percentile does,
SLACK = 1.5  # and this factor higher: a back-test is shorter than a quarter; both chosen on other simulated markets
LEAST_NIGHTS = 7
RECENT = {"D": 14, "W": 4, "M": 3}  # periods over which a mean is taken
SMALL = {"bias": 0.08, "error": 0.08, "coverage": 0.08}  # changes that matter to nobody, whatever the chance
ADWIN_DELTA = 0.002  # river's default
PATHS, BLOCK = 200, {"D": 14, "W": 4, "M": 2}


@dataclass
class ForecastWatch:
    """Running comparison of forecasts with what came, for the whole shop and for each product group.

    Parameters
    ----------
    freq, country, level : frequency, whose holidays are left out, and the share that the watched interval should hold.
    groups, usual : product → group, and product → usual sales of a period.
    baseline : by group: ``means`` and ``sds`` of bias, error and coverage in the back-test, and ``limits`` by signal.
    figures : one row a night and group, see `nights.night_figures`.
    since : nights up to this one (ISO date) belong to an earlier model; empty for none.
    """

    freq: str
    country: str
    level: float
    groups: dict[str, str]
    usual: dict[str, float]
    baseline: dict[str, dict[str, Any]]
    figures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["ds", "group", *nights.FIGURES]))
    since: str = ""

    @classmethod
    def of(cls, forecasts: pd.DataFrame, panel: pd.DataFrame, meta: Mapping[str, Any]) -> ForecastWatch:
        """Learn from back-test forecasts of one model how it errs while nothing changes.

        Parameters
        ----------
        forecasts : forecast table of earlier cutoffs whose sales are in the ``panel``.

        Raises
        ------
        ValueError
            When fewer than `LEAST_NIGHTS` periods have both, or there are several models.
        """
        if "model" in forecasts and forecasts["model"].nunique() > 1:
            found = sorted(forecasts["model"].unique())
            raise ValueError(f"forecasts: {len(found)} models {found}; give the rows of the one that is watched")
        freq = str(meta["freq"])
        country = str(meta.get("country", ""))
        rows = nights.scored(forecasts, profile.usual_days(panel, country, freq))
        if rows["ds"].nunique() < LEAST_NIGHTS:
            raise ValueError(
                f"forecasts: {rows['ds'].nunique()} periods have forecast and sales; a watch learns from at least "
                f"{LEAST_NIGHTS}: give the back-test's cutoffs too"
            )
        groups = profile.groups_of(panel, meta)
        size = rows.groupby("unique_id")["y"].mean()
        usual = {str(uid): round(float(value), 6) for uid, value in size.items()}
        figures = nights.night_figures(rows, groups, usual)
        kind = check_freq(freq).kind
        baseline = {str(name): _baseline(part, kind) for name, part in figures.groupby("group")}
        return cls(freq, country, nights.band_columns(forecasts)[2], groups, usual, baseline)

    def update(self, forecasts: pd.DataFrame, actuals: pd.DataFrame) -> int:
        """Add the nights that both tables hold; a night that is already known is replaced. Returns rows scored."""
        rows = nights.scored(forecasts, profile.usual_days(actuals, self.country, self.freq))
        if rows.empty:
            return 0
        new = nights.night_figures(rows, self.groups, self.usual)
        kept = self.figures[~self.figures["ds"].isin(new["ds"].unique())]
        both = pd.concat([kept, new], ignore_index=True) if len(kept) else new
        self.figures = both.sort_values(["group", "ds"], ignore_index=True)
        return len(rows)

    def retrained(self, cutoff: pd.Timestamp | str) -> None:
        """Another model forecasts from now on: signals begin anew after ``cutoff``; earlier nights stay on record."""
        self.since = str(pd.Timestamp(cutoff).date())

    def alarms(self, until: pd.Timestamp | str | None = None) -> pd.DataFrame:
        """State of every signal after the last night, or after ``until``: columns of `data_drift`, alarms first."""
        rows = []
        for name, part in self.figures.groupby("group"):
            part = part[part["ds"] > pd.Timestamp(self.since)] if self.since else part
            part = part if until is None else part[part["ds"] <= pd.Timestamp(until)]
            if str(name) in self.baseline and len(part):
                rows += self._signals(str(name), part)
        table = pd.DataFrame(rows, columns=COLUMNS).astype({"value": "float64", "limit": "float64", "alarm": bool})
        return table.sort_values("alarm", ascending=False, kind="stable", ignore_index=True)

    def nightly(self) -> pd.DataFrame:
        """Figures of the whole shop by night: ``ds, wape, bias, coverage, rows``."""
        part = self.figures[self.figures["group"] == profile.WHOLE]
        sold = part["sold"].clip(lower=1e-12)
        columns = {
            "ds": part["ds"],
            "wape": part["absolute"] / sold,
            "bias": (part["forecast"] - part["sold"]) / sold,
            "coverage": part["inside"] / part["rows"].clip(lower=1),
            "rows": part["rows"],
        }
        return pd.DataFrame(columns).reset_index(drop=True)

    def _signals(self, group: str, part: pd.DataFrame) -> list[tuple[Any, ...]]:
        known = self.baseline[group]
        kind = check_freq(self.freq).kind
        path = (nights.scaled(part) - known["means"]).T  # (3, nights)
        found = {name: statistic(path, known["sds"], kind) for name, statistic in STATISTICS.items()}
        early = path.shape[1] < LEAST_NIGHTS
        recent = {name: float(path[k, -RECENT[kind] :].mean()) for k, name in enumerate(SMALL)}
        rows = []
        for name, values in found.items():
            value, limit = float(values[-1]), float(known["limits"][name])
            about = ABOUT[name]
            matters = abs(recent[about]) > SMALL[about] or name == "page-hinkley"
            if name == "coverage":  # nights cluster: beyond what their number explains, too
                matters = matters and self._too_few_inside(part.tail(RECENT[kind]), known["means"][2])
            if name == "tracking signal":  # it stays near one for long while little is wrong: it never alarms alone
                matters = matters and abs(found["bias"][-1]) > known["limits"]["bias"]
            alarm = bool(abs(value) > limit and matters and not early)
            rows.append(
                (name, group, value, limit, alarm, _says(name, group, recent[about], known, value, limit), DO[about])
            )
        changes = signals.adwin_changes(path[1] / known["sds"][1], ADWIN_DELTA)
        rises = [night for night, rise in changes if rise > 0 and night >= path.shape[1] - RECENT[kind]]
        when = str(pd.Timestamp(part["ds"].iloc[rises[-1]]).date()) if rises else ""
        says = f"the error of {group} rose, seen on {when}" if rises else f"ADWIN sees no rise of the error of {group}"
        rows.append(("adwin", group, float(len(rises)), 0.0, bool(rises), says, DO["error"]))
        return rows

    @staticmethod
    def _too_few_inside(part: pd.DataFrame, usual: float) -> bool:
        """Whether fewer sales lie inside the interval than the binomial limits of clustered nights allow."""
        inside, rows = part["inside"].to_numpy(), part["rows"].to_numpy()
        return bool(inside.sum() / max(rows.sum(), 1) < signals.coverage_limits(inside, rows, usual)[0])

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        table = self.figures.assign(ds=pd.to_datetime(self.figures["ds"]).dt.strftime("%Y-%m-%d"))
        told = ("freq", "country", "level", "groups", "usual", "baseline", "since")
        return {"version": VERSION, **{name: getattr(self, name) for name in told}, "figures": table.to_dict("list")}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ForecastWatch:
        """Inverse of `to_json`; raises ValueError for another version, or where something is missing."""
        needed = ("freq", "country", "level", "groups", "usual", "baseline", "since", "figures")
        lacking = [name for name in needed if name not in stored]
        if lacking and stored.get("version") == VERSION:
            raise ValueError(f"watch: {lacking} are missing; begin it anew from the run's forecasts")
        if stored.get("version") != VERSION:
            raise ValueError(f"watch: version {stored.get('version')!r}, expected {VERSION}; begin it anew")
        figures = pd.DataFrame(stored["figures"], columns=["ds", "group", *nights.FIGURES])
        figures["ds"] = pd.to_datetime(figures["ds"])
        told = {name: stored[name] for name in needed[:-1]}
        return cls(figures=figures, **told)


Statistic = Callable[[np.ndarray, Any, str], np.ndarray]
# From paths (..., 3, nights) of bias, error and coverage less their usual values: (..., nights).
STATISTICS: dict[str, Statistic] = {
    "tracking signal": lambda x, sds, kind: signals.tracking_signal(x[..., 0, :]),
    "bias": lambda x, sds, kind: _smoothed(x[..., 0, :], sds[0], kind),
    "error": lambda x, sds, kind: np.maximum(_smoothed(x[..., 1, :], sds[1], kind), 0.0),
    "coverage": lambda x, sds, kind: np.maximum(-_smoothed(x[..., 2, :], sds[2], kind), 0.0),
    "page-hinkley": lambda x, sds, kind: signals.page_hinkley(x[..., 1, :] / sds[1]),
}
ABOUT = {"tracking signal": "bias", "bias": "bias", "error": "error", "coverage": "coverage", "page-hinkley": "error"}
DO = {
    "bias": "was it planned (price, promotion, competitor)? Tell the plan; if it stays, retrain",
    "error": "look at the group's largest errors; if none is a fault of the feed, retrain",
    "coverage": "safety stocks are wrong until it is mended: retrain, or recalibrate the intervals",
}


def _smoothed(values: np.ndarray, sd: float, kind: str) -> np.ndarray:
    """Mean over the recent nights in standard deviations of one night, zero while there are few; (..., nights)."""
    mean = signals.trailing_mean(values, RECENT[kind]) / sd
    count = np.minimum(np.arange(1, values.shape[-1] + 1), RECENT[kind])
    return np.where(count >= LEAST_NIGHTS, mean * np.sqrt(count / RECENT[kind]), 0.0)


def _baseline(part: pd.DataFrame, kind: str) -> dict[str, Any]:
    """Usual figures of a group, and limits that hardly any quarter of its own nights passes."""
    values = nights.scaled(part)
    means, sds = values.mean(axis=0), np.maximum(values.std(axis=0), 0.01)
    paths = signals.quarters(values - means, QUARTER[kind], PATHS, BLOCK[kind])
    limits = {}
    for name, statistic in STATISTICS.items():
        most = np.abs(statistic(paths, sds, kind)).max(axis=-1)
        middle, high = np.quantile(most, [0.5, 0.95])
        limit = SLACK * float(middle + BEYOND * (high - middle))
        limits[name] = round(min(limit, 0.97) if name == "tracking signal" else limit, 4)
    return {"means": means.round(6).tolist(), "sds": sds.round(6).tolist(), "limits": limits, "nights": len(values)}


def _says(name: str, group: str, recent: float, known: Mapping[str, Any], value: float, limit: float) -> str:
    if ABOUT[name] == "bias":
        way = "too much" if recent > 0 else "too little"
        return f"{name}: {group} is forecast {abs(recent):.0%} of usual sales {way}, beside what is usual"
    if ABOUT[name] == "coverage":
        share = known["means"][2]
        return f"{name}: the interval of {group} holds {share + recent:.0%} of the sales, {share:.0%} in the back-test"
    usual = known["means"][1]
    return f"{name}: the error of {group} is {usual + recent:.2f} of usual sales, {usual:.2f} before"
