"""The disturbances that the chapter plays, with their models and defences (chapter 16b)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from salesforecast_lib.models.champion import StoredChampion
from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.production.robustness import disturbances as made
from salesforecast_lib.production.robustness.case import Case, Orders
from salesforecast_lib.production.robustness.fakes import Book, one_order, poisoned, ring, split_order, taken_in
from salesforecast_lib.production.robustness.prices import gradient_prices, greedy_prices
from salesforecast_lib.production.robustness.study import NO_GUARD, TRAINED, Forecast, Trial, defences

CHAMPION, TREES, NETWORK = "champion", "trees", "network"


@dataclass(frozen=True)
class Models:
    """Forecasts by name; ``hardened`` was trained on disturbed prices, ``network`` is the champion's, where it has one.

    ``trees`` and ``hardened`` end their training at the case's cutoff; the champion has seen what it is scored on.
    """

    champion: Forecast
    trees: Forecast
    hardened: Forecast | None
    network: Forecast | None
    weights: Forecaster | None


def models_of(case: Case, stored: StoredChampion, band: float, seed: int = 0) -> Models:
    """The stored champion, its network alone, and small trees trained with and without disturbed prices."""
    trees, hardened = case.fit(seed=seed), None
    if "price" in case.panel:
        hard = case.fit(made.augmented(case, band, seed=seed), seed=seed)
        hardened = partial(_hardened, case, hard)
    networks = [model for name, model in stored.shelf.models.items() if name.startswith("Networks/")]
    network = partial(case.forecast, replace(stored, shares={"Networks": 1.0})) if networks else None
    weights = networks[0] if networks and isinstance(networks[0], Forecaster) else None
    return Models(partial(case.forecast, stored), partial(case.forecast, trees), hardened, network, weights)


def _hardened(case: Case, model: StoredChampion, panel: pd.DataFrame) -> pd.DataFrame:
    return made.original(case.forecast(model, panel))


def input_trials(case: Case, models: Models, orders: Orders, band: float, seed: int = 0) -> list[Trial]:
    """Noise, missing columns, feeds that stand still, and price feeds made to raise orders."""
    short = max(len(case.recent) // 4, 1)
    panels = {"noise on sales": made.noisy_sales(case, seed=seed), "no covariates": made.missing_covariates(case)}
    if "price" in case.panel:
        panels |= {f"prices frozen for {k} periods": made.stale_prices(case, k) for k in (short, 8 * short)}
    trials = [
        Trial(what, name, "none", panel, forecast)
        for what, panel in panels.items()
        for name, forecast in ((CHAMPION, models.champion), (TREES, models.trees))
    ]
    if "price" not in case.panel:
        return trials
    greedy = "prices chosen against the trees"
    found = made.scaled_prices(case, greedy_prices(case, models.trees, orders, band))
    trials.append(Trial(greedy, TREES, "none", found, models.trees))
    trials.append(Trial(greedy, CHAMPION, "none", found, models.champion))
    if models.hardened is not None:  # attacked anew: a defence counts against who knows it
        hard = made.scaled_prices(case, greedy_prices(case, models.hardened, orders, band))
        trials.append(Trial(greedy, TREES, TRAINED, hard, models.hardened))
    if models.network is not None and models.weights is not None:
        for steps, what in ((1, "prices by one gradient step"), (5, "prices by gradient ascent")):
            panel = made.scaled_prices(case, gradient_prices(case, models.weights, band, steps))
            trials.append(Trial(what, NETWORK, "none", panel, models.network))
            if steps > 1:
                trials.append(Trial(what, CHAMPION, "none", panel, models.champion))
    return trials


def order_trials(
    case: Case,
    book: Book,
    models: Models,
    stored: StoredChampion,
    names: Sequence[str],
    units: pd.Series,
    seed: int = 0,
) -> list[Trial]:
    """Fake orders on some products: a bulk line, a split order and a ring, before and after cleaning.

    Parameters
    ----------
    names : products attacked, all at once.
    units : sent for each product, by ``unique_id``.
    """
    own, trials = book.of(names), []
    freq = str(case.meta["freq"])
    panels: dict[str, pd.DataFrame] = {}  # two defences often let the same through
    for what, attack in (("bulk order", one_order), ("split order", split_order), ("ring of accounts", ring)):
        fakes = pd.concat([attack(own, case, name, float(units[name])) for name in names], ignore_index=True)
        fakes = fakes.assign(row=-1 - pd.RangeIndex(len(fakes)))
        for defence, cleaning in defences(book.cleaning, book.accounts).items():
            change = taken_in(own, fakes, cleaning, freq)
            panel = panels.setdefault(change.to_csv(index=False), poisoned(case, change))
            trials.append(Trial(what, CHAMPION, defence, panel, models.champion))
            if what == "bulk order" and cleaning is None:
                bare = partial(case.forecast, stored, guarded=False)
                trials.append(Trial(what, CHAMPION, NO_GUARD, panel, bare))
                trials.append(Trial(what, "trees, trained on it", "none", panel, partial(_retrained, case, seed)))
    return trials


def _retrained(case: Case, seed: int, panel: pd.DataFrame) -> pd.DataFrame:
    return case.forecast(case.fit(panel, seed=seed), panel)
