"""A made chain of shops, as public ones look: promotions known ahead, Sundays closed, shops that open late or rebuild.

Nothing in it is of a real shop. ``python -m tests.unit.chain FILE`` writes the whole chain as CSV.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import holidays
import numpy as np
import pandas as pd

FIRST = pd.Timestamp("2022-01-03")  # a Monday
AHEAD = 42  # days told after the last day with sales
LIFT = 0.4  # what a promotion adds to a day's sales
_WEEK = np.array([1.15, 0.95, 0.93, 0.95, 1.05, 1.0, 0.85])  # Monday to Sunday: share of an average open day


def make_chain(shops: int = 300, days: int = 900, seed: int = 0, ahead: int = AHEAD) -> pd.DataFrame:
    """Daily sales in money of ``shops`` shops, and the plan of ``ahead`` days after them.

    Every second week is one of promotion, Monday to Saturday; which one depends on the shop. Every tenth shop opens on
    Sundays, all close on public holidays. The shops ``S001`` to ``S003`` open within the last year (the last third of a
    shorter history), ``S004`` is rebuilt for half a year (a fifth of a shorter history) in the middle of the data.

    Returns
    -------
    ``unique_id, ds, y, open, promo, StateHoliday, school_holiday, store_type, assortment``, sorted; ``y`` is missing in
    the rows of the plan. ``StateHoliday`` holds 0, and a, b or c on public, Easter and Christmas holidays.
    """
    rng = np.random.default_rng(seed)
    stamps = pd.date_range(FIRST, periods=days + ahead)
    free = holidays.country_holidays("DE", years=range(stamps[0].year, stamps[-1].year + 1), language="en_US")
    names = np.array([str(free.get(day, "")) for day in stamps.date])
    letter = np.select(
        [names == "", np.isin(names, ["Good Friday", "Easter Monday"]), np.char.find(names, "Christmas Day") >= 0],
        ["0", "b", "c"],
        "a",
    )
    weekday, week = stamps.dayofweek.to_numpy(), np.arange(len(stamps)) // 7
    school = (stamps.month == 8) | ((stamps.month == 12) & (stamps.day >= 23))
    season = (
        1
        + 0.08 * np.sin(2 * np.pi * (stamps.dayofyear.to_numpy() - 80) / 365.25)
        + 0.35 * ((stamps.month == 12) & (stamps.day >= 5) & (stamps.day <= 23))
    )
    mood = np.exp(np.cumsum(rng.normal(0, 0.004, len(stamps))))  # what all shops share
    recent, rebuilt = min(365, days // 3), min(182, days // 5)
    parts = []
    for shop in range(shops):
        level, kind, offer = rng.lognormal(8.7, 0.35), "abc"[rng.integers(3)], "xyz"[rng.integers(3)]
        sunday, phase = shop % 10 == 9, shop % 2
        promo = ((week % 2 == phase) & (weekday < 6)).astype(float)
        open_ = ((weekday < 6) | sunday) & (letter == "0")
        if shop == 3:
            begin = (days - rebuilt) // 2
            open_[begin : begin + rebuilt] = False
        growth = 1 + rng.normal(0.0, 0.08) * np.arange(len(stamps)) / 365
        mean = level * _WEEK[weekday] * season * mood * growth * (1 + rng.normal(LIFT, 0.08) * promo)
        y = np.where(open_, np.round(mean * rng.lognormal(0, 0.1, len(stamps))), 0.0)
        first = days - (shop + 1) * recent // 4 if shop < 3 and shops > 3 else 0
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": f"S{shop + 1:03d}",
                    "ds": stamps,
                    "y": np.where(np.arange(len(stamps)) < days, y, np.nan),
                    "open": open_.astype(int),
                    "promo": promo.astype(int),
                    "StateHoliday": letter,
                    "school_holiday": np.asarray(school).astype(int),
                    "store_type": kind,
                    "assortment": offer,
                }
            ).iloc[max(first, 0) :]
        )
    return pd.concat(parts, ignore_index=True)


def write_chain(file: str | Path, **made: int) -> Path:
    """Write `make_chain` with ``made`` as CSV; returns where."""
    make_chain(**made).to_csv(file, index=False)
    return Path(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="CSV to write")
    parser.add_argument("shops", type=int, nargs="?", default=300)
    parser.add_argument("days", type=int, nargs="?", default=900)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    given = parser.parse_args()
    print(write_chain(given.file, shops=given.shops, days=given.days, seed=given.seed))
