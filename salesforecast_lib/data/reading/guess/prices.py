"""Whether a file's price is for one unit or for the whole line: by its name, and by what more units do to it."""

from __future__ import annotations

from salesforecast_lib.data.reading.guess.evidence import numbers_of, of_the_order, price_scaling, product_matches
from salesforecast_lib.data.reading.guess.headers import ROLES
from salesforecast_lib.data.reading.guess.look import Choice, Looked

_AGREE = 0.95  # share of lines in which units times price must be the total


def guess_price(looked: Looked, order: str | None, product: str | None, quantity: str | None) -> Choice:
    """Choice for ``unit_price`` or ``line_total``.

    A name that says which is believed unless the numbers deny it; a name that does not say ("price", "amount") needs
    lines with several units that settle it, else it is asked.
    """
    found = _candidates(looked, order, {order, product, quantity})
    if not found:
        numeric = tuple(
            name for name in looked.headers if looked.fits("price", name) and name not in (product, quantity, order)
        )
        why = "no column has a name that says so; without prices, add units up by product and day: product, date, units"
        return Choice("unit_price", None, why, False, numeric)
    says, column = found[0]

    def choose(role: str, evidence: str, certain: bool, rivals: tuple[str, ...] = ()) -> Choice:
        return Choice(role, column, evidence, certain, rivals, looked.profiles[column].examples)

    if product is None or quantity is None:
        return choose("unit_price", "for one unit, or for the line? Product or units are not known yet", False)
    units, price = numbers_of(looked.table[quantity]), numbers_of(looked.table[column])
    scaling = price_scaling(units, price, looked.table[product])
    if scaling.verdict == "same":
        return choose("unit_price" if says == "price" else says, scaling.evidence, True)
    for _, name in found[1:]:
        share = product_matches(units, price, numbers_of(looked.table[name]))
        if scaling.verdict != "line" and share >= _AGREE:
            return choose("unit_price", f"times {quantity} it is {name} in {share:.0%} of lines", True)
    if scaling.verdict == "open":
        if says == "unit_price" or (says == "line_total" and looked.tier(says, column) == 0):
            return choose(says, f"by its name ({scaling.evidence})", True)
        return choose("unit_price", f"for one unit, or for the line? {scaling.evidence}", False)
    role = "unit_price" if scaling.verdict == "unit" else "line_total"
    if says not in ("price", role):
        return choose(role, f"its name says {says}, but {scaling.evidence}", False)
    equals = tuple(name for other, name in found[1:] if other == says and looked.tier(says, name) == 0)
    if says == "price" and looked.tier(says, column) == 0 and equals:
        return choose(role, f"{scaling.evidence}; {', '.join(equals)} could be it too", False, equals)
    return choose(role, scaling.evidence, True)


def _candidates(looked: Looked, order: str | None, taken: set[str | None]) -> list[tuple[str, str]]:
    """(what the name says, column), best first: a unit's price, a price, a line's total; none of the whole order."""
    ranked = []
    for place, role in enumerate(("unit_price", "price", "line_total")):
        for tier, position, name in looked.named(role):
            part = tier >= len(ROLES[role].tiers)
            ranked.append(((part, tier, place, position), role, name))
    found: list[tuple[str, str]] = []
    for _, role, name in sorted(ranked):
        whole_order = order is not None and of_the_order(looked.table[name], looked.table[order])
        if name not in taken and not whole_order and name not in [known for _, known in found]:
            found.append((role, name))
    return found
