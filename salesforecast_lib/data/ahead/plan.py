"""What a plan file tells of the periods after the data: ranges of days become periods of the panel (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.usual import KEYS, is_price, usual_values
from salesforecast_lib.data.frequency import Frequency
from salesforecast_lib.data.reading import ReadingError
from salesforecast_lib.wording import counted, first_names

EVERY = "*"  # in place of a product: all of them
PLACE = " @ "  # between product and place in the name of a series


@dataclass(frozen=True)
class Horizon:
    """The periods that are forecast: ``count`` of them after the stamp ``last``; ``stamp`` "start" where weeks bear
    their first day.
    """

    last: pd.Timestamp
    count: int
    frequency: Frequency
    stamp: str = "end"

    @property
    def stamps(self) -> pd.DatetimeIndex:
        """Stamps of the periods."""
        return self.frequency.after(self.last, self.count)

    @property
    def first_days(self) -> pd.DatetimeIndex:
        """First day of each period, and the day after the last one."""
        more = self.frequency.after(self.last, self.count + 1)
        return more if self.stamp == "start" else self.frequency.first_days(more)


@dataclass
class Told:
    """``table``: ``unique_id, ds`` and planned columns, missing where nothing is told; ``notes`` for the user."""

    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def series_meant(plan: pd.DataFrame, series: pd.Index, source: str) -> tuple[pd.DataFrame, list[str]]:
    """Pairs ``place`` (row of ``plan``), ``unique_id`` (series) and ``rank`` (2 the series itself, 1 a product at all
    places, 0 every product), and what was said of rows that mean no series of the data.
    """
    ids, notes = plan["unique_id"].astype(str), []
    if "location_id" in plan:
        where = plan["location_id"].astype(object)
        ids = (ids + PLACE + where.astype(str)).where(where.notna() & (where.astype(str) != ""), ids)
        if not any(PLACE in name for name in series) and where.notna().any():
            notes.append(f"{source}: its places are ignored: the series of the data have none")
            ids = plan["unique_id"].astype(str)
    products = pd.Series(series, index=series).str.split(PLACE, n=1).str
    by_product, by_place = series.groupby(products[0]), series.groupby(products[1].fillna(""))
    known = set(series)
    meant: dict[str, tuple[list[str], int]] = {}
    for name in ids.unique():
        product, _, at = name.partition(PLACE)
        if name in known:
            meant[name] = [name], 2
        elif product == EVERY:
            meant[name] = (list(series) if not at else list(by_place.get(at, []))), 0
        else:
            meant[name] = list(by_product.get(name, [])), 1
    lost = [name for name, (targets, _) in meant.items() if not targets]
    if lost:
        rows = int(ids.isin(lost).sum())
        notes.append(
            f"{source}: {counted(rows, 'row')} of {counted(len(lost), 'product')} that the data do not have, "
            f"left out: {first_names(lost)}"
        )
    if len(lost) == len(meant):
        raise ReadingError(
            f"{source}: none of its products is in the data: it has {first_names(ids.unique(), 3)}, the data have "
            f"{first_names(series, 3)}; name the column of the products with plan_columns={{unique_id: …}}"
        )
    sizes = ids.map(lambda name: len(meant[name][0])).to_numpy()
    pairs = pd.DataFrame(
        {
            "place": np.repeat(np.arange(len(plan)), sizes),
            "unique_id": [target for name in ids for target in meant[name][0]],
            "rank": np.repeat(ids.map(lambda name: meant[name][1]).to_numpy(), sizes),
        }
    )
    return pairs, notes


def told_by_file(
    plan: pd.DataFrame, columns: list[str], panel: pd.DataFrame, horizon: Horizon, lists: list[list[str]], source: str
) -> Told:
    """What the rows of a plan tell of each series and period of the horizon.

    A row speaks of all days of its range; over a longer period 0 and 1 become the share of its days, and other numbers
    the mean over its days, untold days having the usual value. Where rows overlap, the series' own row counts before
    one of the whole product and of every product, then the shorter range.

    Parameters
    ----------
    plan : ``row, unique_id, [location_id], ds, end`` and ``columns``, all numbers.
    panel : the history, for the series and what is usual.
    lists : columns of events that belong together; where the plan tells of a series only days with one of them, its
        other days up to the last one told are without.

    Raises
    ------
    ReadingError
        When two rows of the same rank and length tell different things of a day; both are named.
    """
    pairs, notes = series_meant(plan, pd.Index(panel["unique_id"].unique()), source)
    begin, end = _whole_periods(plan, pairs, horizon, notes, source)
    edges = horizon.first_days
    first, beyond = edges[0], edges[-1]
    early, late = int((end < first).sum()), int((begin >= beyond).sum())
    if early:
        notes.append(f"{source}: {counted(early, 'row')} before {first.date()} lie within the data and change nothing")
    if late:
        notes.append(
            f"{source}: {counted(late, 'row')} from {beyond.date()} on lie beyond the horizon and are not used"
        )
    length = (end - begin).dt.days.to_numpy() + 1
    low = np.maximum((begin - first).dt.days.to_numpy(), 0)
    high = np.minimum((end - first).dt.days.to_numpy(), (beyond - first).days - 1)
    count = np.maximum(high - low + 1, 0)
    chosen = pairs.assign(length=length[pairs["place"]], count=count[pairs["place"]])
    chosen = chosen[chosen["count"] > 0]
    chosen = chosen.sort_values(["rank", "length", "place"], ascending=[True, False, True], kind="stable")
    times = chosen["count"].to_numpy()
    place = np.repeat(chosen["place"].to_numpy(), times)
    day = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times) + low[place]
    days = pd.DataFrame(
        {
            "unique_id": np.repeat(chosen["unique_id"].to_numpy(), times),
            "day": day,
            "rank": np.repeat(chosen["rank"].to_numpy(), times),
            "length": np.repeat(chosen["length"].to_numpy(), times),
            "row": plan["row"].to_numpy()[place],
            **{name: plan[name].to_numpy("float64")[place] for name in columns},
        }
    )
    _refuse_contradictions(days, columns, first, source)
    daily = days.groupby(["unique_id", "day"], sort=True)[columns].last()  # the last one that is told
    for group in lists:
        inside = [name for name in group if name in columns]
        listed = _listed(days, inside)
        if len(listed):
            daily, without = _without(daily, inside, listed)
            if without:
                notes.append(
                    f"{source} lists the days with {first_names(inside)} of {len(listed)} series: up to the last day "
                    "that it tells of each, its other days count as without"
                )
    table = _periods(daily, columns, panel, horizon)
    return Told(table, notes)


def _whole_periods(
    plan: pd.DataFrame, pairs: pd.DataFrame, horizon: Horizon, notes: list[str], source: str
) -> tuple[pd.Series, pd.Series]:
    """First and last day that each row speaks of: one day stands for its whole period where the plan has no ranges."""
    begin, end = plan["ds"].reset_index(drop=True), plan["end"].reset_index(drop=True)
    if horizon.frequency.kind == "D" or not (begin == end).all():
        return begin, end
    edges = horizon.first_days
    number = pd.Series(edges.searchsorted(begin, side="right") - 1)
    inside = (number >= 0) & (number < horizon.count)
    if (
        pairs.assign(number=number[pairs["place"]].to_numpy())
        .loc[inside[pairs["place"]].to_numpy()]
        .duplicated(["unique_id", "rank", "number"])
        .any()
    ):  # several days of a period: each speaks for itself
        return begin, end
    notes.append(f"{source} has no ranges: a date speaks of its whole {horizon.frequency.period}")
    at = number.clip(0, horizon.count - 1).to_numpy()
    return begin.where(~inside, pd.Series(edges[at])), end.where(
        ~inside, pd.Series(edges[at + 1] - pd.Timedelta(days=1))
    )


def _refuse_contradictions(days: pd.DataFrame, columns: list[str], first: pd.Timestamp, source: str) -> None:
    keys = ["unique_id", "day", "rank", "length"]
    twice = days[days.duplicated(keys, keep=False)]
    for name in columns if len(twice) else []:
        told = twice.dropna(subset=[name])
        groups = told.groupby(keys)[name]
        bad = told[groups.transform("nunique") > 1]
        if len(bad):
            same = bad[(bad[keys] == bad[keys].iloc[0]).all(axis=1)].drop_duplicates(name)
            one, two = same.iloc[0], same.iloc[1]
            when = (first + pd.Timedelta(days=int(one["day"]))).date()
            raise ReadingError(
                f"{source}: rows {int(one['row'])} and {int(two['row'])} contradict each other: {name} of "
                f"{one['unique_id']!r} on {when} is {one[name]:g} and {two[name]:g}; keep one of them"
            )


def _periods(daily: pd.DataFrame, columns: list[str], panel: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """Days as periods of the panel."""
    frame = daily.reset_index()
    edges = (horizon.first_days - horizon.first_days[0]).days.to_numpy()
    number = np.searchsorted(edges, frame["day"], side="right") - 1
    frame["ds"] = horizon.stamps.to_numpy()[number]
    if horizon.frequency.kind == "D":
        return frame[[*KEYS, *columns]]
    size = np.diff(edges)[number]
    groups = frame.assign(size=size).groupby(KEYS, sort=True)
    table = groups[["size"]].first().reset_index()
    for name in columns:
        total, told = groups[name].sum().to_numpy(), groups[name].count().to_numpy()
        share_like = frame[name].dropna().between(0, 1).all() and name != "open" and not is_price(name)
        rest = 0.0 if share_like else usual_values(panel, table[KEYS], name, horizon.frequency).fillna(0.0).to_numpy()
        mixed = (total + (table["size"].to_numpy() - told) * rest) / table["size"].to_numpy()
        table[name] = np.where(told > 0, mixed, np.nan)
    return table[[*KEYS, *columns]]


def _listed(days: pd.DataFrame, names: list[str]) -> pd.Series:
    """Last day told of each series of which a plan tells only days with one of ``names``, never one without."""
    told = days[["unique_id", "day"]].assign(on=(days[names].fillna(0.0) != 0).any(axis=1))[
        days[names].notna().any(axis=1)
    ]
    found = told.groupby("unique_id").agg(on=("on", "min"), day=("day", "max"))
    return found.loc[found["on"].astype(bool), "day"]


def _without(daily: pd.DataFrame, names: list[str], listed: pd.Series) -> tuple[pd.DataFrame, int]:
    """``daily`` with 0 on the untold days up to the last told one of each listed series, and how many there are."""
    size = listed.to_numpy() + 1
    day = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    every = pd.MultiIndex.from_arrays([np.repeat(listed.index.to_numpy(), size), day], names=daily.index.names)
    daily = daily.reindex(daily.index.union(every))
    silent = daily.index.isin(every) & daily[names].isna().all(axis=1).to_numpy()
    daily.loc[silent, names] = 0.0
    return daily, int(silent.sum())
