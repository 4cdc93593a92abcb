"""Which columns are known ahead, which are only observed, and which describe the series (chapter 01)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from salesforecast_lib.data.reading.columns import find_renamed

ROLES = ("future", "historical", "static")
_FIXED = {"unique_id": "the name of the series", "ds": "its period", "y": "what is forecast"}


@dataclass(frozen=True)
class Roles:
    """Names of columns as the user declares them; what is in none of the lists gets the role that its cells suggest."""

    future: tuple[str, ...] = ()
    historical: tuple[str, ...] = ()
    static: tuple[str, ...] = ()


def declared_roles(asked: Roles, columns: Iterable[str], renamed: Mapping[str, str], source: str) -> dict[str, str]:
    """Role of each declared column under the panel's name for it.

    Parameters
    ----------
    columns : the panel's covariates. ``renamed`` : the file's name of those that bear another.

    Raises
    ------
    ValueError
        On a name that the file does not have, with those that it has; on one with two roles, or with a fixed meaning.
    """
    known = list(columns)
    back = {ours: theirs for theirs, ours in renamed.items()}
    found: dict[str, str] = {}
    for role in ROLES:
        for name in getattr(asked, role):
            if name in _FIXED:
                raise ValueError(f"{role}=[{name}]: this column is {_FIXED[name]} and has no role; leave it out")
            place = find_renamed(name, known, renamed)
            if place is None:
                there = [back.get(column, column) for column in known]
                near = difflib.get_close_matches(name, there, 2, 0.6)
                hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
                raise ValueError(f"{role}=[{name}]: not in {source}, which has {there}{hint}")
            if found.get(place, role) != role:
                raise ValueError(f"{name!r} is declared {found[place]} and {role}: expected one of them")
            if place == "open" and role != "future":
                raise ValueError(f"{role}=[{name}]: closures are known ahead; leave it out, it is future")
            if place == "available" and role == "future":
                raise ValueError(
                    f"future=[{name}]: what was in stock is known afterwards; plan closures in a column open"
                )
            found[place] = role
    return found
