"""The decision sheet: what a run proposes, one sheet a subject, for people who do not read notebooks (chapter 08)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from salesforecast_lib.decisions.workbook.forecast import forecast_table, short_note
from salesforecast_lib.files import finish_hint, read_json, resolve, unescape_formula
from salesforecast_lib.wording import counted


@dataclass(frozen=True)
class Sheet:
    """One subject: plain headings over the rows that ask for a decision, most urgent first, and a sentence on top.

    ``brief`` are the headings that fit on a page of the book.
    """

    name: str
    note: str
    table: pd.DataFrame
    brief: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """Which file of a run becomes which sheet.

    Parameters
    ----------
    columns : column of the file to heading of the sheet; a column that the file lacks is left out.
    chosen : the rows that ask for something.
    order : columns to sort by, largest first; none keeps the order of the file.
    brief : columns that are shown on the page of the run's book.
    empty : what is said when there is no row, and the ``report`` (a JSON file of the run) gives no reason.
    most : rows that are shown at most; 0 all.
    optional : the sheet is left out when it has no row; ``later`` : when the run has not come to its chapter yet.
    """

    name: str
    file: str
    chapter: str
    columns: dict[str, str]
    chosen: Callable[[pd.DataFrame], pd.Series]
    order: tuple[str, ...]
    brief: tuple[str, ...]
    empty: str
    report: str = ""
    most: int = 0
    optional: bool = False
    later: bool = False


UNKNOWN = "stock unknown"
_NAMES = ("unique_id", "alert", "category", "customer_id", "segment", "rfm_segment", "product_id", "product")
_WHY = {"why": "why"}
SUBJECTS = (
    Subject(
        "stock",
        "replenishment.csv",
        "08_inventory",
        {"unique_id": "product", "action": "action", "order_quantity": "order (units)", "stock": "stock (units)",
         "expected_demand": "expected demand (units)", "risk_before_delivery": "risk of running out before delivery",
         "risk_with_order": "risk with the order", "expected_loss": "expected loss before delivery",
         "refused_cost": "cost of an order beyond its saving", "abc": "value class",
         "stock_source": "stock from", **_WHY},
        lambda table: ~table["action"].isin(("nothing", UNKNOWN)),
        ("expected_loss", "risk_before_delivery"),
        ("unique_id", "order_quantity", "expected_loss", "why"),
        "nothing to order, to mark down or to return today",
    ),
    Subject(
        UNKNOWN,
        "replenishment.csv",
        "08_inventory",
        {"unique_id": "product", "expected_demand": "expected demand (units)",
         "order_up_to_level": "level to order up to (units)", **_WHY},
        lambda table: table["action"] == UNKNOWN,
        ("expected_demand",),
        ("unique_id", "expected_demand", "order_up_to_level", "why"),
        "the stock of every product is known",
        optional=True,
    ),
    Subject(
        "prices",
        "prices.csv",
        "13_pricing",
        {"unique_id": "product", "action": "action", "current_price": "price today", "proposed_price": "proposed price",
         "profit_change": "expected change of profit", "profit_change_low": "at least", "profit_change_high": "at most",
         "chance_of_gain": "chance of a gain", "elasticity": "elasticity", "observed_low": "lowest price seen",
         "observed_high": "highest price seen", **_WHY},
        lambda table: table["action"] != "hold",
        ("profit_change",),
        ("unique_id", "current_price", "proposed_price", "profit_change", "why"),
        "no price change is proposed: the data say too little about what other prices would do",
        "pricing.json",
    ),
    Subject(
        "promotions",
        "promotions.csv",
        "12_promotions",
        {"unique_id": "product", "start": "from", "end": "to", "kind": "kind", "depth": "discount",
         "extra_units": "extra units", "extra_low": "at least", "extra_high": "at most", "profit": "expected profit",
         "profit_low": "profit at least", "profit_high": "profit at most", "spend": "cost", **_WHY},
        lambda table: pd.Series(True, index=table.index),
        ("profit",),
        ("unique_id", "start", "profit", "why"),
        "no promotion is proposed: the data hold none to learn from, or none pays",
        "promotions.json",
    ),
    Subject(
        "alerts",
        "alerts.csv",
        "09_alerts",
        {"severity": "severity", "kind": "kind", "unique_id": "product", "products": "products", "start": "from",
         "end": "to", "expected": "expected", "observed": "observed", "impact": "money at stake", **_WHY},
        lambda table: pd.Series(True, index=table.index),
        (),
        ("severity", "kind", "unique_id", "start", "why"),
        "nothing unusual in the newest periods",
        "alerts.json",
    ),
    Subject(
        "customers",
        "segments.csv",
        "10_customers",
        {"customer_id": "customer", "segment": "segment", "rfm_segment": "value segment", "orders": "orders",
         "recency_days": "days since the last order", "spend": "money spent", "probability": "chance to buy",
         "expected_spend": "expected money", **_WHY},
        lambda table: pd.Series(True, index=table.index),
        (),
        ("customer_id", "segment", "expected_spend", "why"),
        "no customer decisions",
        "customers.json",
        most=500,
        later=True,
    ),
)  # fmt: skip


def read_decisions(file: Path) -> pd.DataFrame:
    """A decision file of a run as it was before its text was made safe for a spreadsheet.

    Raises
    ------
    ValueError
        When the file has no column ``why``: every proposal has to say its reason.
    """
    table = pd.read_csv(file, keep_default_na=False, dtype=str)
    if "why" not in table:
        raise ValueError(f"{file}: no column 'why'; expected a decision file of a run, run the chapter again")
    for name in table:
        numbers = pd.to_numeric(table[name].replace("", None), errors="coerce")
        only_numbers = numbers.notna().any() and (numbers.notna() | (table[name] == "")).all()
        if only_numbers and name not in _NAMES:  # a name that looks like a number is a name
            table[name] = numbers
        else:
            table[name] = table[name].map(unescape_formula)
    return table


def stock_actions(plan: pd.DataFrame, excess: pd.DataFrame) -> pd.DataFrame:
    """The plan with one ``action`` a product: order, do not order, mark down, return, nothing, or unknown stock.

    "do not order" is said where a case or the minimum order would cost more than it saves.
    """
    order = pd.to_numeric(plan["order_quantity"], errors="coerce")
    plan = plan.assign(action=order.gt(0).map({True: "order", False: "nothing"}))
    if "refused_cost" in plan:
        refused = pd.to_numeric(plan["refused_cost"], errors="coerce") > 0
        plan["action"] = plan["action"].where(~refused, "do not order")
    if "stock" in plan:
        known = pd.to_numeric(plan["stock"], errors="coerce").notna()
        plan["action"] = plan["action"].where(known, UNKNOWN)
    if "proposal" in excess and len(excess):
        proposals = excess.set_index("unique_id")
        wanted = plan["unique_id"].map(proposals["proposal"]).fillna("keep")
        other = (plan["action"] == "nothing") & (wanted != "keep")
        plan["action"] = plan["action"].where(~other, wanted)
        plan["why"] = plan["why"].where(~other, plan["unique_id"].map(proposals["why"]))
    return plan


def _note(subject: Subject, folder: Path, rows: int, table: pd.DataFrame) -> str:
    """What stands above the rows: how many ask for a decision, or why none does."""
    unknown = int((table["action"] == UNKNOWN).sum()) if "action" in table else 0
    hint = f"; the stock of {counted(unknown, 'product')} is unknown: see stock unknown" if unknown else ""
    if not rows:
        report = folder / subject.report
        reason = read_json(report).get("reason", "") if subject.report and report.is_file() else ""
        return (reason or subject.empty) + hint
    if subject.name == UNKNOWN:
        return (
            f"{counted(rows, 'product')} not in the stock file: nothing is proposed; count, and add them to the file "
            "(missing_stock=zero if it lists only what is there)"
        )
    if subject.most and rows > subject.most:
        return f"the first {subject.most:,} of {rows:,} rows; all of them are in {subject.file}"
    return f"{rows} of {len(table)} rows ask for a decision{hint}"


def decision_sheets(run_dir: str | Path, left_out: Collection[str] = ()) -> list[Sheet]:
    """All subjects of a finished run, and its forecast; of a subject whose data the shop lacks an empty sheet says why.

    Parameters
    ----------
    left_out : files that the run was not to write: what lies there of them is of an earlier run, and no sheet shows it.

    Raises
    ------
    FileNotFoundError
        Naming the file and the chapter that writes it, when the run is not finished.
    """
    folder, sheets = resolve(run_dir), []
    for subject in SUBJECTS:
        file = folder / subject.file
        if subject.file in left_out:
            continue
        if not file.is_file():
            if subject.later:
                continue
            raise FileNotFoundError(
                f"{file}: not there; finish the run first (chapter {subject.chapter} writes it): {finish_hint(folder)}"
            )
        table = read_decisions(file)
        if subject.file == "replenishment.csv":
            table = stock_actions(table, read_decisions(folder / "excess.csv"))
        rows = table[subject.chosen(table)] if len(table) else table
        if subject.optional and rows.empty:
            continue
        by = [name for name in subject.order if name in rows]
        if by:
            rows = rows.sort_values(by, ascending=False, kind="stable", key=lambda c: pd.to_numeric(c, errors="coerce"))
        if subject.name == "stock" and len(rows):
            rows = rows.astype({"order_quantity": "int64"})  # beside unknown ones it was read as a fraction
        shown = {name: heading for name, heading in subject.columns.items() if name in rows}
        note = _note(subject, folder, len(rows), table) + (short_note(folder) if subject.name == "stock" else "")
        brief = tuple(shown[name] for name in subject.brief if name in shown)
        rows = rows.head(subject.most) if subject.most else rows
        sheets.append(Sheet(subject.name, note, rows[list(shown)].rename(columns=shown).reset_index(drop=True), brief))
    made = forecast_table(folder, left_out)
    if made is not None:
        sheets.append(Sheet("forecast", *made, tuple(made[1].columns)))
    return sheets
