"""The files a marketer opens: segments, intentions and recommendations with a reason per row (chapter 10)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.customers.recommend import Recommender, Weights
from salesforecast_lib.wording import chance

SEGMENT_COLUMNS = [
    *("customer_id", "segment", "segment_probability", "rfm_segment", "r_score", "f_score", "m_score"),
    *("recency_days", "orders", "spend", "probability", "expected_spend", "why"),
]
INTENTION_COLUMNS = ["customer_id", "category", "probability", "why"]
RECOMMENDATION_COLUMNS = ["customer_id", "rank", "product_id", "product", "kind", "score", "why"]


def _days(number: float) -> str:
    return f"{number:.0f} day{'' if round(number) == 1 else 's'}"


def _orders(number: float) -> str:
    return f"{number:.0f} order{'' if round(number) == 1 else 's'}"


def segments_table(
    rfm: pd.DataFrame, segment: pd.DataFrame, rfm_segment: pd.Series, intention: pd.DataFrame, days: int
) -> pd.DataFrame:
    """One row per customer: `SEGMENT_COLUMNS`, the most valuable first.

    Parameters
    ----------
    segment : ``segment`` (name) and ``segment_probability`` by customer; ``rfm_segment`` names by customer.
    intention : ``probability`` and ``expected_spend`` of the next ``days`` by customer.
    """
    table = rfm.join(segment).join(rfm_segment.rename("rfm_segment"))
    table = table.join(intention[["probability", "expected_spend"]]).rename(columns={"recency": "recency_days"})
    table["why"] = [
        f"last order {_days(row.recency_days)} ago, {_orders(row.orders)}, {row.spend:,.0f} spent so far; "
        f"buys within {days} days with probability {chance(row.probability)}, expected spend {row.expected_spend:,.0f}"
        for row in table.itertuples()
    ]
    table = table.sort_values("expected_spend", ascending=False, kind="stable").reset_index()
    return table[SEGMENT_COLUMNS].round(
        {"segment_probability": 3, "recency_days": 1, "spend": 2, "probability": 4, "expected_spend": 2}
    )


def intentions_table(predicted: pd.DataFrame, features: pd.DataFrame, days: int) -> pd.DataFrame:
    """One row per customer and category: `INTENTION_COLUMNS`, each customer's most probable first."""
    bought = np.expm1(features["bought_all"]).round().astype(int).to_numpy()
    age = (features["recency"] * days).to_numpy()
    table = predicted.reset_index()[["customer_id", "category", "probability"]]
    table["why"] = [
        f"bought in {_orders(count)}, the last {_days(ago)} ago" if count else "never bought yet"
        for count, ago in zip(bought, age, strict=True)
    ]
    table = table.sort_values(["customer_id", "probability"], ascending=[True, False], kind="stable", ignore_index=True)
    return table.round({"probability": 4})


def recommendations_table(
    fitted: Recommender, blends: tuple[Weights, Weights], number: int = 10, new: int = 3
) -> pd.DataFrame:
    """One row per customer and offer: ``number - new`` products bought before, then ``new`` never bought ones.

    ``kind`` tells the two apart ("repeat" and "new"); ``why`` gives the customer's own purchases, or the product's
    recent buyers. A product is what the lines count as one (`CustomerLines`): it stands in a list once, and "new" means
    that the customer bought no article of it. A list may be shorter.
    """
    past, parts = fitted.past, []
    lists = (
        ("repeat", *fitted.own(blends[0], max(number - new, 0))),
        ("new", *fitted.new(blends[1], min(new, number))),
    )
    for kind, columns, scores in lists:
        row, place = np.nonzero(columns >= 0)
        column = columns[row, place]
        part = pd.DataFrame({"customer_id": past.customers[row], "product_id": past.products[column], "kind": kind})
        part["score"], part["place"] = scores[row, place], place
        if kind == "repeat":
            count = np.asarray(past.count[row, column]).ravel()
            ago = np.asarray(past.last[row, column]).ravel()
            part["why"] = [
                f"bought in {_orders(n)}, the last {_days(days)} ago" for n, days in zip(count, ago, strict=True)
            ]
        else:
            part["why"] = [f"never bought; {n:.0f} customers bought it lately" for n in past.popular[column]]
            part["place"] += number
        parts.append(part)
    table = pd.concat(parts).sort_values(["customer_id", "place"], kind="stable", ignore_index=True)
    table["rank"] = table.groupby("customer_id").cumcount() + 1
    table["product"] = table["product_id"]
    return table[RECOMMENDATION_COLUMNS].round({"score": 4})
