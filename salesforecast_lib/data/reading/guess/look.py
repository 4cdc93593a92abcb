"""A file's columns with what their cells say, and a choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from salesforecast_lib.data.reading.guess.evidence import numbers_of, profile
from salesforecast_lib.data.reading.guess.headers import ROLES, SIGNATURES, plain

SAMPLE = 5_000  # rows that are looked at
WHOLE = 0.95  # share of filled cells that an id needs to be certain


@dataclass(frozen=True)
class Choice:
    """Column for one of our names: ``column`` is None when none was found, ``rivals`` could be it as well."""

    role: str
    column: str | None
    evidence: str
    certain: bool
    rivals: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


class Looked:
    """A file's columns with what their cells say; the choices already made belong to it."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table.head(SAMPLE).reset_index(drop=True)
        self.headers = {str(name): plain(name) for name in self.table}
        self.profiles = {str(name): profile(self.table[name]) for name in self.table}
        self.meant = {
            role: name
            for signature, roles in SIGNATURES
            if signature <= set(self.headers.values())
            for role, header in roles.items()
            for name, plain_name in self.headers.items()
            if plain_name == header
        }

    def named(self, role: str, names: str = "") -> list[tuple[int, int, str]]:
        """(tier, place, column) of the columns whose name says ``role`` and whose cells do not deny it, best first."""
        known = ROLES[names or role]
        ranked = [(known.rank(header), name) for name, header in self.headers.items()]
        found = [(*rank, name) for rank, name in ranked if rank is not None and self.fits(role, name)]
        return sorted(found, key=lambda entry: entry[:2])

    def whole(self, role: str, column: str) -> bool:
        """Whether the column's whole name is one of the role's."""
        return ROLES[role].whole(self.headers[column])

    def tier(self, role: str, column: str) -> int:
        """Which answer to ``role`` the column's name is, 0 the best; beyond all tiers where it is none."""
        rank = ROLES[role].rank(self.headers[column])
        return len(ROLES[role].tiers) + 1 if rank is None else rank[0]

    def fits(self, role: str, column: str) -> bool:
        """Whether the cells can be what ``role`` asks for."""
        look = self.profiles[column]
        if role in ("timestamp", "ds", "start", "end"):
            dated = any(other.dates >= 0.9 for other in self.profiles.values())  # a month beside a date is no stamp
            # an order number may look like a counted date, so the name has to say that it is one
            counted = look.counted and ROLES["timestamp"].rank(self.headers[column]) is not None
            return look.filled >= 0.5 and (look.dates >= 0.9 or (look.periods >= 0.9 and not dated) or counted)
        if role in ("quantity", "y", "stock"):
            return look.filled >= 0.5 and look.numbers >= 0.9
        if role in ("unit_price", "price", "line_total"):
            return look.filled >= 0.5 and look.numbers >= 0.9
        if role in ("order_id", "product_id", "unique_id"):
            return look.filled >= 0.5 and look.dates < 0.5 and look.numbers - look.whole < 0.1
        if role == "discount":
            return look.numbers >= 0.9 and bool((numbers_of(self.table[column]) > 0).any())
        if role == "location_id":
            return look.filled >= WHOLE and 2 <= look.distinct <= 500
        return look.filled > 0
