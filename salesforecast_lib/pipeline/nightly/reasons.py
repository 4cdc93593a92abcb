"""Why tonight's forecast of each product is what it is, from the stored models; nothing is fitted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.models.champion import StoredChampion
    from salesforecast_lib.pipeline.batch import NewData


def night_reasons(
    run: Path, champion: StoredChampion, new: NewData, forecast: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Reasons of a forecast table in the columns of ``reasons.csv``, and what the planner should know of them.

    Parameters
    ----------
    champion : with the coding of its models. ``forecast`` : what it said of ``new``.

    Returns
    -------
    No rows, and a note, where the data are so large that they are forecast in blocks.
    """
    import pandas as pd

    from salesforecast_lib.data.features import ahead_features, build_features
    from salesforecast_lib.data.frequency import check_freq
    from salesforecast_lib.evaluation.reasons import COLUMNS
    from salesforecast_lib.models.champion import MODEL
    from salesforecast_lib.pipeline.batch.table import MANY
    from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS
    from salesforecast_lib.production.explain.card import reasons_table, usual_miss
    from salesforecast_lib.production.explain.committee import champion_reasons

    if len(new.panel) > MANY:
        products = counted(forecast["unique_id"].nunique(), "product")
        note = f"why each forecast is what it is: not told of {products} in a night; salesforecast run tells it"
        return pd.DataFrame(columns=list(COLUMNS)), [note]
    table = build_features(new.panel, new.meta)
    columns = ["unique_id", "ds", *table.roles["future"]]
    ahead = ahead_features(new.panel, new.meta, new.plan)
    known = pd.concat([table.frame[columns], ahead[columns]], ignore_index=True)
    reasons = champion_reasons(champion, table, known, forecast, pd.Timestamp(forecast["cutoff"].iloc[0]))
    scored = run / CHAMPION_FORECASTS
    miss = usual_miss(pd.read_parquet(scored), MODEL) if scored.is_file() else None
    return reasons_table(reasons, check_freq(str(new.meta["freq"])).period, miss), []


def with_reasons(sheet: pd.DataFrame, reasons: pd.DataFrame) -> pd.DataFrame:
    """The decision sheet whose ``why`` also says what moves the forecast, as a run's does.

    To an order it adds the one driver that is sure and large enough; where nothing is ordered because no stock is
    given, ``why`` is the whole card.
    """
    from salesforecast_lib.decisions.workbook.reasons import main_clauses
    from salesforecast_lib.evaluation.reasons import USUAL

    if reasons.empty:
        return sheet
    names = sheet["unique_id"].astype(str)
    if "why" not in sheet:
        cards = reasons[reasons["driver"] == USUAL].set_index("unique_id")["why"]
        return sheet.assign(why=names.map(cards).fillna("").to_numpy())
    clauses = main_clauses(reasons)
    told = [
        f"{why}; {clauses[name]}" if name in clauses else why for why, name in zip(sheet["why"], names, strict=True)
    ]
    return sheet.assign(why=told)
