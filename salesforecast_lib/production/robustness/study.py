"""One table: every disturbance before and after its defences, in error and in money (chapter 16b)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.data.cleaning import CleaningConfig
from salesforecast_lib.production.robustness.case import Case, Orders
from salesforecast_lib.production.robustness.fakes import Book, one_order, poisoned, ring, split_order, taken_in

Forecast = Callable[[pd.DataFrame], pd.DataFrame]  # a panel to a forecast table
CLEAN = "as it came"


@dataclass(frozen=True)
class Trial:
    """One row of the table: what happened, which model, which defence, and the panel that the model sees."""

    disturbance: str
    model: str
    defence: str
    panel: pd.DataFrame
    forecast: Forecast


def robustness_table(case: Case, trials: Sequence[Trial], orders: Orders) -> pd.DataFrame:
    """Error and money of each trial, against the same model on the panel as it came.

    Parameters
    ----------
    orders : a forecast table to the units ordered of each product.

    Returns
    -------
    ``disturbance, model, defence, wape, loss`` (scaled quantile loss), ``worse`` (WAPE against the same model
    undisturbed), ``moved`` (share of the order's money that is ordered otherwise, up or down) and ``net`` (its money
    more or less, signed).
    """
    before: dict[tuple[str, str], tuple[float, pd.Series]] = {}
    made: dict[tuple[int, int], pd.DataFrame] = {}
    rows = []
    for trial in trials:
        key = trial.model, "" if trial.defence not in _OTHER_MODELS else trial.defence
        if key not in before:
            clean = trial.forecast(case.panel)
            before[key] = case.errors(clean)[0], orders(clean)
        same = id(trial.forecast), id(trial.panel)
        if same not in made:
            made[same] = trial.forecast(trial.panel)
        table = made[same]
        wape, loss = case.errors(table)
        usual, wanted = before[key]
        price = case.prices.reindex(wanted.index).fillna(0.0)
        change = (orders(table).reindex(wanted.index).fillna(0.0) - wanted) * price
        total = float((wanted * price).sum()) or np.nan
        rows.append(
            (trial.disturbance, trial.model, trial.defence, wape, loss, wape - usual,
             float(change.abs().sum()) / total, float(change.sum()) / total)
        )  # fmt: skip
    columns = ["disturbance", "model", "defence", "wape", "loss", "worse", "moved", "net"]
    return pd.DataFrame(rows, columns=columns)


TRAINED = "trained on disturbed prices"
NO_GUARD, GUARD = "no guard", "guard"
_OTHER_MODELS = (TRAINED,)  # these defences are models of their own, held against themselves


@dataclass(frozen=True)
class Attack:
    """A fraud with fake orders: its name and how it makes lines of ``units`` of a product."""

    name: str
    lines: Callable[[Book, Case, str, float], pd.DataFrame]


ATTACKS = (Attack("one line", one_order), Attack("split", split_order), Attack("ring", ring))


def defences(cleaning: CleaningConfig, accounts: bool) -> dict[str, CleaningConfig | None]:
    """Cleanings to compare: none, chapter 01's, and with a limit by account where lines name one."""
    quarantine = replace(cleaning, outliers="quarantine")
    found: dict[str, CleaningConfig | None] = {"none": None, "cleaning": quarantine}
    if accounts:
        found["cleaning, by account"] = replace(quarantine, account_totals=True)
    return found


def what_an_account_moves(
    case: Case,
    book: Book,
    forecast: Forecast,
    orders: Orders,
    names: Sequence[str],
    times: Sequence[float],
    attacks: Sequence[Attack] = ATTACKS[:2],
) -> pd.DataFrame:
    """How far fake orders move the order of a product, by what they cost.

    Each product has an attacker of its own; all are played at once, since the model forecasts each product nearly for
    itself.

    Parameters
    ----------
    names : products attacked.
    times : units sent, in multiples of what the product sells in one of its recent periods.

    Returns
    -------
    ``attack, defence, unique_id, times, units`` (sent), ``spend`` (money), ``arrived`` (units that the panel took in),
    ``moved`` (units ordered more) and ``money`` (moved at the product's price).
    """
    own = book.of(names)
    usual = case.panel[case.panel["ds"].isin(case.recent)].groupby("unique_id")["y"].mean()
    clean, price = orders(forecast(case.panel)), case.prices
    parts, found = [], {}
    for attack in attacks:
        for defence, cleaning in defences(book.cleaning, book.accounts).items():
            for many in times:
                units = {name: max(np.ceil(many * float(usual[name])), 1.0) for name in names}
                fakes = pd.concat([attack.lines(own, case, name, units[name]) for name in names], ignore_index=True)
                fakes["row"] = -1 - np.arange(len(fakes))
                change = taken_in(own, fakes, cleaning, str(case.meta["freq"]))
                key = change.to_csv(index=False)  # two defences often let the same through
                if key not in found:
                    found[key] = orders(forecast(poisoned(case, change))) - clean
                moved = found[key]
                arrived = change.groupby("unique_id")["y"].sum()
                part = pd.DataFrame({"unique_id": list(names)})
                part["units"] = part["unique_id"].map(units)
                part["spend"] = part["units"] * part["unique_id"].map(price)
                part["arrived"] = part["unique_id"].map(arrived).fillna(0.0)
                part["moved"] = part["unique_id"].map(moved)
                part["money"] = part["moved"] * part["unique_id"].map(price)
                parts.append(part.assign(attack=attack.name, defence=defence, times=many))
    columns = ["attack", "defence", "unique_id", "times", "units", "spend", "arrived", "moved", "money"]
    return pd.concat(parts, ignore_index=True)[columns]


def orders_of(forecasts: pd.DataFrame, orders: Orders, names: Sequence[str]) -> pd.Series:
    """Units of some products only: what an attack on them moves is not lost among all others."""
    return orders(forecasts).reindex(list(names))


def leverage(moves: pd.DataFrame) -> pd.DataFrame:
    """Money moved for each unit of money spent, over all attacked products: attack and defence by ``times``."""
    total = moves.groupby(["attack", "defence", "times"], sort=False)[["money", "spend"]].sum()
    return (total["money"] / total["spend"]).unstack("times")


def spread_products(panel: pd.DataFrame, number: int, alive: Mapping[str, object] | pd.Index) -> list[str]:
    """Products from small to large, evenly spread over those in ``alive``."""
    units = panel.groupby("unique_id")["y"].sum().sort_values(kind="stable")
    units = units[[name for name in units.index if name in alive]]
    place = np.unique(np.linspace(0, len(units) - 1, min(number, len(units))).round().astype(int))
    return [str(units.index[k]) for k in place]
