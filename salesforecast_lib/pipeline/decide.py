"""What ``salesforecast decide`` writes: the decisions of a run as a workbook, as tables, or for an inventory system."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from salesforecast_lib.files import FORMULA_STARTS, read_json, write_csv
from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.parameters import declared
from salesforecast_lib.pipeline.runs.choice import PLAN
from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.pipeline.values import ParameterError
from salesforecast_lib.wording import counted

FORMATS = ("xlsx", "csv", "odoo", "erpnext")


@dataclass(frozen=True)
class Written:
    """Files that were written, and lines on what they hold and what is left out."""

    files: list[Path]
    lines: list[str]


def check_format(form: str, warehouse: str) -> None:
    """Raise ParameterError where ``form`` is none, or a warehouse is given that it has no column for."""
    if form not in FORMATS:
        raise ParameterError(f"--format {form!r}: expected one of {', '.join(FORMATS)}")
    if warehouse and form not in ("odoo", "erpnext"):
        raise ParameterError(f"--warehouse {warehouse!r}: goes with --format odoo or erpnext, not with {form}")


def left_out_stages(folder: Path) -> list[Stage]:
    """Stages that the goal of the finished run in ``folder`` left out."""
    names = set(runs.left_out(folder))
    return [stage for stage in STAGES if stage.name in names]


def write_decisions(folder: Path, form: str = "xlsx", warehouse: str = "") -> Written:
    """Write the decisions of the finished run in ``folder`` as one of `FORMATS`.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file of the run is missing, or a rule lacks its warehouse; with what to do.
    """
    missing = {file for stage in left_out_stages(folder) for file in stage.writes}
    if form in ("odoo", "erpnext"):
        return _write_rules(folder, form, warehouse)
    return _write_sheets(folder, form, missing)


def _write_sheets(folder: Path, form: str, missing: Collection[str]) -> Written:
    from salesforecast_lib.decisions.workbook.excel import write_workbook
    from salesforecast_lib.decisions.workbook.sheets import SUBJECTS, decision_sheets

    sheets = decision_sheets(folder, missing)
    if form == "xlsx":
        files = [write_workbook(sheets, folder / "decisions.xlsx")]
    else:
        files = [
            write_csv(sheet.table, folder / "decisions" / f"{sheet.name.replace(' ', '_')}.csv") for sheet in sheets
        ]
    lines = [f"{sheet.name + ':':15s}{sheet.note}" for sheet in sheets]
    lacking = [subject.name for subject in SUBJECTS if subject.file in missing]
    if lacking:
        lines.append(f"left out:      {', '.join(lacking)}: this run was for its {runs.goal_of(folder)} only")
        lines.append(f"to make them:  {runs.whole_command(folder)}")
    return Written(files, lines)


def _write_rules(folder: Path, form: str, warehouse: str) -> Written:
    from salesforecast_lib.data.frequency import check_freq
    from salesforecast_lib.decisions.workbook import exports
    from salesforecast_lib.decisions.workbook.sheets import read_decisions

    given = read_json(folder / "parameters.json")
    planning = next(stage for stage in STAGES if PLAN in stage.writes)
    known = {name: given.get(name, parameter.default) for name, parameter in declared(planning.source).items()}
    days = check_freq(str(read_json(folder / "panel.json").get("freq", "D"))).days
    plan = read_decisions(folder / PLAN)
    rules = exports.reorder_rules(
        plan, known["lead_time"], known["review_period"], days, known["case_pack"], bool(given.get("by_location"))
    )
    table = (exports.odoo_rules if form == "odoo" else exports.erpnext_rules)(rules, warehouse)
    file = write_csv(table, folder / f"reorder_{form}.csv")
    lines = [f"{counted(len(rules), 'reorder rule')} of {counted(len(plan), 'product')}"]
    if form == "odoo" and len(rules):
        lead = counted(int(rules["lead_days"].iloc[0]), "day")
        lines.append(f"Odoo keeps the lead time with each vendor: it is {lead} in this plan")
    if form == "erpnext" and known["case_pack"] > 1:
        lines.append(f"ERPNext has no multiple: quantities are whole cases of {known['case_pack']} units")
    marked = sum(name.startswith(FORMULA_STARTS) for name in rules["product"])
    if marked:
        lines.append(
            f"note: {counted(marked, 'product id')} with a sign in front that spreadsheets take for a formula: a quote "
            "was put before it, remove it before the import"
        )
    return Written([file], lines)
