"""The champion in the league: one call at all cutoffs of a task, stored beside the forecasts of the peers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.files import read_json, write_json, write_parquet
from salesforecast_lib.models.champion import MODEL, ChampionConfig, champion_forecasts
from tests.benchmarks.champion import code_key, told
from tests.benchmarks.league_models import observed
from tests.benchmarks.league_tasks import Task

Check = Callable[[pd.DataFrame, Task, pd.Timestamp, str], pd.DataFrame]


def member_name(name: str) -> str:
    """A member's row of the league; peers may bear the same name alone."""
    return f"{name} (member)"


def champion_of(
    task: Task, config: ChampionConfig, root: Path, check: Check, say: Callable[[str], None]
) -> tuple[dict[str, pd.DataFrame], dict[str, Any], dict[str, float]]:
    """Forecasts of the champion and of its members at the task's cutoffs, what it consisted of, and seconds by row.

    A member that does not forecast every row, because it was left out at a cutoff, is no row of the league.
    """
    protocol = [task.key, task.fully_available, [str(c) for c in task.cutoffs]]

    def place(*words: Any) -> Path:
        digest = hashlib.sha256(json.dumps([protocol, *words]).encode()).hexdigest()[:10]
        return root / task.name / f"{MODEL}-{digest}"

    folder, members = place(asdict(config), code_key()), place("members", code_key(members_only=True))
    stored, record = folder / "forecasts.parquet", folder / "record.json"
    if not record.is_file():
        last = task.cutoffs[-1]
        view = observed(task.view(last), task.fully_available)
        begun = time.perf_counter()
        champion = champion_forecasts(
            *told(view.panel, view.meta, last), list(task.cutoffs), config, store=members, say=say
        )
        both = pd.concat([champion.forecasts, champion.members], ignore_index=True)
        write_parquet(both[both["cutoff"].isin(task.cutoffs)], stored)
        made = {when: each.to_json() for when, each in champion.compositions.items()}
        spent = {member_name(name): round(each, 1) for name, each in champion.seconds.items()}
        spent[MODEL] = round(time.perf_counter() - begun, 1)
        write_json({"compositions": made, "config": asdict(config), "seconds": spent}, record)
    found, both = read_json(record), pd.read_parquet(stored)
    spent = found.pop("seconds")
    tables = {}
    for name, table in both.groupby("model", sort=False):
        row = name if name == MODEL else member_name(str(name))
        try:
            parts = [check(table[table["cutoff"] == cutoff], task, cutoff, row) for cutoff in task.cutoffs]
        except ValueError as error:
            if name == MODEL:
                raise
            say(f"{task.name}: no row of the league for {row}: {error}")
            continue
        tables[str(row)] = pd.concat(parts, ignore_index=True)
    return tables, found, spent
