"""The league: all models on the same rows of a task: ``python -m tests.benchmarks.league DATASET --models A,B``.

Each forecast of a model at a cutoff is stored under ``runs/league/DATASET``; a stopped league goes on from there, and a
model can be added later. ``--keep FILE`` runs the named models and keeps the other rows of a stored result, when it was
made on the same rows. Peers of other libraries need ``pip install -e .[peers]``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.evaluation.significance import BlockBootstrap, differences
from salesforecast_lib.files import read_json, resolve, write_json, write_parquet
from salesforecast_lib.models.champion import MODEL, ChampionConfig
from salesforecast_lib.models.peers.baselines import close_shop
from tests.benchmarks.league_champion import champion_of
from tests.benchmarks.league_models import MODELS, Entry, entries
from tests.benchmarks.league_tasks import TASKS, Task

CONTRACT = ["unique_id", "ds", "cutoff", "model", "mean", *QUANTILE_COLUMNS]
MEASURES = (
    "scaled_quantile_loss",
    "wape",
    "wape_of_mean",
    "mase",
    "bias",
    "mape",
    "mape_of_mean",
    "coverage_50",
    "coverage_80",
    "coverage_90",
)


@dataclass(frozen=True)
class Stored:
    """Folder of one model's forecasts in one task; its name changes with the data, the protocol and the settings."""

    folder: Path

    @classmethod
    def of(cls, root: Path, task: Task, entry: Entry) -> Stored:
        """Folder for these settings."""
        text = json.dumps([task.key, entry.name, entry.settings], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return cls(root / task.name / f"{entry.name}-{digest}")

    def file(self, cutoff: pd.Timestamp, origin: pd.Timestamp) -> Path:
        """Where the forecast of one cutoff is, of a model fitted at ``origin``."""
        earlier = "" if origin == cutoff else f"_fitted_{origin.date()}"
        return self.folder / f"{cutoff.date()}{earlier}.parquet"

    def seconds(self) -> dict[str, float]:
        """Fitting and forecasting time of each cutoff."""
        file = self.folder / "seconds.json"
        return read_json(file) if file.is_file() else {}


def check(table: pd.DataFrame, task: Task, cutoff: pd.Timestamp, name: str) -> pd.DataFrame:
    """The contract: one row for each series and step, finite, ordered, not negative; raises ValueError otherwise."""
    view = task.view(cutoff)
    expected = view.panel.loc[view.panel["ds"] > cutoff, ["unique_id", "ds"]]
    found = expected.merge(table, on=["unique_id", "ds"], how="left")
    values = found[["mean", *QUANTILE_COLUMNS]].to_numpy("float64")
    wrong = {
        "missing or not finite": int((~np.isfinite(values)).any(1).sum()),
        "given twice": len(found) - len(expected),
        "negative": int((values < 0).any(1).sum()),
        "with crossing quantiles": int((np.diff(values[:, 1:], axis=1) < -1e-6).any(1).sum()),
    }
    if any(wrong.values()):
        raise ValueError(
            f"{name} at {cutoff.date()}: of {len(expected)} rows {wrong}; a model has to forecast them all"
        )
    return found.assign(cutoff=cutoff, model=name)[CONTRACT]


def forecasts_of(task: Task, entry: Entry, root: Path, cutoffs: list[pd.Timestamp], say: Any = print) -> pd.DataFrame:
    """Forecasts of one model at ``cutoffs``, those that are stored already read back.

    A model that is fitted once (``refit`` false) is fitted at the first of the task's cutoffs, or of its validation
    cutoffs, and only its inputs move on.
    """
    stored = Stored.of(root, task, entry)
    seconds, fitted, files = stored.seconds(), {}, []
    for cutoff in cutoffs:
        group = task.validation if cutoff in task.validation else task.cutoffs
        origin = cutoff if entry.refit else group[0]
        files.append(stored.file(cutoff, origin))
        if files[-1].is_file():
            continue
        begun = time.perf_counter()
        if origin not in fitted:
            fitted = {origin: entry.fit(task.view(origin))}
        table = fitted[origin](task.view(cutoff))
        spent = time.perf_counter() - begun
        table = check(close_shop(table, task.panel, task.meta["future"]), task, cutoff, entry.name)
        write_parquet(table, files[-1])
        seconds[str(cutoff.date())] = round(spent, 2)
        write_json(seconds, stored.folder / "seconds.json")
        say(f"{task.name} {entry.name} {cutoff.date()} {spent:.1f} s")
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


def reciprocal_median(rows: pd.DataFrame) -> np.ndarray:
    """Point that minimises the expected absolute percentage error: the median under weights 1/y (Gneiting 2011).

    Computed for every model from its seven quantiles, linear between them and beyond them.
    """
    levels = (np.arange(400) + 0.5) / 400
    quantiles = rows[list(QUANTILE_COLUMNS)].to_numpy("float64")
    known = np.array(QUANTILES)
    left = np.clip(np.searchsorted(known, levels) - 1, 0, len(known) - 2)
    share = (levels - known[left]) / (known[left + 1] - known[left])
    values = quantiles[:, left] * (1 - share) + quantiles[:, left + 1] * share  # (rows, levels)
    floor = np.maximum(0.2 * quantiles[:, 3:4], 1e-6)  # the lower tail is not known: sales near zero weigh no more
    values = np.maximum(values, floor)
    weight = np.cumsum(1 / values, axis=1)
    place = (weight < 0.5 * weight[:, -1:]).sum(1)
    return values[np.arange(len(values)), place]


def score(task: Task, forecasts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures of each model, and the rows they were computed on.

    Absolute errors (WAPE, MASE) are those of each model's median, which is what minimises them; ``wape_of_mean`` and
    ``bias`` those of its mean; MAPE that of `reciprocal_median`, ``mape_of_mean`` that of the mean as it was given.
    """
    panel = task.scoring_panel()
    rows = scored_rows(task.scored(forecasts), panel)
    median = rows.assign(mean=rows["q0.5"])
    table = evaluate(median, panel, task.scale_lag).set_index("model")
    own = evaluate(rows, panel, task.scale_lag).set_index("model")
    table["wape_of_mean"], table["bias"], table["mape_of_mean"] = own["wape"], own["bias"], own["mape"]
    table["mape"] = evaluate(rows.assign(mean=reciprocal_median(rows)), panel, task.scale_lag).set_index("model")[
        "mape"
    ]
    return table[list(MEASURES)].sort_values("scaled_quantile_loss"), median


def compare(task: Task, rows: pd.DataFrame, table: pd.DataFrame, kinds: dict[str, str]) -> dict[str, Any]:
    """Paired block bootstrap of the champion and our network against the best peer, in scaled quantile loss.

    It needs forecasts: the peer is the best of those that ran.
    """
    peers = [name for name in table.index if kinds[name] == "peer"]
    ours = [name for name in table.index if kinds[name] in ("champion", "network")]
    if not peers or not ours:
        return {}
    best = table.loc[peers, "scaled_quantile_loss"].idxmin()
    pair = rows[rows["model"].isin([best, *ours])]
    found = {}
    for resample in ("series", "both"):
        result = differences(pair, task.scoring_panel(), task.scale_lag, best, config=BlockBootstrap(resample=resample))
        columns = ["relative", "relative_low", "relative_high", "verdict"]
        found[resample] = result.set_index("model")[columns].to_dict("index")
    return {"best_peer": best, "intervals": found}


SAME = ("title", "series", "rows", "rows_key", "horizon", "skipped", "freq", "cutoffs", "scale_lag")


def rows_key(rows: pd.DataFrame) -> str:
    """Hash of what is scored: series, periods, cutoffs and sales."""
    keys = ["unique_id", "cutoff", "ds"]
    ordered = rows[[*keys, "y"]].assign(y=rows["y"].round(9)).sort_values(keys, ignore_index=True)
    return hashlib.sha256(pd.util.hash_pandas_object(ordered, index=False).to_numpy().tobytes()).hexdigest()[:12]


def keep(stored: dict[str, Any], result: dict[str, Any], source: Path) -> dict[str, Any]:
    """``result`` with the rows of models that were not run again.

    Raises
    ------
    ValueError
        When the stored rows are not those of ``result``, so that their losses could not be compared.
    """
    other = [name for name in SAME if stored.get(name) != result[name]]
    if other:
        first = other[0]
        raise ValueError(
            f"{source}: its {first} is {stored.get(first)}, now it is {result[first]}; its losses are not comparable: "
            "run all models again, without --keep"
        )
    again = {"champion", "member"} if MODEL in result["models"] else set()
    kept = {n: row for n, row in stored["models"].items() if n not in result["models"] and row["kind"] not in again}
    models = {**kept, **result["models"]}
    models = dict(sorted(models.items(), key=lambda item: item[1]["scaled_quantile_loss"]))
    settings = {**{n: stored["settings"][n] for n in kept if n in stored["settings"]}, **result["settings"]}
    more = {} if result["comparison"] else {"comparison": stored["comparison"]}
    return {**stored, **result, "models": models, "settings": settings, **more}


def run_league(
    task: Task, chosen: list[Entry], root: Path, champion: ChampionConfig | None = None, say: Any = print
) -> dict[str, Any]:
    """All chosen models, and the champion with its members, on one task: the content of its JSON."""
    parts, seconds, today = [], {}, str(pd.Timestamp.now().date())
    kinds = {entry.name: entry.kind for entry in chosen}
    settings = {entry.name: {"refit": entry.refit, "words": entry.words, **entry.settings} for entry in chosen}
    for entry in chosen:
        parts.append(forecasts_of(task, entry, root, list(task.cutoffs), say))
        seconds[entry.name] = round(sum(Stored.of(root, task, entry).seconds().get(str(c.date()), 0.0)
                                        for c in task.cutoffs), 1)  # fmt: skip
    if champion is not None:
        tables, made, spent = champion_of(task, champion, root, check, say)
        for name, table in tables.items():
            parts.append(table)
            kinds[name], seconds[name] = "champion" if name == MODEL else "member", spent.get(name, 0.0)
            words = "the library's champion" if name == MODEL else "a member of the champion, on its own"
            settings[name] = {"refit": True, "words": words, **(made if name == MODEL else {})}
    table, rows = score(task, pd.concat(parts, ignore_index=True))
    models = {
        name: {
            **{column: round(float(value), 5) for column, value in values.items()},
            "kind": kinds[name],
            "seconds": seconds[name],
            "run": today,
        }
        for name, values in table.to_dict("index").items()
    }
    one = rows[rows["model"] == rows["model"].iloc[0]]
    return {
        "task": task.name,
        "title": task.title,
        "series": int(one["unique_id"].nunique()),
        "rows": len(one),
        "rows_key": rows_key(one),
        "horizon": int(task.meta["horizon"]),
        "skipped": task.skipped,
        "freq": task.meta["freq"],
        "cutoffs": [str(c.date()) for c in task.cutoffs],
        "scale_lag": task.scale_lag,
        "headline": list(task.headline),
        "models": models,
        "settings": settings,
        "comparison": compare(task, rows, table, kinds),
    }


def show(result: dict[str, Any]) -> str:
    """The table as text."""
    frame = pd.DataFrame(result["models"]).T
    frame = frame[[*MEASURES, "kind", "seconds", "run"]]
    lines = [f"{result['title']}: {result['series']} series, {result['rows']} rows, cutoffs {result['cutoffs']}"]
    lines.append(frame.to_string(float_format=lambda v: f"{v:.4f}"))
    comparison = result["comparison"]
    for resample, models in comparison.get("intervals", {}).items():
        for name, row in models.items():
            lines.append(
                f"{name} against {comparison['best_peer']} ({resample}): {row['relative']:+.2%} "
                f"[{row['relative_low']:+.2%}, {row['relative_high']:+.2%}] {row['verdict']}"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(TASKS))
    parser.add_argument("--models", default="", help=f"names separated by commas; of {', '.join([*MODELS, MODEL])}")
    parser.add_argument("--keep", type=Path, default=None, help="stored result whose other rows are kept")
    parser.add_argument("--budget-minutes", type=float, default=ChampionConfig().budget_minutes, help="of the champion")
    parser.add_argument("--data", type=Path, default=None, help="folder with the data sets that are not embedded")
    parser.add_argument("--series", type=int, default=0, help="fewer series than the task has (for a first look)")
    parser.add_argument("--root", type=Path, default=Path("runs/league"), help="where forecasts are stored")
    parser.add_argument("--json", type=Path, default=None, help="write the result here; with --keep: that file")
    given = parser.parse_args(arguments)
    size = {"series": given.series} if given.series and given.dataset != "orange_juice" else {}
    task = TASKS[given.dataset](given.data, **size)
    names = [name for name in given.models.split(",") if name] or None
    with_champion = names is None or MODEL in names
    chosen = entries(None if names is None else [name for name in names if name != MODEL], task)
    champion = ChampionConfig(budget_minutes=given.budget_minutes) if with_champion else None
    result = run_league(task, chosen, resolve(given.root), champion, say=partial(print, flush=True))
    if given.keep is not None:
        result = keep(read_json(given.keep), result, given.keep)
    print(show(result))
    target = given.json or given.keep
    if target is not None:
        write_json(result, target)
    return result


if __name__ == "__main__":
    main()
