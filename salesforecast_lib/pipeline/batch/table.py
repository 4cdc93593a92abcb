"""The forecast table of new data, in one go or in blocks of whole series."""

from __future__ import annotations

import gc
import shutil
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.processes import give_back_memory, keep_memory
from salesforecast_lib.wording import counted, first_names

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.models.champion import StoredChampion
    from salesforecast_lib.models.champion.renewed import Part
    from salesforecast_lib.models.peers.coding import Whole
    from salesforecast_lib.pipeline.batch.read import NewData
    from salesforecast_lib.production.distributed import Engine, Failure, Results

MANY = 400_000  # rows from which on the data are taken in blocks
BLOCK = 150_000  # rows of a block, about
TAIL = 26  # seasons at the end of each series from which the columns known ahead are made


@dataclass(frozen=True)
class Forecasted:
    """``table`` is the forecast table; ``notes`` say what was unknown, short, ended or cut.

    ``failed`` are the blocks of series that could not be forecast, each tried three times; the table lacks them.
    """

    table: pd.DataFrame
    notes: list[str]
    failed: tuple[Failure, ...] = ()


def stored_champion(run: Path, folder: Path | None = None) -> StoredChampion:
    """The champion of a run with the coding of its models; of an older one it is found from the run's features.

    Parameters
    ----------
    folder : of a version of its models, which is taken instead of the run's own.
    """
    from salesforecast_lib.data.features import load_features
    from salesforecast_lib.models.champion import load_champion
    from salesforecast_lib.models.ensembles.members import read_known

    champion = load_champion((folder or run) / "champion")
    if champion.coding is not None:
        return champion
    table, _ = load_features(run)
    return champion.with_coding(table, read_known(run, table))


def forecast_data(
    champion: StoredChampion,
    new: NewData,
    processes: int | None = None,
    rows: int = BLOCK,
    many: int = MANY,
    engine: Engine | None = None,
    beside: Path | None = None,
    spent: bool = False,
) -> Forecasted:
    """Forecast the horizon after the last period of new data with a stored champion.

    Parameters
    ----------
    processes : that may work side by side; by default as many as there are cores, two at most.
    rows, many : rows of a block, and rows from which on there are blocks; no number depends on them, but for the
        quantiles of a window average.
    engine : that does the blocks; None opens one of ``processes``.
    beside : folder in which the blocks lie for the time being, which all workers of the engine see; None: a temporary
        one of this machine.
    spent : the caller needs ``new.panel`` no more: its rows are dropped, in place, when the blocks are written.

    Raises
    ------
    ValueError
        When the data cannot be forecast, with the reason.
    """
    from salesforecast_lib.production.distributed import EngineError, open_engine

    panel, cutoff = new.panel, new.panel["ds"].max()
    notes = _said(champion, new)
    failed: tuple[Failure, ...] = ()
    if len(panel) <= many:
        parts = [_whole_part(champion, new, cutoff)]
    else:
        with nullcontext(engine) if engine else open_engine(workers=processes or 0) as doing:
            doing.warm(_ready)
            done = _in_blocks(champion, new, cutoff, doing, rows, beside, spent)
        parts, failed = done.delivered, done.failures
        if not parts:
            raise EngineError(f"no block of series could be forecast: {failed[0].sentence}")
    table, cut = champion.composed_of(parts, cutoff)
    return Forecasted(table, [*notes, *([cut] if cut else [])], failed)


def _whole_part(champion: StoredChampion, new: NewData, cutoff: pd.Timestamp) -> Part:
    import pandas as pd

    from salesforecast_lib.data.features import ahead_features, build_features

    table = build_features(new.panel, new.meta)
    ahead = ahead_features(new.panel, new.meta, new.plan)
    columns = ["unique_id", "ds", *table.roles["future"]]
    return champion.part(table, pd.concat([table.frame[columns], ahead[columns]], ignore_index=True), cutoff)


def _said(champion: StoredChampion, new: NewData) -> list[str]:
    """What should be known of the series before their forecasts are used."""
    panel, meta = new.panel, new.meta
    cutoff, notes = panel["ds"].max(), []
    names = panel["unique_id"].to_numpy()
    first = (names[1:] != names[:-1]).nonzero()[0] + 1
    first = [0, *first.tolist()]
    series = panel.iloc[first]
    for name in meta["static"]:
        known = set(champion.categories[name])
        odd = series[~series[name].astype(str).isin(known)]
        if len(odd):
            values = first_names(sorted(odd[name].astype(str).unique()))
            notes.append(f"{counted(len(odd), 'series')} with a {name} that the models do not know: {values}")
    last = panel["ds"].to_numpy()[[*(place - 1 for place in first[1:]), len(panel) - 1]]
    ended = series["unique_id"][last < cutoff.to_datetime64()]
    if len(ended):
        notes.append(
            f"{counted(len(ended), 'series')} ended before {cutoff.date()} and have no forecast: {first_names(ended)}"
        )
    season, lengths = int(meta["season_length"]), [b - a for a, b in zip(first, [*first[1:], len(panel)], strict=True)]
    short = [name for name, length in zip(series["unique_id"], lengths, strict=True) if length < 2 * season]
    if short:
        notes.append(f"{counted(len(short), 'series')} with less than two seasons of history: {first_names(short)}")
    if cutoff < champion.cutoff:
        notes.append(f"the data end on {cutoff.date()}, before the models were fitted ({champion.cutoff.date()})")
    return notes


# Blocks ---------------------------------------------------------------------------------------------------------------


def _in_blocks(
    champion: StoredChampion,
    new: NewData,
    cutoff: pd.Timestamp,
    engine: Engine,
    rows: int,
    beside: Path | None,
    spent: bool,
) -> Results:
    """Parts of whole series, each made by a worker of the engine from what lies in a temporary folder."""
    import numpy as np

    from salesforecast_lib.data.ahead.holidays import series_countries
    from salesforecast_lib.data.ahead.usual import told_or_usual
    from salesforecast_lib.data.features import usual_prices
    from salesforecast_lib.data.frequency import check_freq
    from salesforecast_lib.models.champion.persistence import save_champion
    from salesforecast_lib.models.champion.renewed import whole_of

    panel, meta = new.panel, new.meta
    assert champion.coding is not None
    steps = check_freq(str(meta["freq"])).after(cutoff, int(meta["horizon"]))
    whole = whole_of(panel, champion.coding, steps, cutoff)
    usual = usual_prices(panel, meta)
    # what is usual ahead is the shop's to tell: the rows after the end are made for all series at once
    where = series_countries(panel, meta)
    ahead = told_or_usual(panel, meta["future"], meta["static"], meta["freq"], meta["horizon"], new.plan, where)
    ahead = ahead.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    names = panel["unique_id"].to_numpy()
    starts = np.r_[0, (names[1:] != names[:-1]).nonzero()[0] + 1]
    cuts = sorted({int(starts[np.searchsorted(starts, at)]) for at in range(0, int(starts[-1]) + 1, rows)})
    blocks = list(zip(cuts, [*cuts[1:], len(panel)], strict=True))
    about = [names[starts[(starts >= begin) & (starts < end)]].tolist() for begin, end in blocks]
    del names
    place = Path(tempfile.mkdtemp(prefix=".salesforecast-", dir=beside))

    try:
        edge = ahead["unique_id"].to_numpy()
        for number, (begin, end) in enumerate(blocks):
            panel.iloc[begin:end].to_parquet(place / f"{number}.parquet", index=False)
            own = about[number]
            after = slice(np.searchsorted(edge, own[0]), np.searchsorted(edge, own[-1], side="right"))
            ahead.iloc[after].to_parquet(place / f"{number}-ahead.parquet", index=False)
        if spent:  # before any worker takes memory
            panel.drop(index=panel.index, inplace=True)
        del ahead, edge
        give_back_memory()
        save_champion(champion, place / "champion")
        return engine.run_tasks(_block, range(len(blocks)), about, (str(place), meta, cutoff, whole, usual))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _ready() -> None:
    """What a process needs for blocks, besides the champion."""
    import salesforecast_lib.models.champion  # noqa: F401
    from salesforecast_lib.models.peers import walk

    keep_memory()
    walk.prepare()


@lru_cache(maxsize=1)
def _champion(place: str) -> StoredChampion:
    """The stored champion, read once by each process."""
    from salesforecast_lib.models.champion import load_champion

    champion = load_champion(Path(place) / "champion")
    if parent_process() is not None:
        _ready()
        gc.collect()
        gc.freeze()  # what lives as long as the process is not looked through again and again
    return champion


def _block(
    number: int, place: str, meta: dict[str, Any], cutoff: pd.Timestamp, whole: Whole, usual: pd.Series | None
) -> Part:
    """The part of one block of series."""
    import pandas as pd

    from salesforecast_lib.data.features import build_features
    from salesforecast_lib.data.frequency import check_freq

    gc.collect()  # of the block before
    champion = _champion(place)
    panel = pd.read_parquet(Path(place) / f"{number}.parquet")
    rows = pd.read_parquet(Path(place) / f"{number}-ahead.parquet")
    # numbers in the order of the names stand for them: sorting and joining texts takes longer than all else
    codes, names = pd.factorize(panel["unique_id"])
    panel["unique_id"], rows["unique_id"] = codes, names.get_indexer(rows["unique_id"])
    table = build_features(panel, meta, usual)
    # what is known ahead looks back a quarter at most, so that the end of each series is enough for it
    frequency = check_freq(str(meta["freq"]))
    tail = panel[panel["ds"] > cutoff - TAIL * frequency.inner * frequency.offset]
    extended = pd.concat([tail, rows], ignore_index=True).sort_values(["unique_id", "ds"], ignore_index=True)
    made = build_features(extended, {**meta, "static": [], "historical": []}, usual, ahead_only=True)
    columns = ["unique_id", "ds", *made.roles["future"]]
    known = made.frame.loc[made.frame["ds"] > cutoff, columns].reset_index(drop=True)
    return champion.numbered(names).part(table, known, cutoff, whole).named(names)
