"""Which column plays which role: *static*, *historical* or *future*; declared by the shop or seen in the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_OURS = ("unique_id", "ds", "y", "available")


@dataclass(frozen=True)
class Roles:
    """Columns that the shop declares, by their names in the file or in the book; ``planned`` are those of a plan file.

    Whatever is not declared gets its role from the data, see `settle_covariates`.
    """

    future: tuple[str, ...] = ()
    historical: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()

    @property
    def declared(self) -> dict[str, str]:
        """Role by name."""
        return {name: role for role in ("future", "historical", "static") for name in getattr(self, role)}

    def settled(self, known: Iterable[str], renamed: Mapping[str, str], source: str) -> Roles:
        """The roles under the book's names of columns.

        Parameters
        ----------
        known : columns that can have a role. ``renamed`` : the book's name by the file's.

        Raises
        ------
        ValueError
            When a name is not known, stands in two roles, or ``open`` is not to be known ahead.
        """
        there = list(known)
        parts: dict[str, tuple[str, ...]] = {}
        for role in ("future", "historical", "static"):
            names = [renamed.get(name, name) for name in getattr(self, role)]
            unknown = [name for name in names if name not in (*there, "open")]
            if unknown:
                raise ValueError(
                    f"{role}={unknown}: not in {source}, which has {sorted(there)}; correct the name, or leave it out"
                )
            parts[role] = tuple(dict.fromkeys(names))
        for name in (*parts["historical"], *parts["static"]):
            if name == "open":
                raise ValueError("open: it is always known ahead; take it out of historical and static")
        twice = [name for name in there if sum(name in names for names in parts.values()) > 1]
        if twice:
            raise ValueError(f"columns {twice} are declared in two of future, historical and static; keep one of them")
        planned = (renamed.get(name, name) for name in self.planned)
        return Roles(**parts, planned=tuple(name for name in planned if name not in _OURS))


NO_ROLES = Roles()
