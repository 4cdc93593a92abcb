"""Recall, precision and delay of the trials, what they say in words, and the record of a run (chapter 09)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alerts.combination import Alarm
from salesforecast_lib.decisions.alerts.grid import Grid
from salesforecast_lib.decisions.alerts.trials import Trial

VERDICTS = ("more", "about as many", "fewer")


def summarise(result: Trial, by: Sequence[str] = ("alarm",)) -> pd.DataFrame:
    """Recall, precision, F1, mean delay of what was found, and other alerts per 1,000 product-weeks.

    ``recall`` is the mean over kinds and strengths, each with the same weight. Precision holds for this density of
    anomalies: found / (found + alerts outside the injected periods).
    """
    keys = list(dict.fromkeys([*by, "kind", "strength"]))
    cells = result.events.groupby(keys, sort=False).agg(
        events=("found", "size"), found=("found", "sum"), rate=("found", "mean"), late=("delay", "sum")
    )
    cells = cells.reset_index().merge(result.alerts, on=[*dict.fromkeys(["alarm", "kind", "strength"])])
    groups = cells.groupby(list(by), sort=False)
    table = groups[["events", "found", "late", "others", "weeks"]].sum()
    table["recall"] = groups["rate"].mean()
    table["precision"] = table["found"] / (table["found"] + table["others"]).clip(lower=1)
    table["f1"] = 2 * table["recall"] * table["precision"] / (table["recall"] + table["precision"]).clip(lower=1e-9)
    table["delay"] = (table["late"] / table["found"].clip(lower=1)).where(table["found"] > 0)
    table["false_alerts"] = 1000 * table["others"] / table["weeks"]
    return table[["events", "recall", "precision", "f1", "delay", "false_alerts"]].reset_index()


def recall_gain(result: Trial, chosen: str, replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """How much more of the events ``chosen`` finds than each other alarm: ``alarm, kind, gain, low, high`` (95 %).

    The interval is from a bootstrap that draws products (Efron & Tibshirani, 1993); kind "all" is the mean over kinds.
    """
    rng = np.random.default_rng(seed)
    wide = result.events.pivot_table(index=["kind", "strength", "series"], columns="alarm", values="found").astype(
        float
    )
    series = wide.index.get_level_values("series").to_numpy()
    weight = rng.multinomial(series.max() + 1, np.full(series.max() + 1, 1 / (series.max() + 1)), replicates)[:, series]
    cells = list(dict.fromkeys(zip(wide.index.get_level_values(0), wide.index.get_level_values(1), strict=True)))
    rows = []
    for other in (name for name in wide if name != chosen):
        difference = (wide[chosen] - wide[other]).to_numpy()
        point, draws = {}, {}
        for cell in cells:
            mask = wide.index.get_locs([cell[0], cell[1]])
            point[cell] = difference[mask].mean()
            draws[cell] = (weight[:, mask] @ difference[mask]) / np.maximum(weight[:, mask].sum(1), 1)
        for kind in ("all", *dict.fromkeys(cell[0] for cell in cells)):
            part = [cell for cell in cells if kind in ("all", cell[0])]
            low, high = np.quantile(np.mean([draws[cell] for cell in part], axis=0), [0.025, 0.975])
            rows.append((other, kind, float(np.mean([point[cell] for cell in part])), float(low), float(high)))
    return pd.DataFrame(rows, columns=["alarm", "kind", "gain", "low", "high"])


def overview(result: Trial) -> pd.DataFrame:
    """`summarise` by alarm, and ``ordinary_alerts``: alerts per 1,000 product-weeks in the data as they are."""
    plain = result.alerts[result.alerts["kind"] == "none"].set_index("alarm")
    table = summarise(result).set_index("alarm")
    return table.assign(ordinary_alerts=1000 * plain["others"] / plain["weeks"])


def pivot(result: Trial, value: str = "recall") -> pd.DataFrame:
    """One of the columns of `summarise`, by alarm (rows, in the order of the trial) and kind of anomaly."""
    table = summarise(result, ["alarm", "kind"])
    return table.pivot(index="alarm", columns="kind", values=value).loc[list(dict.fromkeys(table["alarm"]))]


def together(*results: Trial) -> Trial:
    """Trials of several alarms on the same scenarios as one."""
    events = pd.concat([one.events for one in results], ignore_index=True)
    return Trial(events, pd.concat([one.alerts for one in results], ignore_index=True))


def only_kinds(result: Trial, without: Collection[str]) -> Trial:
    """The trial without the anomalies of some kinds; the data as they are stay in it.

    Raises
    ------
    ValueError
        When no kind is left.
    """
    events = result.events[~result.events["kind"].isin(without)]
    if events.empty:
        raise ValueError(f"without={sorted(without)}: no other kind of anomaly is in the trial")
    return Trial(events.reset_index(drop=True), result.alerts[~result.alerts["kind"].isin(without)])


def recall(result: Trial) -> pd.Series:
    """Recall by alarm, in the order of the trial; see `summarise`."""
    return summarise(result).set_index("alarm")["recall"]


def leader(result: Trial, measure: str = "recall", margin: float = 0.02) -> str:
    """Name of the alarm that is ahead in a column of `summarise`, or that the best are about level.

    ``margin`` is the lead from which it is one: less is what the same training moves on another processor.
    """
    values = summarise(result).set_index("alarm")[measure].sort_values(ascending=False, kind="stable")
    level = [str(name) for name in values.index[values >= values.iloc[0] - margin]]
    return level[0] if len(level) == 1 else f"{' and '.join(sorted(level))} are about level"


def leaders(result: Trial) -> str:
    """Who has the highest recall and the highest F1, in words; see `leader`."""
    return f"highest recall: {leader(result, 'recall')}; highest F1: {leader(result, 'f1')}"


def listed(groups: dict[str, list[str]], before: str = "") -> str:
    """Names by verdict, a line each, with ``before`` in front of the verdict; an empty group says "none"."""
    return "\n".join(f"{before}{word}: {', '.join(names) or 'none'}" for word, names in groups.items())


def against_each(gain: pd.DataFrame) -> dict[str, list[str]]:
    """Other alarms by the `verdict` of the mean over all kinds; see `recall_gain`."""
    rows = gain[gain["kind"] == "all"]
    words = np.array([verdict(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)])
    return {word: sorted(rows["alarm"][words == word]) for word in VERDICTS}


def verdict(low: float, high: float, margin: float = 0.02) -> str:
    """What an interval for a difference in recall says: "more", "fewer" or "about as many".

    ``margin`` is the recall that the same training moves on another processor.
    """
    if low > margin:
        return "more"
    return "fewer" if high < -margin else "about as many"


def best_rival(gain: pd.DataFrame) -> pd.DataFrame:
    """Of each kind, and of all, the row of the other alarm that does best; see `recall_gain`."""
    best = gain.sort_values("gain", kind="stable").drop_duplicates("kind").set_index("kind")
    return best.loc[list(dict.fromkeys(gain["kind"]))].reset_index()


def against_best(gain: pd.DataFrame, clear: float = 0.5) -> dict[str, list[str]]:
    """Kinds of anomalies by how the chosen alarm does against the single detector that does best; see `recall_gain`.

    Returns
    -------
    dict of kinds under "far more" (the interval lies above ``clear``), "fewer" (below zero), and what is in between.
    """
    best = best_rival(gain[gain["kind"] != "all"])
    words = np.select([best["low"] > clear, best["high"] < 0], ["far more", "fewer"], "as many or somewhat more")
    order = ("far more", "as many or somewhat more", "fewer")
    return {word: sorted(best["kind"][words == word]) for word in order}


def record(
    grid: Grid,
    alarm: Alarm,
    model: str,
    found: Trial,
    hindsight: Trial,
    gain: pd.DataFrame,
    bare: tuple[Alarm, Trial],
    alerts: pd.DataFrame,
    market: dict[str, Any],
    reason: str = "",
) -> dict[str, Any]:
    """What the chapter found, for ``alerts.json``.

    Parameters
    ----------
    alarm, model : the alarm in use, and whose forecast it reads.
    found, hindsight : trial at the thresholds of the calibration, and at those that the alert periods would give.
    gain : table of `recall_gain`. ``bare`` : the combination without channels that mirror a kind, and the trial of all
        alarms, itself included, on the kinds that have no such channel.
    alerts : table of `find_alerts`. ``market`` : numbers of the simulated market. ``reason`` : why there is no alert.
    """
    _, calibration, recent = grid.split()

    def span(columns: np.ndarray) -> list[str]:
        return [str(grid.dates[columns[place]].date()) for place in (0, -1)]

    def by_alarm(result: Trial) -> dict[str, Any]:
        return summarise(result).set_index("alarm").replace({np.nan: None}).to_dict("index")

    return {
        "budget": alarm.budget,
        "model": model,
        "calibration": span(calibration),
        "alert_periods": span(recent),
        "weights": alarm.weights,
        "overall": by_alarm(found),
        "hindsight": by_alarm(hindsight),
        "recall_by_kind": pivot(found).to_dict("index"),
        "gain_in_recall": gain[gain["kind"] == "all"].drop(columns="kind").set_index("alarm").to_dict("index"),
        "other_kinds": {"channels": list(bare[0].tails), "overall": by_alarm(bare[1])},
        "alerts": alerts["kind"].value_counts().to_dict(),
        "reason": reason,
        "market": market,
    }
