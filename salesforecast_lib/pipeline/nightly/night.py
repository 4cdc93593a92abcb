"""One night: new files, check, forecast, comparison, drift, perhaps new models, decisions; finished by one rename."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from salesforecast_lib.files import read_json, sha256_of, write_json, write_parquet
from salesforecast_lib.pipeline.nightly.compare import Compared, compare
from salesforecast_lib.pipeline.nightly.config import NightlyConfig
from salesforecast_lib.pipeline.nightly.history import LINES, STATE, Shop
from salesforecast_lib.pipeline.nightly.inbox import REFUSED, Inbox, news, read_inbox
from salesforecast_lib.pipeline.nightly.reasons import night_reasons, with_reasons
from salesforecast_lib.pipeline.nightly.retrain import (
    CHALLENGER,
    MODEL,
    Retrained,
    due,
    retrain,
    serving,
    settle,
    train,
)
from salesforecast_lib.pipeline.nightly.summary import Summary, write_page_of_nights, write_summary
from salesforecast_lib.pipeline.nightly.tell import Server, taken, tell_server
from salesforecast_lib.pipeline.nightly.usual import followed
from salesforecast_lib.production import registry

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.pipeline.batch import NewData

FINE, ALARMS, DATA_REFUSED, FAILED = 0, 1, 2, 3  # exit codes
WORK, BEGUN = ".work", "begun.json"
SALES = ".sales.parquet"
REASONS = "reasons.csv"


@dataclass(frozen=True)
class Night:
    """``folder`` of the last finished night, its ``code`` and whether anything ``changed`` now."""

    folder: Path | None
    code: int
    changed: bool
    lines: list[str]


def _nothing(name: str) -> None:
    """Called before each step; tests stop a process there."""


def play(config: NightlyConfig, step: Callable[[str], None] = _nothing, fitted: Callable[..., Path] = train) -> Night:
    """Play the night: everything that came in since the last one. The same again changes nothing.

    Parameters
    ----------
    fitted : trains new models; tests give a quick one.

    Raises
    ------
    ValueError, OSError
        When the night cannot be finished; nothing of it is kept, yesterday's plan stays.
    """
    from salesforecast_lib.pipeline.batch import read_new
    from salesforecast_lib.pipeline.batch.read import run_values

    shop = Shop(config.run, run_values(config.run), read_json(config.run / "panel.json"))
    before = shop.state()
    files = config.files()
    there = {path.name for path in files}
    # a refused file that was taken away is nobody's concern any more; what was read stays read
    known = {name: t for name, t in before.get("files", {}).items() if t["state"] != REFUSED or name in there}
    fresh = news(files, known)
    inputs = {name: sha256_of(path) for name, path in (("plan", config.plan), ("stock", config.stock)) if path}
    if before and not fresh and known == before.get("files") and inputs == before.get("inputs"):
        _after(shop, step)
        done = shop.nights()[-1]
        return Night(done, int(before["code"]), False, (done / "summary.txt").read_text(encoding="utf-8").splitlines())
    work = _begin(shop, fresh, inputs)
    step("read")
    inbox = read_inbox(fresh, known, shop.values, shop.panel, config.refuse)
    step("history")
    sales = shop.sales(inbox.tables)
    write_parquet(sales, shop.place / SALES)
    step("prepare")
    new = shop.planned(read_new(config.run, shop.place / SALES, config.plan, shop.as_read()))
    summary = _played(shop, config, inbox, new, None if shop.panel else sales, work, step, fitted)
    if inbox.tables:
        write_parquet(_joined(list(inbox.tables.values())), work / LINES)
    step("state")
    code = summary.code
    state = {"files": inbox.known, "inputs": inputs, "code": code, "night": summary.night, "version": summary.version}
    trained = summary.night if summary.retrained else before.get("trained", "")
    write_json({**state, "trained": trained}, work / STATE)
    write_summary(summary, work)
    step("finish")
    target = _free(shop.place, summary.night)
    work.rename(target)
    _after(shop, step)
    return Night(target, code, True, (target / "summary.txt").read_text(encoding="utf-8").splitlines())


def _after(shop: Shop, step: Callable[[str], None]) -> None:
    """What follows a finished night, done again by the next call where it was cut off."""
    step("clean")
    (shop.place / SALES).unlink(missing_ok=True)
    for name in (CHALLENGER, MODEL):
        shutil.rmtree(shop.place / name, ignore_errors=True)
    step("page")
    write_page_of_nights(shop)


def _begin(shop: Shop, fresh: dict[Path, str], inputs: dict[str, str]) -> Path:
    """The folder of tonight's work; what another night left unfinished is removed, this one's is gone on with."""
    told = {"fresh": {path.name: digest for path, digest in fresh.items()}, "inputs": inputs}
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    work = shop.place / WORK
    file = work / BEGUN
    if not file.is_file() or read_json(file)["key"] != key:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(shop.place / CHALLENGER, ignore_errors=True)
        write_json({"key": key, "version": registry.current(shop.run) or "run"}, file)
    return work


def _played(
    shop: Shop,
    config: NightlyConfig,
    inbox: Inbox,
    new: NewData,
    lines: pd.DataFrame | None,
    work: Path,
    step: Callable[[str], None],
    fitted: Callable[..., Path],
) -> Summary:
    from salesforecast_lib.files import write_csv
    from salesforecast_lib.pipeline.batch import forecast_data

    last = new.panel["ds"].max()
    night = str(last.date())
    champion, version = serving(shop)
    step("forecast")
    found = forecast_data(champion, new)
    step("compare")
    served = str(read_json(work / BEGUN)["version"])  # new models of tonight do not judge what came before them
    compared = compare(shop, new, served, lines)
    step("observe")
    server = Server(config.serve, config.key())
    told = tell_server(server, shop.run, new.panel) if config.serve else ""
    kept = work / "retrained.json"
    wanted, why = due(config, champion, last, len(compared.alarms), shop.state().get("trained", ""))
    waits = [] if wanted or not why else [why]
    if not kept.is_file() and wanted:
        step("retrain")
        outcome = retrain(shop, config, champion, new, shop.place / SALES, night, fitted)
        step("keep what came of it")
        write_json({"outcome": asdict(outcome), "because": why}, kept)
    trained = read_json(kept) if kept.is_file() else {}
    outcome, because = Retrained(**trained.get("outcome", {"says": ""})), str(trained.get("because", ""))
    if outcome.version:
        step("settle")
        settle(shop, config, outcome)
        step("settled")
    if outcome.promoted:
        champion, version = serving(shop)
        found = forecast_data(champion, new)
        compared = replace(compared, watch=followed(compared.watch, shop, version, last))
        told = taken(server, version) if config.serve and not told else told
    step("decide")
    write_parquet(found.table.assign(version=version), work / "forecast.parquet")
    sheet, said = _decisions(shop, config, found.table, new)
    reasons, untold = night_reasons(shop.run, champion, new, found.table)
    if len(reasons):
        write_csv(reasons, work / REASONS)
    sheet = with_reasons(sheet, reasons)
    write_csv(sheet, work / "decisions.csv")
    write_json(compared.watch.to_json(), work / "watch.json")
    write_csv(compared.alarms, work / "alarms.csv")
    if len(inbox.quarantine):
        write_csv(_joined(inbox.quarantine), work / "quarantine.csv")
    notes = [*new.notes, *found.notes, *said, *untold, *waits, *([told] if told else [])]
    failed = told.startswith("the server") or bool(outcome.says and not outcome.version)
    return _summed(night, version, inbox, compared, outcome, because, sheet, notes, failed)


def _summed(
    night: str,
    version: str,
    inbox: Inbox,
    compared: Compared,
    outcome: Retrained,
    why: str,
    sheet: pd.DataFrame,
    notes: list[str],
    failed: bool,
) -> Summary:
    still = {name: str(told["why"]) for name, told in inbox.known.items() if told["state"] == REFUSED}
    alarms = len(compared.alarms) + len(inbox.changed) + failed
    code = DATA_REFUSED if still else ALARMS if alarms else FINE
    read = {name: int(told["kept"]) for name, told in inbox.known.items() if name in inbox.tables}
    return Summary(night, version, code, read, still, inbox.changed, compared, outcome.says, why, sheet, notes)


def _decisions(shop: Shop, config: NightlyConfig, table: pd.DataFrame, new: NewData) -> tuple[pd.DataFrame, list[str]]:
    """The decision sheet: orders where the stock is known, else what is expected of each product."""
    from salesforecast_lib.pipeline.batch import orders_of

    if config.stock is None:
        expected = table.groupby("unique_id", sort=False)["mean"].sum().round(1)
        return expected.rename("expected_demand").reset_index(), ["no stock is given, so nothing is ordered"]
    from salesforecast_lib.decisions.inventory.orders import read_stock
    from salesforecast_lib.pipeline.runs.files import reading_options

    stock = read_stock(config.stock, reading_options(shop.values, "stock_columns"))
    return orders_of(shop.run, shop.values, new.meta, table, stock), []


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True)


def _free(place: Path, night: str) -> Path:
    """Folder of a night; files that come late make another one of the same date."""
    names = [night, *(f"{night}.{number:02d}" for number in range(2, 100))]
    return next(place / name for name in names if not (place / name).exists())
