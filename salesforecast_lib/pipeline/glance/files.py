"""The files of a finished run that its first page and its page of products read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.decisions.driving import CHAMPION, read_forecasts
from salesforecast_lib.decisions.workbook.reasons import evidence, main_reasons, stock_words
from salesforecast_lib.decisions.workbook.sheets import read_decisions, stock_actions
from salesforecast_lib.evaluation.reasons import FILE as REASONS
from salesforecast_lib.evaluation.reasons import current_reasons, read_reasons
from salesforecast_lib.files import read_json, unescape_formula
from salesforecast_lib.pipeline.parameters import declared
from salesforecast_lib.pipeline.runs import left_out
from salesforecast_lib.pipeline.stages import STAGES


@dataclass(frozen=True)
class RunFiles:
    """What a run wrote, as tables; one that it did not write is empty.

    ``panel`` is the history, ``forecasts`` those of ``model``, which drives the plan, at all cutoffs. ``plan`` has one
    row a product with its ``action``. ``period`` is the noun of a period, ``kind`` its letter (D, W or M). ``metrics``
    and ``inventory`` are the reports of chapters 07 and 08, ``cleaning`` the steps of chapter 01. ``reasons`` has a row
    for each product and driver of the forecast, see `evaluation.reasons`; none where another model drives.
    """

    dataset: str
    kind: str
    period: str
    season: int
    lead_time: int
    protection: int
    model: str
    panel: pd.DataFrame
    forecasts: pd.DataFrame
    plan: pd.DataFrame
    projection: pd.DataFrame
    prices: pd.DataFrame
    promotions: pd.DataFrame
    alerts: pd.DataFrame
    quarantine: pd.DataFrame
    metrics: dict[str, Any]
    inventory: dict[str, Any]
    cleaning: list[dict[str, Any]]
    reasons: pd.DataFrame


def _decisions(file: Path) -> pd.DataFrame:
    return read_decisions(file) if file.is_file() else pd.DataFrame()


def _report(file: Path) -> Any:
    return read_json(file) if file.is_file() else {}


def _projection(file: Path) -> pd.DataFrame:
    """``unique_id, ds, low, median, high, empty``; it holds no reasons, so it is no decision file."""
    if not file.is_file():
        return pd.DataFrame(columns=["unique_id", "ds", "low", "median", "high", "empty"])
    table = pd.read_csv(file, dtype={"unique_id": str}, keep_default_na=False)
    known = {name: pd.to_numeric(table[name], errors="coerce") for name in ("low", "median", "high")}
    return table.assign(unique_id=table["unique_id"].map(unescape_formula), ds=pd.to_datetime(table["ds"]), **known)


def read_run(folder: Path) -> RunFiles:
    """Read the files of a finished run, but for those that its goal left out: they may be of an earlier run.

    Raises
    ------
    FileNotFoundError
        When there is no panel, no forecast or no plan yet.
    """
    meta, values = read_json(folder / "panel.json"), read_json(folder / "parameters.json")
    planning = next(stage for stage in STAGES if "replenishment.csv" in stage.writes)
    known = {name: values.get(name, parameter.default) for name, parameter in declared(planning.source).items()}
    frequency = check_freq(str(meta.get("freq", "D")))
    forecasts, model = read_forecasts(folder, known["model"])
    names = left_out(folder)
    stale = {name for stage in STAGES if stage.name in names for name in stage.writes}
    told = model == CHAMPION and REASONS not in stale
    causes = main_reasons(folder) if told else {}
    ordered = stock_words(read_decisions(folder / "replenishment.csv"), evidence(folder), causes)
    plan = stock_actions(ordered, _decisions(folder / "excess.csv"))
    driving, reasons = forecasts[forecasts["model"] == model], read_reasons(folder)

    def file(name: str) -> Path:
        return folder / ("" if name in stale else name)  # the folder itself is no file

    quarantine = folder / "quarantine.parquet"
    return RunFiles(
        dataset=str(meta["dataset"]),
        kind=frequency.kind,
        period=frequency.period,
        season=int(meta.get("season_length", 7)),
        lead_time=int(known["lead_time"]),
        protection=int(known["lead_time"]) + int(known["review_period"]),
        model=model,
        panel=pd.read_parquet(folder / "panel.parquet"),
        forecasts=driving,
        plan=plan,
        projection=_projection(file("projection.csv")),
        prices=_decisions(file("prices.csv")),
        promotions=_decisions(file("promotions.csv")),
        alerts=_decisions(file("alerts.csv")),
        quarantine=pd.read_parquet(quarantine) if quarantine.is_file() else pd.DataFrame(columns=["row", "reason"]),
        metrics=_report(file("metrics.json")),
        inventory=_report(file("inventory.json")),
        cleaning=_report(file("cleaning.json")) or [],
        reasons=current_reasons(reasons, driving) if told else reasons.iloc[:0],
    )


def numbers(table: pd.DataFrame, column: str) -> pd.Series:
    """A column as numbers, missing where a cell is empty or the table lacks the column."""
    if column not in table:
        return pd.Series(float("nan"), index=table.index, dtype=float)
    return pd.to_numeric(table[column], errors="coerce").astype(float)
