"""Sentences about watching and retraining, true whatever the data say (chapter 15)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.wording import counted, listed

LEVEL = 0.015  # of the cost: closer is no difference, as in chapter 07


def drifts_found(table: pd.DataFrame, quiet: str = "nothing") -> list[str]:
    """One sentence for each change of `trial.summarise` (source "both"), and one on false alarms."""
    both = table[table["source"] == "both"].set_index("drift")
    lines = []
    for name, row in both.drop(index=quiet, errors="ignore").iterrows():
        if row["seen"] == 0:
            lines.append(f"{name}: not seen within the quarter")
            continue
        how = "always" if row["seen"] == 1 else f"in {row['seen']:.0%} of the markets"
        lines.append(f"{name}: seen {how}, after {counted(row['delay'], 'day')} in the middle")
    if quiet in both.index:
        lines.append(f"without any change: {both.loc[quiet, 'calls']:.1f} calls a quarter, all of them false")
    return lines


def policies_found(table: pd.DataFrame, never: str = "never") -> str:
    """Whether retraining paid, from `policy_table` with costs; within `LEVEL` of the cost nothing did."""
    cost = table["cost"]
    others = cost.drop(index=never)
    best = str(others.idxmin())
    share = float((cost[never] - others[best]) / cost[never])
    if share > LEVEL:
        return (
            f"retraining pays: {best} costs {share:.1%} less than a model that is never trained again, "
            f"for {counted(table.loc[best, 'trainings'], 'training')}"
        )
    worse = [str(name) for name in others.index if (others[name] - cost[never]) / cost[never] > LEVEL]
    if share >= -LEVEL:
        told = f"; {listed(worse)} cost more" if worse else ""
        return f"retraining does not pay here: the best policy, {best}, is level with never training again{told}"
    return f"retraining costs money here: every policy is dearer than never training again, {best} by {-share:.1%}"


def accuracy_found(table: pd.DataFrame, never: str = "never") -> str:
    """Whether error and money agree on the best policy of `policy_table`."""
    error, cost = str(table["wape"].idxmin()), str(table["cost"].idxmin())
    gap = table["wape"].max() - table["wape"].min()
    if error == cost:
        return f"error and money agree: {error} has the least of both; errors differ by {100 * gap:.1f} points of WAPE"
    return f"error and money disagree: {error} errs least, {cost} costs least; errors differ by {100 * gap:.1f} points"


def write_findings(run_dir: str | Path, drifts: pd.DataFrame, policies: pd.DataFrame, change: pd.DataFrame) -> Path:
    """Write ``monitoring.json`` of a run: the three tables of chapter 15, without times."""
    tables = {"drifts": drifts, "policies": policies.drop(columns="minutes").reset_index()}
    tables["explanation"] = change.reset_index()
    told = {name: table.replace({np.nan: None}).to_dict("records") for name, table in tables.items()}
    return write_json(told, resolve(run_dir) / "monitoring.json")
