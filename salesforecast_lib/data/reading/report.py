"""What was read from a file and how: the reading report, and the error of a file that cannot be read for sure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

EXAMPLES = 3  # of each repair


class ReadingError(ValueError):
    """A file cannot be read for sure: the message names file, row or column, what was expected and what to do."""


@dataclass(frozen=True)
class ReadOptions:
    """What the reader is told; whatever is left empty is inferred from the whole file, and shown.

    Parameters
    ----------
    columns : ``{our name: name in the file}``.
    timezone : of the shop. Stamps with an offset are converted to it, those without one are taken for UTC; dates
        without a time stay. Without it every stamp counts on the day of its own wall clock.
    decimal, thousands : marks of numbers, such as ``,`` and ``.``.
    date_order : "dmy", "mdy" or "ymd", for dates such as 05/06/2025.
    encoding : name of the file's encoding, such as "cp1252".
    sheet : name of the worksheet to read.
    settled : ``date_order`` ("dmy", "mdy") and ``periods`` ("weeks", "months", of numbers such as 202505) of an earlier
        file of the shop. They decide where this one leaves it open, and nowhere else.
    customer_ids : "hashed" or "plain": whether customers of a shop's own file keep their ids, see `pseudonyms`.
    prefix : what the parameters for encoding and sheet begin with, in advice: "plan_" of a plan file.
    """

    columns: dict[str, str] = field(default_factory=dict)
    timezone: str = ""
    decimal: str = ""
    thousands: str = ""
    date_order: str = ""
    encoding: str = ""
    sheet: str = ""
    prefix: str = ""
    customer_ids: str = "hashed"
    settled: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        allowed = {
            "decimal": ("", ".", ","),
            "thousands": ("", ".", ",", " ", "'"),
            "date_order": ("", "dmy", "mdy", "ymd"),
            "customer_ids": ("hashed", "plain"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                known = [value for value in values if value]
                raise ReadingError(f"{name}={getattr(self, name)!r}: expected one of {known}")
        if self.decimal and self.decimal == self.thousands:
            raise ReadingError(f"decimal and thousands are both {self.decimal!r}: expected two different marks")
        if self.timezone:
            try:
                pd.Timestamp("2024-01-01").tz_localize(self.timezone)
            except Exception as error:  # pandas, zoneinfo and dateutil each raise their own
                raise ReadingError(f"timezone={self.timezone!r}: expected a name such as Europe/Berlin") from error


@dataclass
class ReadingReport:
    """How a file was read and what came out; `to_dict` is what ``check-data --json`` prints.

    ``rows = kept + quarantined + cancelled``; ``units`` and ``revenue`` are sums over the kept rows. ``repairs`` holds
    ``column, repair, rows, examples`` (before and after), ``reasons`` the number of quarantined rows for each reason.
    """

    file: str
    kind: str
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_order: str | None = None
    periods: str | None = None
    timezone: str | None = None
    sheet: str | None = None
    rows: int = 0
    kept: int = 0
    quarantined: int = 0
    cancelled: int = 0
    products: int = 0
    units: float = 0.0
    revenue: float | None = None
    first_day: str | None = None
    last_day: str | None = None
    repairs: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)

    def repair(self, column: str, what: str, rows: int, examples: list[tuple[str, str]]) -> None:
        """Record that ``rows`` cells of ``column`` were repaired."""
        if rows:
            shown = [list(pair) for pair in examples[:EXAMPLES]]
            self.repairs.append({"column": column, "repair": what, "rows": int(rows), "examples": shown})

    def note(self, text: str) -> None:
        """Record a sentence for the user, once."""
        if text not in self.notes:
            self.notes.append(text)

    def count(
        self,
        kept: pd.DataFrame,
        quarantine: pd.DataFrame,
        cancelled: int = 0,
        names: tuple[str, str, str] = ("product_id", "timestamp", "quantity"),
    ) -> ReadingReport:
        """Fill in what came out; ``names`` are the columns of product, time and units."""
        product, when, units = names
        self.kept, self.quarantined, self.cancelled = len(kept), len(quarantine), cancelled
        self.rows = self.kept + self.quarantined + cancelled
        self.products = int(kept[product].nunique()) if product in kept else 0
        self.units = round(float(kept[units].sum()), 6) if units in kept else 0.0
        if "unit_price" in kept:
            self.revenue = round(float((kept[units] * kept["unit_price"]).sum()), 6)
        if when in kept and kept[when].notna().any():
            self.first_day, self.last_day = str(kept[when].min().date()), str(kept[when].max().date())
        counts = quarantine["reason"].value_counts() if len(quarantine) else pd.Series(dtype=int)
        self.reasons = {str(reason): int(n) for reason, n in counts.items()}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Every field by its name, ready for JSON."""
        return dict(self.__dict__)

    def table(self) -> pd.DataFrame:
        """``what, value`` rows for a reader, in the order of reading; repairs and notes come last."""
        rows = [(name, self._shown(name)) for name in _SHOWN]
        for entry in self.repairs:
            examples = ", ".join(f"{before!r} → {after!r}" for before, after in entry["examples"])
            rows.append((f"repaired in {entry['column']}", f"{entry['repair']}: {entry['rows']} ({examples})"))
        rows += [("note", note) for note in self.notes]
        rows += [(f"quarantined {count}", reason) for reason, count in self.reasons.items()]
        return pd.DataFrame(rows, columns=["what", "value"])

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        if value is None:
            return "-"
        if name in ("separator", "decimal", "thousands"):
            return {"\t": "tab", " ": "blank"}.get(value, value)
        if isinstance(value, float):
            return f"{value:,.2f}".rstrip("0").rstrip(".")
        return f"{value:,}" if isinstance(value, int) else str(value)


_SHOWN = (
    "file", "encoding", "separator", "sheet", "decimal", "thousands", "date_order", "timezone",
    "rows", "kept", "quarantined", "cancelled", "products", "units", "revenue", "first_day", "last_day",
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """Rows that can be used, the quarantine (``row, column, value, reason``) and the report."""

    frame: pd.DataFrame
    quarantine: pd.DataFrame
    report: ReadingReport
