"""The decision sheet: what a run proposes, one sheet a subject, for people who do not read notebooks (chapter 08)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.decisions.workbook.forecast import forecast_table, short_note
from salesforecast_lib.decisions.workbook.reasons import EXAMPLE, evidence, main_reasons, stock_words
from salesforecast_lib.decisions.workbook.savings import saving_words
from salesforecast_lib.decisions.workbook.subjects import NAMES, SUBJECTS, UNKNOWN, Sheet, Subject
from salesforecast_lib.evaluation.reasons import FILE as REASONS
from salesforecast_lib.files import finish_hint, read_json, resolve, unescape_formula
from salesforecast_lib.wording import counted


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
        if only_numbers and name not in NAMES:  # a name that looks like a number is a name
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


def _report(folder: Path, name: str) -> dict[str, Any]:
    """A chapter's report as JSON, empty where the run has none."""
    file = folder / name
    return dict(read_json(file)) if name and file.is_file() else {}


def _note(subject: Subject, folder: Path, rows: int, table: pd.DataFrame) -> str:
    """What stands above the rows: how many ask for a decision and on what they rest, or why none does."""
    unknown = int((table["action"] == UNKNOWN).sum()) if "action" in table else 0
    hint = f"; the stock of {counted(unknown, 'product')} is unknown: see stock unknown" if unknown else ""
    report = _report(folder, subject.report)
    if not rows:
        return (report.get("reason", "") or subject.empty) + hint
    if subject.name == UNKNOWN:
        return (
            f"{counted(rows, 'product')} not in the stock file: nothing is proposed; count, and add them to the file "
            "(missing_stock=zero if it lists only what is there)"
        )
    if subject.most and rows > subject.most:
        return f"the first {subject.most:,} of {rows:,} rows; all of them are in {subject.file}"
    if subject.told:
        return f"{counted(rows, subject.name.removesuffix('s'))}, {subject.told}"
    words = f"{rows} of {len(table)} rows ask for a decision{hint}"
    later = int((table["action"] == "test later").sum()) if subject.name == "prices" else 0
    words += f"; {counted(later, 'test')} more can follow, see {subject.file}" if later else ""
    return "; ".join([words, *(str(report[name]) for name in ("basis", "effects_rest_on") if report.get(name))])


def _stock_note(folder: Path, table: pd.DataFrame) -> tuple[str, str]:
    """What stands before and after the note of the stock sheet: an example or not, and what the plan saves."""
    simulated = "stock_source" in table and (table["stock_source"] == "simulated").any()
    saved = saving_words(_report(folder, "inventory.json"))
    return (f"{EXAMPLE}; " if simulated else ""), (f"; {saved}" if saved else "") + short_note(folder)


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
            causes = {} if REASONS in left_out else main_reasons(folder)
            words = stock_words(table, evidence(folder), causes)
            table = stock_actions(words, read_decisions(folder / "excess.csv"))
        if "break_even_units" in table:
            table["break_even_units"] = pd.to_numeric(table["break_even_units"], errors="coerce") - 1  # as a change
        rows = table[subject.chosen(table)] if len(table) else table
        if subject.optional and rows.empty:
            continue
        by = [name for name in subject.order if name in rows]
        if by:
            rows = rows.sort_values(by, ascending=False, kind="stable", key=lambda c: pd.to_numeric(c, errors="coerce"))
        if subject.name == "stock" and len(rows):
            rows = rows.astype({"order_quantity": "int64"})  # beside unknown ones it was read as a fraction
        shown = {name: heading for name, heading in subject.columns.items() if name in rows}
        if "refused_cost" in shown and not (pd.to_numeric(rows["refused_cost"], errors="coerce") > 0).any():
            del shown["refused_cost"]  # a column of zeros
        before, after = _stock_note(folder, table) if subject.name == "stock" else ("", "")
        note = before + _note(subject, folder, len(rows), table) + after
        brief = tuple(shown[name] for name in subject.brief if name in shown)
        rows = rows.head(subject.most) if subject.most else rows
        sheets.append(Sheet(subject.name, note, rows[list(shown)].rename(columns=shown).reset_index(drop=True), brief))
    made = forecast_table(folder, left_out)
    if made is not None:
        sheets.append(Sheet("forecast", *made, tuple(made[1].columns)))
    return sheets
