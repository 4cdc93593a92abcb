"""A run's plan and another one, forecast with the same stored models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.pipeline.runs.files import reading_options
from salesforecast_lib.pipeline.whatif.stock import stock_under_both
from salesforecast_lib.wording import counted, first_names

if TYPE_CHECKING:  # these take seconds to import, and an error about a file must not wait for them
    import pandas as pd

    from salesforecast_lib.models.champion import StoredChampion

KNOWN = ("Boosting", "LightGBMDirect", "LightGBM", "Networks")  # members that read what is known ahead
_STATED = {
    "tried": "whose values it has tried",
    "between": "with values between those it has tried",
    "by others": "with values that only others of its group tried",
    "never": "with values that were never tried (guesses)",
}


@dataclass(frozen=True)
class Comparison:
    """What another plan changes.

    Parameters
    ----------
    plan : name of the file. ``model`` : what the champion consists of, a sentence.
    table : of `difference`, with the stock columns of `stock_under_both` where stock is known.
    supported, totals : of `support` and `totals`.
    before, after : forecast tables under the run's plan and the other one.
    projection : stock by product and period under both, or None.
    period : noun of a period. ``lines`` : the result in sentences. ``notes`` : what should be read before it.
    """

    plan: str
    model: str
    table: pd.DataFrame
    supported: pd.DataFrame
    totals: pd.DataFrame
    before: pd.DataFrame
    after: pd.DataFrame
    projection: pd.DataFrame | None
    period: str
    lines: tuple[str, ...]
    notes: tuple[str, ...]


def compare_plans(folder: Path, file: Path, values: Mapping[str, Any], cost_share: float | None = None) -> Comparison:
    """Forecast a run under its own plan and under that of ``file``, with its stored champion.

    Parameters
    ----------
    values : parameters of the run: how the plan is read, lead time and costs of the stock plan.
    cost_share : cost of a unit as a share of its price; None leaves margins out.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file cannot be used, or the run's data are not those that the models were fitted on.
    """
    from salesforecast_lib.data.features import load_features
    from salesforecast_lib.data.frequency import check_freq
    from salesforecast_lib.data.prepare import load_panel
    from salesforecast_lib.decisions.driving import consists_of
    from salesforecast_lib.decisions.whatif import (
        answer,
        difference,
        plan_prices,
        read_other_plan,
        support,
        totals,
    )
    from salesforecast_lib.models.champion import load_champion

    champion = load_champion(folder / "champion")
    renamed = values.get("columns") or {}
    plans = read_other_plan(folder, file, reading_options(values, "plan_columns"), renamed)
    table, _ = load_features(folder)
    before, after = (_forecast(champion, table, ahead) for ahead in (plans.before, plans.after))
    panel, meta = load_panel(folder)
    group = meta["static"][0] if meta["static"] else ""
    both = plans.before, plans.after
    answered = answer(panel, before, after, both, plans.columns, str(meta["freq"]), group)
    after = answered.after
    supported = support(panel, plans.before, plans.after, plans.changed, group)
    keys, recent = ["unique_id", "ds"], check_freq(meta["freq"]).periods_in(56)
    prices = tuple(
        forecast[keys].merge(ahead[keys].assign(price=plan_prices(panel, ahead, recent)), on=keys, how="left")["price"]
        for forecast, ahead in ((before, plans.before), (after, plans.after))
    )
    effects = answered.effects
    found = difference(before, after, (prices[0], prices[1]), supported, cost_share, effects)
    orders, projection, said = stock_under_both(folder, values, meta, before, after)
    if orders is not None:
        found = found.merge(orders, on="unique_id", how="left")
    made_of = consists_of(champion.composition.to_json())
    by = totals(found)
    measured = supported["unique_id"].isin(effects.index).all()  # prices are all that the plan changes
    blind = [] if measured else _blind(champion, plans.changed)
    notes = [*plans.notes, *said, *answered.notes(), *blind, *_full_price(plans.changed, plans.columns)]
    return Comparison(
        file.name, made_of, found, supported, by, before, after, projection, check_freq(meta["freq"]).period,
        tuple(_lines(found, by, before, effects)), tuple(notes),
    )  # fmt: skip


def _forecast(champion: StoredChampion, table: Any, ahead: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = ["unique_id", "ds", *table.roles["future"]]
    return champion.forecast(table, pd.concat([table.frame[columns], ahead[columns]], ignore_index=True))


def _blind(champion: StoredChampion, changed: tuple[str, ...]) -> list[str]:
    """What should be said of a champion that reads no plan, or of which only a part does."""
    share = sum(part for name, part in champion.shares.items() if name in KNOWN)
    if changed == ("open",) or share > 0.999:
        return []
    names = first_names(name for name in champion.shares if name not in KNOWN)
    if share == 0:
        return [f"the champion is {names}, which knows no plan: only closed periods change its forecast"]
    return [f"{1 - share:.0%} of the champion is {names}, which knows no plan: the difference is that much too small"]


def _full_price(changed: tuple[str, ...], columns: tuple[str, ...]) -> list[str]:
    """What should be said of a reduction that the plan's prices do not show."""
    reduced = [name for name in ("discount", "depth") if name in changed]
    if not reduced or "price" not in columns or "price" in changed:
        return []
    return [f"the plan changes {reduced[0]} but no price: prices are what is paid, so tell the reduced price as well"]


def _lines(table: pd.DataFrame, by: pd.DataFrame, before: pd.DataFrame, effects: pd.DataFrame) -> list[str]:
    """The result in sentences."""
    from salesforecast_lib.decisions.whatif import sum_interval

    periods = before["ds"].nunique()
    every = by.loc["all"]
    money = "" if table["money_difference"].isna().all() else f", {every['money_difference']:+,.2f} money"
    margin = f", {every['margin_difference']:+,.2f} margin" if "margin_difference" in by else ""
    units = table["units_before"].sum()
    percent = f" ({every['units_difference'] / units:+.1%})" if units > 0 else ""
    lines = [
        f"over {counted(periods, 'period')}: {every['units_difference']:+,.1f} units{percent}{money}{margin}",
    ]
    for degree, words in _STATED.items():
        if degree in by.index:
            row = by.loc[degree]
            lines.append(f"{counted(row['products'], 'product')} {words}: {row['units_difference']:+,.1f} units")
    if len(effects):
        priced = table.loc[table["unique_id"].isin(effects.index), "units_difference"].sum()
        low, high = sum_interval(effects, priced)
        lines.append(f"by the prices alone: {priced:+,.1f} units (95 %: {low:+,.1f} to {high:+,.1f})")
    if "unchanged" in by.index:
        row = by.loc["unchanged"]
        moved = f": {row['units_difference']:+,.1f} units, by their rivals' prices" if len(effects) else ""
        lines.append(f"{counted(row['products'], 'product')} of which the plan changes nothing{moved}")
    if "order_difference" in table:
        lines.append(f"orders of today: {table['order_difference'].sum():+,.0f} units")
    return lines
