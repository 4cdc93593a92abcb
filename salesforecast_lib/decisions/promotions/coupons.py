"""Did the households that were sent coupons buy more? Difference in differences over campaigns (chapter 12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.data.journey import journey_table
from salesforecast_lib.decisions.panel_regression import clustered, within
from salesforecast_lib.decisions.promotions.effects import Effects

WINDOWS = ("placebo", "before", "during", "after")


def campaign_spend(
    lines: pd.DataFrame, campaigns: pd.DataFrame, sent: pd.DataFrame, coupons: pd.DataFrame, horizon: int = 28
) -> pd.DataFrame:
    """Spend a week of every household on each campaign's products: in four windows of equal length.

    ``during`` are the first ``horizon`` days of the campaign (or all of them), ``before`` as many days up to its start,
    ``placebo`` as many before those, ``after`` as many days after ``during``. Campaigns are left out whose windows are
    not inside the data.

    Parameters
    ----------
    lines : ``household_id, product_id, day`` (midnight), ``sales_value``.
    campaigns : ``campaign_id, campaign_type, start_date, end_date``.
    sent : ``campaign_id, household_id``, who got the campaign.
    coupons : ``campaign_id, product_id``; a product on several coupons of a campaign counts once.

    Returns
    -------
    One row a campaign and household: ``campaign_id, campaign_type, household_id, treated`` and the windows.
    """
    products = coupons[["campaign_id", "product_id"]].drop_duplicates()
    households = pd.Index(np.sort(lines["household_id"].unique()))
    first, last = lines["day"].min(), lines["day"].max()
    parts = []
    for row in campaigns.sort_values("campaign_id").itertuples():
        length = min(horizon, (row.end_date - row.start_date).days + 1)
        step = pd.Timedelta(days=length)
        starts = {name: row.start_date + (place - 2) * step for place, name in enumerate(WINDOWS)}
        if starts["placebo"] < first or starts["after"] + step > last + pd.Timedelta(days=1):
            continue
        mine = lines[lines["product_id"].isin(products.loc[products["campaign_id"] == row.campaign_id, "product_id"])]
        part = pd.DataFrame(
            {
                "campaign_id": row.campaign_id,
                "campaign_type": row.campaign_type,
                "household_id": households,
                "treated": households.isin(sent.loc[sent["campaign_id"] == row.campaign_id, "household_id"]).astype(
                    float
                ),
            }
        )
        for name, start in starts.items():
            inside = mine[(mine["day"] >= start) & (mine["day"] < start + step)]
            place = households.get_indexer(inside["household_id"])
            part[name] = np.bincount(place, inside["sales_value"], len(households)) * 7 / length
        parts.append(part)
    if not parts:
        raise ValueError("no campaign has three windows of its length inside the data; shorten horizon")
    return pd.concat(parts, ignore_index=True)


def difference_in_differences(spend: pd.DataFrame, later: str, earlier: str) -> Effects:
    """Change from ``earlier`` to ``later`` of the households with the campaign, less that of the others, money a week.

    One level a campaign; errors clustered by household, which is in every campaign.
    """
    campaign, household = pd.factorize(spend["campaign_id"])[0], pd.factorize(spend["household_id"])[0]
    values = np.column_stack([spend["treated"], spend[later] - spend[earlier]])
    flat = within(values, campaign)
    x, y = flat[:, :1], flat[:, 1]
    estimate = np.linalg.lstsq(x, y, rcond=None)[0]
    return Effects(("sent",), estimate, clustered(x, y - x @ estimate, household), int(household.max()) + 1)


def coupon_effects(spend: pd.DataFrame, types: Sequence[str] = ()) -> pd.DataFrame:
    """Effect of being sent the campaign, and the same comparison a window earlier as placebo.

    Rows: all campaigns and each of ``types``; columns ``campaigns, households, usual`` (mean spend a week of those who
    were sent it, before), ``effect, low, high, after, placebo, placebo_low, placebo_high``, money a household and week.
    """
    rows = []
    for name in ("all", *types):
        part = spend if name == "all" else spend[spend["campaign_type"] == name]
        if not part["treated"].any():
            continue
        effect, after, placebo = (
            difference_in_differences(part, later, earlier).table().iloc[0]
            for later, earlier in (("during", "before"), ("after", "before"), ("before", "placebo"))
        )
        rows.append(
            {
                "campaigns": name,
                "number": part["campaign_id"].nunique(),
                "households": int(part["treated"].sum()),
                "usual": part.loc[part["treated"] > 0, "before"].mean(),
                "effect": effect["estimate"], "low": effect["low"], "high": effect["high"],
                "after": after["estimate"],
                "placebo": placebo["estimate"], "placebo_low": placebo["low"], "placebo_high": placebo["high"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def journey_campaigns(horizon: int = 28) -> pd.DataFrame:
    """`campaign_spend` of The Complete Journey (simulated by its publisher); days are those of the shops' time zone."""
    lines = journey_table("transactions", ["household_id", "product_id", "sales_value", "transaction_timestamp"])
    day = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.tz_localize(None)
    lines["day"] = day.dt.normalize()
    return campaign_spend(
        lines,
        journey_table("campaign_descriptions"),
        journey_table("campaigns"),
        journey_table("coupons", ["campaign_id", "product_id"]),
        horizon,
    )
