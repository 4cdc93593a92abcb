"""Sentences on what was found, true for any shop (chapter 16b)."""

from __future__ import annotations

import pandas as pd

from salesforecast_lib.wording import counted, listed

LITTLE = 0.05  # of the order's money: what is moved less is within what a planner changes by hand


def disturbances_found(table: pd.DataFrame) -> list[str]:
    """What moves the order most and least among a `robustness_table`, and which defences help."""
    plain = table[table["defence"] == "none"]
    if plain.empty:
        return ["Nothing could be disturbed in these data."]
    most = plain.loc[plain["moved"].idxmax()]
    calm = sorted(set(plain.loc[plain.groupby("disturbance")["moved"].transform("max") < LITTLE, "disturbance"]))
    words = [
        f"Most is moved by: {most['disturbance']} ({most['model']}), {most['moved']:.0%} of the order's money; the "
        f"WAPE changes by {most['worse']:+.3f}."
    ]
    if calm:
        words.append(f"Below {LITTLE:.0%} of the order's money for every model: {listed(calm)}.")
    other = table[table["defence"] != "none"].merge(
        plain[["disturbance", "model", "moved"]], on=["disturbance", "model"], suffixes=("", "_plain")
    )
    for defence, part in other.groupby("defence", sort=False):
        better = int((part["moved"] < part["moved_plain"]).sum())
        words.append(f"{defence}: less is moved in {better} of {counted(len(part), 'comparison')}.")
    return words


def account_found(moves: pd.DataFrame) -> list[str]:
    """What one account moves at the largest spend that each defence was tried with, in a sentence each."""
    words = []
    for (attack, defence), part in moves.groupby(["attack", "defence"], sort=False):
        total = part.groupby("times")[["spend", "moved", "money"]].sum()
        worst = total["money"].idxmax()
        row = total.loc[worst]
        if row["money"] <= 0:
            words.append(f"{attack}, {defence}: no order is raised, at any spend that was tried.")
            continue
        share = row["money"] / row["spend"] if row["spend"] else 0.0
        words.append(
            f"{attack}, {defence}: at most {row['moved']:,.0f} units more are ordered, {row['money']:,.0f} of money at "
            f"{row['spend']:,.0f} spent ({share:.0%})."
        )
    return words


def guard_found(table: pd.DataFrame) -> str:
    """Whether the champion's guard lowers what a bulk order moves, from rows with and without it."""
    rows = table.set_index("defence")["moved"]
    if not {"none", "no guard"} <= set(rows.index):
        return "The guard was not tried."
    with_it, without = rows["none"], rows["no guard"]
    if with_it < 0.95 * without:
        return f"The guard takes {1 - with_it / without:.0%} off what the bulk orders move."
    return "The guard hardly holds these orders back: most forecasts stay below its limit. Cleaning has to."
