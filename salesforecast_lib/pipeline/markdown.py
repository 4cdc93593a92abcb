"""Markdown that several pages of a book share: safe text, tables, generated blocks, and how a benchmark page opens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKS = "\\`*_{}[]()<>#+!|$~&:^%=@\"'"
_LEADING = re.compile(r"^(\d*)([-.)])")
_HEADINGS = {
    "wape": "WAPE",
    "bias": "bias",
    "mase": "MASE",
    "rmsse": "RMSSE",
    "scaled_quantile_loss": "scaled quantile loss",
    "coverage_90": "coverage of 90 %",
    "total": "total cost",
    "holding": "holding",
    "shortage": "shortage",
    "fill_rate": "fill rate",
    "turnover": "turnover",
    "saving_percent": "saving (%)",
}


def markdown_table(rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str], digits: int) -> list[str]:
    """Lines of a markdown table, one row a key; what is not known is a dash, thousands are whole numbers."""

    def cell(value: float | None) -> str:
        return "–" if value is None else f"{value:,.{digits if abs(value) < 1000 else 0}f}"

    lines = ["| | " + " | ".join(_HEADINGS.get(c, c) for c in columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, values in rows.items():
        lines.append(f"| {plain(name)} | " + " | ".join(cell(values[c]) for c in columns) + " |")
    return lines


def plain(text: object) -> str:
    """Text of a shop as markdown shows it unchanged: no marks-up, no list, no comment, one line."""
    words = "".join(f"\\{c}" if c in _MARKS else c for c in " ".join(str(text).split()))
    return _LEADING.sub(r"\1\\\2", words, count=1)  # what makes a list where a line begins


def between(text: str, start: str, end: str, block: str) -> str:
    """``text`` with what stands between the markers replaced by ``block``.

    Raises
    ------
    ValueError
        When a marker is missing.
    """
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"markers {start!r} and {end!r}: expected both, in this order; put them back")
    return f"{before}{start}\n{block}{end}{after}"


def noted(page: str, notes: Sequence[str]) -> str:
    """``page`` with notes that a reader should see first, between its title and the rest; unchanged without any."""
    if not notes:
        return page
    title, newline, rest = page.partition("\n")
    box = ["", ":::{warning}", *(f"{plain(note)}\n" for note in notes), ":::", ""]
    return title + newline + "\n".join(box) + rest


def opening(measured: str, data: str, command: str, meaning: Sequence[str]) -> list[str]:
    """How every page of benchmarks opens: what was measured, on what, by which command, and what a shop learns.

    ``meaning`` holds one to three sentences.
    """
    return [
        f"- **What was measured.** {measured}",
        f"- **On what data.** {data}",
        f"- **By which command.** {command}",
        f"- **What it means for a shop.** {' '.join(meaning)}",
        "",
    ]
