"""The plan file beside the sales: its columns, its marks, and whether it speaks of the same products and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from salesforecast_lib.data.reading import Reading, ReadingError, ReadOptions, open_table, read_plan_file
from salesforecast_lib.pipeline.init.facts import PLAN_KEYS, plan_lines, planned_of
from salesforecast_lib.pipeline.init.questions import KNOWN, Ask, InitError, settle_columns, spelled_columns
from salesforecast_lib.wording import first_names, listed

_OPTION = "--plan-column"


@dataclass(frozen=True)
class PlanFile:
    """``file`` with the user's map of its ``columns``; ``options`` are those of the sales, but for
    the plan's own encoding and sheet; ``sales_columns`` is the map of the sales."""

    file: Path
    columns: Mapping[str, str]
    options: ReadOptions
    sales_columns: Mapping[str, str] = field(default_factory=dict)


def settle_plan(
    plan: PlanFile, sales: Reading, ask: Ask | None, say: Callable[[Any], None]
) -> tuple[Reading, dict[str, Any]]:
    """The plan as it was read, and its values of the profile.

    Raises
    ------
    InitError, ReadingError
        When a column is not certain, the plan cannot be read, or it speaks of no product or no column of the sales.
    """
    raw = open_table(plan.file, replace(plan.options, columns={}), KNOWN).frame
    given = spelled_columns(plan.columns, raw, plan.file, _OPTION)
    keys = {name: theirs for name, theirs in given.items() if name in PLAN_KEYS}
    columns = {**settle_columns(raw, plan.file, keys, ask, say, "plan", _OPTION).columns, **given}
    marks = replace(plan.options, columns=columns, timezone="")
    try:
        read = read_plan_file(plan.file, marks)
    except ReadingError:  # the run reads both files with the same marks: what is found in each need not be said
        if not (plan.options.decimal or plan.options.date_order):
            raise
        read = read_plan_file(plan.file, replace(marks, decimal="", thousands="", date_order=""))
    product = "product_id" if sales.report.kind == "orders" else "unique_id"
    known = {part for name in sales.frame[product].unique() for part in (name, name.partition(" @ ")[0])} | {"*"}
    if not known & set(read.frame["unique_id"]):
        raise InitError(
            f"{plan.file}: plans for {first_names(read.frame['unique_id'].unique(), 3)}, none of which is in the sales "
            f"(as {min(known - {'*'})!r} is); say {_OPTION} unique_id=NAME for the column of the products"
        )
    there = [*sales.frame, "open", *(("price", "discount") if sales.report.kind == "orders" else ())]
    used, lost = planned_of(read, there, plan.sales_columns)
    if not used:
        raise InitError(
            f"{plan.file}: none of its columns {listed(map(repr, lost))} is in the sales, which have {there}; say for "
            f"example {_OPTION} '{there[-1]}={lost[0]}'"
        )
    for what, value in plan_lines(read):
        say(f"plan: {what} {value}")
    if lost:
        say(f"note: {listed(map(repr, lost))} of the plan is in no column of the sales and will not be used")
    return read, {"plan_file": str(plan.file), "plan_columns": columns}
