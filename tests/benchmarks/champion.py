"""The champion in benchmarks: what it is told of a panel, the code behind its forecasts, and what it consisted of."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.dependencies import library_files

PACKAGE = "salesforecast_lib/models/champion"
# What decides over members' forecasts, but does not make them; `plan`'s settings are part of each stored member's name.
DECIDING = tuple(f"{PACKAGE}/{name}.py" for name in ("__init__", "champion", "guard", "plan", "settings", "weights"))


def code_key(members_only: bool = False, root: Path | None = None) -> str:
    """Hash of the code on which a forecast depends; a changed comment or docstring is no change.

    Parameters
    ----------
    members_only : leave out what weighs the members, so that their stored forecasts outlive a change of it.
    root : folder that holds the library; the project's by default.
    """
    root = root or project_root()
    digest = hashlib.sha256()
    for file in library_files(root / PACKAGE / "champion.py", root):
        name = file.relative_to(root).as_posix()
        if members_only and name in DECIDING:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        digest.update(f"{name} {ast.dump(tree)}".encode())
    return digest.hexdigest()[:12]


def told(
    panel: pd.DataFrame, meta: dict[str, Any], last: pd.Timestamp
) -> tuple[FeatureTable, pd.DataFrame, dict[str, Any]]:
    """Feature table up to ``last``, the *future* columns of all periods, and the description that goes with them.

    Parameters
    ----------
    panel : with the periods after ``last``; ``y``, ``available`` and *historical* cells that are not known are missing.
    meta : ``panel.json``, with ``horizon``.
    """
    panel = panel.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    panel["available"] = panel["available"].fillna(0.0).where(panel["y"].notna(), 0.0)
    panel["y"] = panel["y"].fillna(0.0)
    historical = list(meta["historical"])
    if historical:
        panel[historical] = panel.groupby("unique_id", sort=False)[historical].ffill().fillna(0.0)
    whole = build_features(panel, meta)
    known = whole.frame[["unique_id", "ds", *whole.roles["future"]]].copy()
    frame = whole.frame[whole.frame["ds"] <= last].reset_index(drop=True)
    table = FeatureTable(frame, whole.roles, whole.groups, whole.in_units)
    return table, known, {**meta, **table.roles, "groups": table.groups, "in_units": table.in_units}


def mean_weights(compositions: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean weight of each member over the cutoffs, the largest first."""
    names = {name for each in compositions for name in each["weights"]}
    shares = {name: sum(each["weights"].get(name, 0.0) for each in compositions) / len(compositions) for name in names}
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def consists_of(compositions: Sequence[dict[str, Any]]) -> str:
    """Members with their mean weight over the cutoffs, on what they were judged, and what was left out and why."""
    if not compositions:
        return "What the champion consisted of was not stored."
    count = len(compositions)
    shares = [f"{name} {share:.0%}" for name, share in mean_weights(compositions).items() if share >= 0.005]
    words = f"The champion: {', '.join(shares)}" + (f" on average over {count} cutoffs" if count > 1 else "")
    judged = {when for each in compositions for when in each["validated_at"]}
    words += f"; judged on {len(judged)} earlier cutoffs." if judged else "; no earlier cutoff could judge its members."
    left: dict[str, list[str]] = {}
    for each in compositions:
        for name, why in each["left_out"].items():
            left.setdefault(name, []).append(why)
    for name, reasons in left.items():
        words += f" Left out at {len(reasons)} of {count}: {name} ({reasons[0]})."
    return words
