"""fev-bench with the champion: ``python -m tests.benchmarks.fev TASK … --data DIR [--json FILE]``.

DIR holds ``tasks.json``, the tasks' files and ``published.csv``; "all" plays every task that it describes. One
configuration serves all tasks. Forecasts are stored under ``runs/fev/TASK``, so that a stopped call goes on; data,
protocol, settings and the code of the library's models name the folder. ``--before N`` plays N windows before the
scored ones instead: whatever is chosen is chosen there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.files import read_json, resolve, write_json, write_parquet
from salesforecast_lib.models.champion import MODEL, ChampionConfig, champion_forecasts
from tests.benchmarks.champion import code_key
from tests.benchmarks.fev_score import COLUMNS, LEVELS, expected, measures, naive_check, ranks, seasonal_naive
from tests.benchmarks.fev_tasks import MEASURES, FevTask, calls, described, load_task, published

Say = Callable[[str], None]


def forecast_task(
    task: FevTask,
    windows: tuple[pd.DataFrame, ...],
    config: ChampionConfig,
    folder: Path,
    store: Path,
    say: Say = print,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Forecasts of the champion and its members in ``windows``, and how they were made.

    What ``folder`` already holds is read back, as are members' forecasts in ``store``. A row that the champion did not
    forecast gets the Seasonal Naive's value; the record says how many did.

    Returns
    -------
    forecasts : ``unique_id, cutoff, ds, model`` and the quantile columns.
    record : ``compositions``, ``seconds``, ``wall``, ``peak_gb`` and ``stood_in``, a share of rows.
    """
    stored, record = folder / "forecasts.parquet", folder / "record.json"
    if record.is_file():
        say(f"{task.name}: forecasts of {record} are read back")
        return pd.read_parquet(stored), read_json(record)
    wanted = pd.concat([expected(task, window)[["unique_id", "cutoff", "ds"]] for window in windows])
    begun, parts, made, seconds = time.perf_counter(), [], {}, {}
    earlier = read_json(folder / "wall.json") if (folder / "wall.json").is_file() else 0.0
    for number, call in enumerate(calls(task, windows)):
        say(f"{task.name}: {call.table.frame['unique_id'].nunique()} series, {len(call.cutoffs)} cutoffs")
        settings = replace(config, budget_minutes=config.budget_minutes * call.share)
        told = (call.table, call.known, call.meta, call.cutoffs, settings)
        try:
            champion = champion_forecasts(*told, store=store / str(number), say=say)
        finally:  # the time of a stopped call counts as well
            write_json(earlier + time.perf_counter() - begun, folder / "wall.json")
        for table in (champion.forecasts, champion.members):
            keys = ["unique_id", "cutoff"]
            parts.append(table.merge(call.origins, on=keys)[[*keys, "ds", "model", *COLUMNS]])
        if number == 0:  # a second call is for the few series that end on other dates
            made = {when: each.to_json() for when, each in champion.compositions.items()}
            seconds = {name: round(spent, 1) for name, spent in champion.seconds.items()}
    forecasts = pd.concat(parts, ignore_index=True)
    forecasts = forecasts.merge(wanted, on=["unique_id", "cutoff", "ds"])
    own = forecasts[forecasts["model"] == MODEL]
    lacking = wanted.merge(own, how="left", on=["unique_id", "cutoff", "ds"])[COLUMNS].isna().any(axis=1).to_numpy()
    if lacking.any():
        naive = seasonal_naive(task, windows).assign(model=MODEL)
        stand_in = wanted[lacking].merge(naive, on=["unique_id", "cutoff", "ds"])
        say(f"{task.name}: {lacking.sum()} of {len(wanted)} rows without a forecast take the Seasonal Naive's")
        keys = ["unique_id", "cutoff", "ds", "model"]
        forecasts = pd.concat([forecasts.dropna(subset=COLUMNS), stand_in]).drop_duplicates(keys, keep="last")
    done = {
        "compositions": made,
        "seconds": seconds,
        "wall": round(earlier + time.perf_counter() - begun, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "stood_in": round(float(lacking.mean()), 5),
    }
    write_parquet(forecasts, stored)
    write_json(done, record)
    return forecasts, done


def complete_members(forecasts: pd.DataFrame) -> list[str]:
    """Members that forecast all rows of the champion; one that was left out at a cutoff is not compared."""
    sizes = forecasts.dropna(subset=COLUMNS).groupby("model").size()
    return [name for name in sizes.index if name != MODEL and sizes[name] == sizes[MODEL]]


def play(
    folder: Path, name: str, config: ChampionConfig, root: Path, before: int = 0, say: Say = print
) -> dict[str, Any]:
    """One task: the content of its JSON."""
    task = load_task(folder, name, before)
    windows = task.earlier if before else task.origins
    if not windows:
        raise ValueError(f"{name}: no series is long enough for a window before the scored ones; leave --before out")
    tasks, base = described(folder), name.partition("+")[0]
    others = published(folder, name if name == base or base not in tasks else base)
    naive = measures(task, windows, seasonal_naive(task, windows))
    words, same = naive_check(naive, [] if before else others)
    say(f"{name}: {words}")
    folders = []
    for words in ([asdict(config), code_key()], ["members", code_key(members_only=True)]):
        digest = hashlib.sha256(json.dumps([task.key, before, *words]).encode()).hexdigest()
        folders.append(root / name / digest[:12])
    forecasts, record = forecast_task(task, windows, config, *folders, say)
    rows = {MODEL: forecasts[forecasts["model"] == MODEL]}
    rows |= {member: forecasts[forecasts["model"] == member] for member in complete_members(forecasts)}
    scores = {model: measures(task, windows, table) for model, table in rows.items()}
    return {
        "task": name,
        "base": base if base in tasks and base != name else "",
        "freq": task.frequency.alias,
        "horizon": task.horizon,
        "windows": len(windows),
        "before": before,
        "series": int(pd.concat(windows)["unique_id"].nunique()),
        "known_ahead": [column for column in tasks[name].get("known_ahead") or []],
        "naive": naive,
        "naive_agrees": same,
        "champion": scores.pop(MODEL),
        "members": scores,
        "published": others,
        "settings": {name: value for name, value in asdict(config).items() if name != "levels"},
        "levels": list(LEVELS),
        "code": code_key(),
        **record,
    }


def show(result: dict[str, Any]) -> str:
    """Ours and the best of theirs as text."""
    own, place = result["champion"], ranks(result["champion"], result["published"])
    lines = [f"{result['task']}: {result['series']} series, {result['windows']} windows of {result['horizon']}"]
    if result["before"]:
        lines[0] += ", before the scored ones"
        place = {}
    rows = [("Champion", own), *result["members"].items(), ("Seasonal Naive (ours)", result["naive"])]
    if not result["before"]:
        rows += [(f"{row['model']} (published)", row) for row in result["published"][:3]]
    lines += [f"  {name:32s} " + " ".join(f"{m} {row[m]:.4f}" for m in MEASURES if m in row) for name, row in rows]
    if place:
        ending = "" if not result["base"] else f", which did not see {', '.join(result['known_ahead'])}"
        where = ", ".join(f"{name} {rank}" for name, rank in place.items())
        lines.append(f"  rank among {len(result['published'])} published rows{ending}: {where}")
    for when, made in result["compositions"].items():
        shares = ", ".join(f"{name} {share:.2f}" for name, share in made["weights"].items() if share > 0)
        left = "; ".join(f"{name} left out: {why}" for name, why in made["left_out"].items())
        lines.append(f"  {when}: {shares}" + (f"; {left}" if left else ""))
    lines.append(f"  {result['wall']:.0f} s, peak memory {result['peak_gb']:.1f} GB")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="TASK", help='names of tasks.json, or "all"')
    parser.add_argument("--data", type=Path, required=True, help="folder with tasks.json, published.csv and the files")
    parser.add_argument("--json", type=Path, help="add the results to this file, by task")
    parser.add_argument("--budget-minutes", type=float, default=ChampionConfig().budget_minutes)
    parser.add_argument("--members", default="", help="names to choose from, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--before", type=int, default=0, help="play so many windows before the scored ones instead")
    parser.add_argument("--root", type=Path, default=Path("runs/fev"), help="where forecasts are stored")
    given = parser.parse_args(arguments)
    known = list(described(given.data))
    names = known if given.tasks == ["all"] else given.tasks
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"tasks {unknown}: {given.data / 'tasks.json'} describes {', '.join(known)}")
    if given.before < 0:
        parser.error(f"--before {given.before}: expected how many windows to play, 0 for the scored ones")
    members = tuple(name for name in given.members.split(",") if name)
    config = ChampionConfig(
        budget_minutes=given.budget_minutes, members=members, levels=LEVELS, seed=given.seed, threads=given.threads
    )
    say = partial(print, flush=True)
    results, failed = {}, {}
    for name in names:
        try:
            results[name] = play(given.data, name, config, resolve(given.root), given.before, say)
        except Exception as error:  # the other tasks are played; how this one failed is printed whole
            traceback.print_exc()
            failed[name] = error
            continue
        print(show(results[name]), flush=True)
        if given.json:
            file = given.json.resolve()
            write_json({**(read_json(file) if file.is_file() else {}), name: results[name]}, file)
    if failed:
        parser.exit(1, "".join(f"{name} was not played: {error}\n" for name, error in failed.items()))
    return results


if __name__ == "__main__":
    main()
