"""The chapter's case: the run's shop or its stand-in, what was found about it, and the files it leaves (chapter 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.customers import tables
from salesforecast_lib.decisions.customers.history import (
    History,
    Windows,
    category_snapshot,
    customer_snapshot,
    make_history,
    make_windows,
    outcomes,
)
from salesforecast_lib.decisions.customers.purchases import CustomerLines, behaviour, log_rfm, rfm, top_categories
from salesforecast_lib.decisions.customers.recommend import RecommendConfig, Weights, fit_recommender, purchases
from salesforecast_lib.decisions.customers.scores import learn_intention
from salesforecast_lib.decisions.customers.segments import STABLE, SegmentModel, bootstrap_stability, half_stability
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.wording import counted

_PUBLISHER = " The publisher calls these data simulated, based on real grocery shopping patterns."


@dataclass(frozen=True)
class ShownShop:
    """What the chapter shows: ``lines`` and their ``end``, the data's ``name``, and a ``note`` on what they are."""

    lines: pd.DataFrame
    end: pd.Timestamp
    name: str
    note: str


def shown_shop(shop: CustomerLines, stand_in: CustomerLines, dataset: str) -> ShownShop:
    """The run's own customers, or the stand-in's where the run's data cannot carry the chapter."""
    if not shop.usable:
        note = f"No customer decisions for this run: {shop.reason}. What follows is simulated."
        return ShownShop(stand_in.lines, stand_in.end, "simulated marketplace", note)
    note = f"{shop.anonymous} lines without a customer are left out."
    return ShownShop(shop.lines, shop.end, dataset, note + (_PUBLISHER if dataset == "complete_journey" else ""))


def checked_shop(shop: CustomerLines, days: int = 28, categories: int = 20) -> CustomerLines:
    """The shop, with a reason where its windows hold nothing to learn: everybody buys in each of them, or nobody.

    Parameters
    ----------
    days : length of a window; ``categories`` : number of the largest ones that get a probability of their own.
    """
    if not shop.usable:
        return shop
    windows = make_windows(shop.lines["timestamp"].min(), shop.end, days)
    history = make_history(shop.lines, top_categories(shop.lines, categories))
    for what, snapshot in (("customer", customer_snapshot), ("customer and category", category_snapshot)):
        parts = [
            outcomes(history, cutoff, days, snapshot(history, cutoff, days).index)["bought"]
            for cutoff in (*windows.train, windows.calibrate, windows.test)
        ]
        for part in (pd.concat(parts[:-2]), *parts[-2:]):  # what is trained, calibrated and tested on
            if part.nunique() < 2:
                many = "every" if part.all() and len(part) else "no"
                reason = f"{many} {what} buys in a window of {counted(days, 'day')}, so there is nothing to tell apart"
                return replace(shop, reason=f"{reason}; give {'fewer' if many == 'every' else 'more'} intention_days")
    return shop


def halves(lines: pd.DataFrame, end: pd.Timestamp) -> list[tuple[pd.DataFrame, pd.Timestamp]]:
    """Lines and end of the first and of the second half of the time."""
    middle = lines["timestamp"].min() + (end - lines["timestamp"].min()) / 2
    return [(lines, middle), (lines[lines["timestamp"] >= middle], end)]


def stability_table(
    cases: Mapping[str, tuple[pd.DataFrame, SegmentModel, list[pd.DataFrame]]],
    replicates: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """How well each kind of segments comes out again, by kind.

    Parameters
    ----------
    cases : the features that a model was fitted on, the model, and the features of the two halves of the time.

    Returns
    -------
    ``segments``, ``bootstrap`` and ``lowest`` (mean and lowest adjusted Rand index over resampled customers),
    ``halves`` (the index between the halves), ``stayed`` (share of customers in the same segment) and ``customers``
    who bought in both; not a number where a half is too small.
    """
    rows = {}
    for kind, (features, model, pair) in cases.items():
        again = bootstrap_stability(features, model, replicates, seed)
        between, stayed, both = half_stability(pair[0], pair[1], model, seed)
        rows[kind] = (len(model.order), again.mean(), again.min(), between, stayed, both)
    columns = ["segments", "bootstrap", "lowest", "halves", "stayed", "customers"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def shop_stability(
    shown: ShownShop,
    by_behaviour: tuple[pd.DataFrame, SegmentModel],
    by_rfm: tuple[pd.DataFrame, SegmentModel],
    replicates: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """`stability_table` of both kinds, each given by the features and the model fitted on them."""
    groups = [name for name in by_behaviour[1].columns if name != "discount"]
    parts = halves(shown.lines, shown.end)
    tastes = [behaviour(*part, groups) for part in parts]
    worths = [log_rfm(rfm(*part)) for part in parts]
    return stability_table({"behaviour": (*by_behaviour, tastes), "RFM": (*by_rfm, worths)}, replicates, seed)


def stability_verdict(table: pd.DataFrame) -> list[str]:
    """One sentence for each kind of segments: whether they come out again, and whether customers stay in theirs."""
    words = []
    for kind, row in table.iterrows():
        again = "come out again" if row["bootstrap"] >= STABLE else "do not come out again"
        text = f"{kind}: {row['segments']:.0f} segments, which {again} with other customers (Rand index "
        text += f"{row['bootstrap']:.1f})"
        if np.isfinite(row["stayed"]):
            text += f"; {row['stayed']:.0%} of the customers stay in theirs from one half of the time to the other"
            text += f" (Rand index {row['halves']:.1f})"
        words.append(text + ".")
    return words


def tested_pairs(history: History, windows: Windows, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Probabilities of customers and categories in the test window, and the `outcomes` that came."""
    model = learn_intention(history, windows, by_category=True, seed=seed)
    pairs = category_snapshot(history, windows.test, windows.days)
    return model.predict(pairs), outcomes(history, windows.test, windows.days, pairs.index)


def skill_verdict(table: pd.DataFrame) -> str:
    """Whether the probabilities of a `brier_table` beat the base rate and the recency rule, in a sentence."""
    rows = table.set_index("forecast")
    ours, rule = rows.loc["probability"], rows.loc["recency_rule"]
    if ours["low"] <= 0:
        return "The probabilities are not shown to be better than the base rate."
    beyond = "intervals apart" if ours["low"] > rule["high"] or ours["high"] < rule["low"] else "intervals overlap"
    place = "more" if ours["skill"] > rule["skill"] else "less"
    return (
        f"The probabilities save {ours['skill']:.0%} of the base rate's Brier score, {place} than the recency rule "
        f"({rule['skill']:.0%}; {beyond})."
    )


def recall_verdict(table: pd.DataFrame) -> list[str]:
    """Which recommender wins for all and for never bought products, and whether beyond chance; from `recall_table`."""
    words = []
    for kind, part in table.groupby("kind", sort=False):
        subject = "All products" if kind == "recall" else "Never bought products"
        winner = part.loc[part["recall"].idxmax()]
        rival = part.loc[part["recommender"] == winner["against"]].iloc[0]
        text = f"{subject}: {rival['recommender']} has recall {rival['recall']:.2f}"
        if winner["recommender"] == rival["recommender"]:
            words.append(text + " and nothing beats it.")
        elif winner["gain_low"] > 0:
            words.append(text + f"; {winner['recommender']} is better by {winner['gain']:.3f}, beyond chance.")
        else:
            words.append(text + "; nothing is better beyond chance.")
    return words


def campaign_tables(
    shown: ShownShop,
    segment: pd.DataFrame,
    rfm_segment: pd.DataFrame,
    history: History,
    windows: Windows,
    config: RecommendConfig,
    blends: tuple[Weights, Weights],
    number: int = 10,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """The three files by name, from the end of the data: the same models, learned one window later.

    Parameters
    ----------
    segment, rfm_segment : what `segments.assigned` returns for behaviour and for RFM.
    history, windows : what the test of the chapter used.
    blends : weights of the recommender for own and for new products; ``number`` is the length of a list.
    """
    now, days, end = windows.one_later(), windows.days, shown.end
    coming = learn_intention(history, now, seed=seed).predict(customer_snapshot(history, end, days))
    pairs = category_snapshot(history, end, days)
    chances = learn_intention(history, now, by_category=True, seed=seed).predict(pairs)
    recommender = fit_recommender(purchases(shown.lines, end, config), config)
    value = rfm(shown.lines, end)
    return {
        "segments.csv": tables.segments_table(value, segment, rfm_segment["segment"], coming, days),
        "intentions.csv": tables.intentions_table(chances, pairs, days),
        "recommendations.csv": tables.recommendations_table(recommender, blends, number),
    }


def findings(stability: pd.DataFrame, intention: pd.DataFrame, by_category: pd.DataFrame, recalls: pd.DataFrame) -> str:
    """The chapter's verdicts, one a line."""
    sentences = [
        *stability_verdict(stability),
        "Customers: " + skill_verdict(intention),
        "Customers and categories: " + skill_verdict(by_category),
        *recall_verdict(recalls),
    ]
    return "\n".join(f"- {sentence}" for sentence in sentences)


def summary_of(
    shop: CustomerLines,
    days: int,
    names: list[str],
    stability: pd.DataFrame,
    intention: pd.DataFrame,
    by_category: pd.DataFrame,
    recalls: pd.DataFrame,
) -> dict[str, Any]:
    """What the chapter found, as ``customers.json`` holds it; nothing but the reason for data that cannot carry it."""
    found: dict[str, Any] = {"usable": shop.usable, "reason": shop.reason, "days": days}
    if shop.usable:
        kept = stability[["bootstrap", "halves", "stayed"]].astype(object)
        found |= {
            "segments": names,
            "stability": kept.where(kept.notna(), None).to_dict("index"),
            "intention": intention.set_index("forecast").drop(columns="auc").to_dict("index"),
            "category_intention": by_category.set_index("forecast").drop(columns="auc").to_dict("index"),
            "recommendations": recalls.to_dict("records"),
        }
    return found


def write_customer_files(
    run_dir: str | Path,
    shop: CustomerLines,
    tables: Mapping[str, pd.DataFrame],
    found: Mapping[str, Any],
) -> None:
    """Write ``tables`` (file name to rows) and ``customers.json``; tables of a stand-in keep their head line only."""
    for name, table in tables.items():
        write_csv(table if shop.usable else table.head(0), resolve(run_dir) / name)
    write_json(dict(found), resolve(run_dir) / "customers.json")
