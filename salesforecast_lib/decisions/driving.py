"""Which forecast drives a decision, and what it consists of, in words for a planner (chapters 06b and 08 to 13)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib import CHAMPION
from salesforecast_lib.files import read_json, resolve
from salesforecast_lib.wording import counted, listed

FORECASTS, OWN, COMPOSITIONS = "forecasts.parquet", "champion_forecasts.parquet", "champion.json"
RULES = ("SeasonalNaive", "WindowAverage", "Theta")
SIMPLE = (*RULES, "AutoETS")  # fitted series by series


def driving_model(forecasts: pd.DataFrame, name: str, file: str = FORECASTS) -> str:
    """The name that ``name`` has in a forecast table, upper and lower case alike: "champion" is "Champion".

    Raises
    ------
    ValueError
        Listing the names in the table, when it is none of them.
    """
    names = sorted(forecasts["model"].unique())
    found = [each for each in names if each.casefold() == name.strip().casefold()]
    if not found:
        raise ValueError(f"model={name!r}: not in {file}, which holds {', '.join(names) or 'no forecast'}")
    return name if name in found else str(found[0])


def read_forecasts(run_dir: str | Path, name: str) -> tuple[pd.DataFrame, str]:
    """A run's forecasts of all models, and the name in them of the one that drives.

    A run that makes the plan only has those of the champion and its members; so has one whose other forecasts are of
    an earlier champion, and not to be compared with this one.

    Raises
    ------
    FileNotFoundError
        When neither chapter 06b nor chapter 07 has written forecasts yet.
    ValueError
        Listing the names in the table, when ``name`` is none of them.
    """
    own, every = resolve(run_dir) / OWN, resolve(run_dir) / FORECASTS
    if not own.is_file() and not every.is_file():
        raise FileNotFoundError(f"{own}: no forecasts yet; run chapter 06b first")
    champion = pd.read_parquet(own) if own.is_file() else None
    if every.is_file():
        forecasts = pd.read_parquet(every)
        if champion is None or _same_champion(forecasts, champion):
            return forecasts, driving_model(forecasts, name)
    assert champion is not None
    return _comparable(champion), driving_model(champion, name, OWN)


def _comparable(forecasts: pd.DataFrame) -> pd.DataFrame:
    """``forecasts`` without the series that are not forecast at every cutoff; all of them from the end of the data."""
    today = forecasts["cutoff"] == forecasts["cutoff"].max()
    scored = forecasts[~today]
    cutoffs = scored.groupby("unique_id")["cutoff"].nunique()
    always = cutoffs.index[cutoffs == scored["cutoff"].nunique()]
    return forecasts[today | forecasts["unique_id"].isin(always)].reset_index(drop=True)


def _same_champion(forecasts: pd.DataFrame, champion: pd.DataFrame) -> bool:
    """Whether what ``forecasts`` holds of the champion at its last cutoff is what ``champion`` says there."""
    keys, last = ["unique_id", "ds"], champion["cutoff"].max()
    ours, theirs = (
        table.loc[(table["model"] == CHAMPION) & (table["cutoff"] == last), [*keys, "mean"]].sort_values(keys)
        for table in (champion, forecasts)
    )
    return ours.reset_index(drop=True).equals(theirs.reset_index(drop=True))


def read_composition(run_dir: str | Path) -> dict[str, Any]:
    """What the champion consists of at the end of the data; empty where the run has not written it.

    Returns
    -------
    dict with ``weights``, ``losses``, ``left_out``, ``validated_at`` and ``notes``, as of `Composition.to_json`.
    """
    file = resolve(run_dir) / COMPOSITIONS
    if not file.is_file():
        return {}
    stored = read_json(file)["compositions"]
    return dict(stored[max(stored)])  # ISO dates: the largest is the latest


def shares(weights: Mapping[str, float]) -> str:
    """Members by their share, largest first: "Boosting 60 %, Networks 40 %"; one that has all is "alone"."""
    kept = sorted(((share, name) for name, share in weights.items() if share > 0), key=lambda item: (-item[0], item[1]))
    if len(kept) == 1:
        return f"{kept[0][1]} alone"
    return ", ".join(f"{name} {100 * share:.0f} %" if share >= 0.005 else f"{name} under 1 %" for share, name in kept)


def consists_of(composition: Mapping[str, Any]) -> str:
    """One sentence on a champion: its members, on how much it was judged, and what was left out and why."""
    weights, judged = composition["weights"], len(composition.get("validated_at") or ())
    names = [name for name, share in weights.items() if share > 0]
    kind = ""
    if set(names) <= set(SIMPLE):
        word = "rule" if set(names) <= set(RULES) else "model"
        kind = f"a simple {word}, " if len(names) == 1 else f"simple {word}s only, "
    parts = [f"{CHAMPION}: {kind}{shares(weights)}"]
    if not judged:
        parts.append("judged on no earlier cutoff: the history is too short")
    elif kind:
        parts.append(f"judged on {counted(judged, 'earlier cutoff')}, where nothing that learns was better")
    else:
        parts.append(f"judged on {counted(judged, 'earlier cutoff')}")
    left_out = dict(composition.get("left_out") or {})
    without = sorted(set(composition.get("losses") or {}) - set(names) - set(left_out))
    if without:
        parts.append(f"without a share: {listed(without)}")
    if left_out:
        parts.append("left out: " + ", ".join(f"{name} ({why})" for name, why in sorted(left_out.items())))
    return "; ".join([*parts, *(composition.get("notes") or ())])


def composition_table(composition: Mapping[str, Any]) -> pd.DataFrame:
    """Members of a champion, largest share first: index ``member``, ``share``, ``loss`` and ``why``.

    ``loss`` is the scaled quantile loss on the earlier cutoffs on which all were judged, missing where there was none.
    """
    weights, losses = composition["weights"], composition.get("losses") or {}
    left_out = composition.get("left_out") or {}
    names = list(dict.fromkeys([*weights, *losses, *left_out]))
    rows = {
        "share": [float(weights.get(name, 0.0)) for name in names],
        "loss": [losses.get(name) for name in names],
        "why": [_reason(name, composition) for name in names],
    }
    table = pd.DataFrame(rows, index=pd.Index(names, name="member")).astype({"loss": "float64"})
    return table.sort_values(["share", "loss"], ascending=[False, True], kind="stable")


def _reason(name: str, composition: Mapping[str, Any]) -> str:
    left_out: Mapping[str, str] = composition.get("left_out") or {}
    if name in left_out:
        return f"left out: {left_out[name]}"
    if composition["weights"].get(name, 0.0) > 0:
        return "in the forecast"
    return "no share: with it the earlier cutoffs were forecast no better"


def driven_by(run_dir: str | Path, model: str) -> str:
    """What stands behind a decision that reads the forecasts of ``model``: the champion's members, or its name."""
    if model.casefold() != CHAMPION.casefold():
        return f"{model}, asked for in the champion's place"
    composition = read_composition(run_dir)
    return consists_of(composition) if composition else CHAMPION
