"""Covariates of a panel by role: gaps filled, categories as columns, what is known ahead set apart (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.categories import Category
from salesforecast_lib.data.ahead.roles import Roles
from salesforecast_lib.data.own_columns import fill_covariates, is_empty, numbers_of

_KEYS = ["unique_id", "ds"]


@dataclass
class Covariates:
    """``panel`` with its covariates filled, ``told`` (``unique_id, ds``, future columns) beyond it, and the roles."""

    panel: pd.DataFrame
    told: pd.DataFrame
    future: list[str] = field(default_factory=list)
    historical: list[str] = field(default_factory=list)
    static: list[str] = field(default_factory=list)
    categories: dict[str, Category] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def split_told(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Rows up to the last ``y`` of all series, the rows after it, which are what the shop knows ahead, and notes."""
    last = frame.loc[frame["y"].notna(), "ds"].max()
    after = (frame["ds"] > last).to_numpy()
    history, told = frame[~after], frame[after].drop(columns="y")
    notes = []
    if len(told):
        days = f"{told['ds'].min().date()} to {told['ds'].max().date()}"
        notes.append(f"{len(told)} rows after the last y, {last.date()}, are what is known ahead: {days}")
    new = sorted(set(told["unique_id"]) - set(history["unique_id"]))
    if new:
        notes.append(f"{len(new)} series have rows after the last y only and are left out, such as {new[0]!r}")
        told = told[~told["unique_id"].isin(new)]
    return history, told, notes


def settle_covariates(
    full: pd.DataFrame, told: pd.DataFrame, names: list[str], roles: Roles, present: np.ndarray
) -> Covariates:
    """Fill the covariates ``names`` and give each its role.

    Declared roles count. Of the others a number is *future* when the rows after the last ``y`` or a plan file tell it,
    else *historical*; text is *static*, unless it changes within a series and is told ahead. Text that changes and is
    not static becomes columns of 0 and 1, see `Category`. A column with one value and blanks is a flag: 0 where blank.

    Parameters
    ----------
    full : every period of each series up to the last ``y``. ``present`` : which of its rows the file has.
    told : rows after the last ``y``.
    """
    out = Covariates(full, told[[*_KEYS, *(["open"] if "open" in told else [])]].copy())
    if "open" in told:
        out.told["open"] = told["open"].astype("float64").clip(0, 1)
    declared, static = roles.declared, []
    series = pd.concat([full["unique_id"], told["unique_id"]], ignore_index=True)
    blank = np.concatenate([present, np.ones(len(told), dtype=bool)])  # an empty cell there was left empty by somebody
    for name in names:
        cells, ahead = full[name], told[name]
        if is_empty(cells).all():
            static.append(name)  # left out, and said
            if not is_empty(ahead).all():
                out.notes.append(f"column {name!r} has values after the last y only: nothing can be learned of it")
            continue
        told_ahead = name in roles.planned or not is_empty(ahead).all()
        both = pd.concat([cells, ahead], ignore_index=True)
        numbers, changes = numbers_of(both), _changes(both, series)
        role = declared.get(name) or ("future" if told_ahead else "historical")
        if numbers is None and name not in declared and not (told_ahead and changes):
            role = "static"
        flag = _flag(both, blank) if role == "future" and (numbers is not None or changes or name in declared) else None
        if numbers is None and flag is None and role != "static" and not changes:
            out.notes.append(f"column {name!r} does not change within a series: it is static")
            role = "static"
        if role == "static":
            static.append(name)
        elif flag is not None:
            _add_number(out, name, flag, role)
            out.notes.append(f"column {name!r} has one value and blanks: it is 1 where filled and 0 where blank")
        elif numbers is not None:
            _add_number(out, name, numbers, role)
        else:
            _add_category(out, name, ahead, role, present)
    full, numeric, texts, more = fill_covariates(out.panel, static)
    for name in numeric:  # declared static
        full[name] = full.groupby("unique_id")[name].transform(lambda values: values.mode().iloc[0])
    out.panel, out.static = full, [name for name in static if name in (*numeric, *texts)]
    out.notes += more
    return out


def _add_number(out: Covariates, name: str, numbers: pd.Series, role: str) -> None:
    """Add a number: a gap keeps the last value of its series, and is 0 before the first."""
    size = len(out.panel)
    history = pd.Series(numbers.to_numpy()[:size], index=out.panel.index)
    out.panel[name] = history.groupby(out.panel["unique_id"]).ffill().fillna(0.0)
    if role == "future":
        out.told[name] = numbers.to_numpy()[size:]
        out.future.append(name)
    else:
        out.historical.append(name)


def _add_category(out: Covariates, name: str, ahead: pd.Series, role: str, present: np.ndarray) -> None:
    """Replace a column of categories by its columns of 0 and 1."""
    category = Category.of(name, out.panel[name], present)
    table, _ = category.indicators(out.panel[name], absent=0.0)
    out.panel = pd.concat([out.panel.drop(columns=name), table], axis=1)
    out.notes.append(category.says())
    if role != "future":
        out.historical += category.made
        return
    out.categories[name] = category
    out.future += category.made
    told, strange = category.indicators(ahead)
    out.told = pd.concat([out.told, told], axis=1)
    if strange:
        out.notes.append(_never_seen(name, strange, category))


def _never_seen(name: str, strange: list[str], category: Category) -> str:
    usual = category.base or "empty"
    return (
        f"column {name!r}: {len(strange)} categories ahead were never seen before, such as {strange[0]!r}: nothing is "
        f"known of their effect, they count as the usual one, {usual!r}"
    )


def _flag(cells: pd.Series, present: np.ndarray) -> pd.Series | None:
    """1 and 0 of a column with nothing but ones, or but one mark such as x, beside blanks; None of any other.

    The rows that are not ``present`` in the file are no blanks: they stay missing.
    """
    empty = is_empty(cells)
    if not (empty & present).any() or cells[~empty].nunique() != 1:
        return None
    numbers = numbers_of(cells)
    if numbers is not None and numbers[~empty].iloc[0] != 1:
        return None
    return (~empty).astype("float64").where(present)


def _changes(cells: pd.Series, series: pd.Series) -> bool:
    words = cells.where(~is_empty(cells)).astype("string").str.strip()
    return bool((words.groupby(series).nunique() > 1).any())
