"""Which driver of sales a column stands for, in a planner's words (chapter 16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salesforecast_lib.data.frequency import check_freq

RECENT, TREND, SEASON, WEEKDAY = "recent sales", "trend", "season", "day of the week"
HOLIDAYS, MONTH, PROMOTION, ADVERTISING = "holidays", "time of the month", "promotion", "advertising"
PRICE, OPEN, BUYERS, KIND, SHOP = "price", "opening days", "buyers", "kind of product", "shop and group"
OTHER = "other columns"

# Parts of names that shops give to columns of their promotions.
_PROMOTED = ("promo", "display", "mailer", "coupon", "depth", "flyer", "campaign", "feature", "voucher", "deal")
_MEMORY = {"recent": RECENT, "year": SEASON, "trend": TREND, "group": SHOP}
_GROUPS = {
    **dict.fromkeys(("lags", "rolling", "smoothing", "recency"), RECENT),
    **{"trend": TREND, "seasonality": SEASON, "price": PRICE, "combinations": PRICE, "behaviour": BUYERS},
    "hierarchy": KIND,
}
_OWN = {"log_level": RECENT, "step": TREND}


def driver_of(column: str, group: str, freq: str) -> str:
    """The driver of one feature.

    Parameters
    ----------
    column : its name, without ``ahead_``. ``group`` : that of ``features.json``, "" where it has none.

    A column that the shop declared itself, and that is no promotion by its name, is a driver of its own.
    """
    name = column.casefold()
    if column in _OWN:
        return _OWN[column]
    if column in ("same_phase", "season_average"):
        return WEEKDAY if check_freq(freq).kind == "D" else SEASON
    if group == "calendar":
        if name.startswith("weekday"):
            return WEEKDAY
        return MONTH if name.startswith("month") else HOLIDAYS
    if name == "open":
        return OPEN
    if name.startswith("ad_"):
        return ADVERTISING
    if name in ("price", "discount", "list_price", "price_level", "relative_price"):
        return PRICE
    if group in _GROUPS:
        return _GROUPS[group]
    if any(part in name for part in _PROMOTED):
        return PROMOTION
    return column.replace("_", " ") if group == "promotion" else OTHER


def driver_labels(columns: Sequence[str], groups: Mapping[str, Sequence[str]], freq: str) -> list[str]:
    """The driver of each column of a model's rows.

    Parameters
    ----------
    columns : features, those known ahead with ``ahead_`` before their names.
    groups : group → feature names, as in ``features.json``.
    """
    of = {name: group for group, names in groups.items() for name in names}
    plain = [name if name in of else name.removeprefix("ahead_") for name in columns]
    return [driver_of(name, of.get(name, ""), freq) for name in plain]


def memory_label(meaning: str, freq: str) -> str:
    """The driver of a column of the long memory, from `LongMemoryRows.meaning`."""
    if meaning == "phase":
        return WEEKDAY if check_freq(freq).kind == "D" else SEASON
    return _MEMORY[meaning]


def in_a_sentence(driver: str) -> str:
    """The driver with its article: "the promotion", "recent sales"."""
    bare = (RECENT, HOLIDAYS, BUYERS, OTHER, ADVERTISING)
    return driver if driver in bare else f"the {driver}"
