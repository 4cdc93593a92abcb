"""What the chapter found, in sentences computed from its tables (chapter 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.promotions.study import NewShare


def effect_verdict(table: pd.DataFrame, kinds: Sequence[str]) -> list[str]:
    """What each kind adds to a usual week beyond the discount, or that it is not shown; from `Effects.table`."""
    words = []
    for kind, row in table.set_index("effect").loc[list(kinds)].iterrows():
        if row["low"] <= 0 <= row["high"]:
            words.append(f"{kind}: the data do not show an effect ({row['low']:+.0%} to {row['high']:+.0%}).")
        else:
            words.append(
                f"{kind}: {row['estimate']:+.0%} of a usual week ({row['low']:+.0%} to {row['high']:+.0%}), "
                "with the discount held fixed."
            )
    return words


def check_verdict(table: pd.DataFrame) -> list[str]:
    """For each kind of a `check_table`: do wrong plans find as much, and do trees find the same?"""
    words = []
    for row in table.itertuples():
        beyond = abs(row.estimate) > row.placebo_90
        agree = row.dml_low <= row.high and row.low <= row.dml_high
        words.append(
            f"{row.effect}: {'more' if beyond else 'no more'} than nine of ten wrong plans find; "
            f"double machine learning {'agrees' if agree else 'differs'}."
        )
    return words


def around_verdict(table: pd.DataFrame) -> list[str]:
    """For each kind of `weeks_around`: weeks whose interval leaves zero out, before and after, and what that means."""
    words = []
    for kind, part in table.groupby("kind", sort=False):
        clear = part[(part["low"] > 0) | (part["high"] < 0)].set_index("week")["estimate"]
        before = [f"{value:+.0%} in week {week}" for week, value in clear.items() if week < 0]
        after = [f"{value:+.0%} in week {week:+d}" for week, value in clear.items() if week > 0]
        text = f"{kind}: "
        if before:
            text += (
                f"sales differ already before it ({', '.join(before)}), so part of its effect may be the weeks' own; "
            )
        else:
            text += "nothing before it; "
        words.append(text + (f"after it {', '.join(after)}." if after else "nothing clear after it."))
    return words


def share_verdict(share: NewShare) -> str:
    """How much of the strongest kind's extra units is borrowed, and what is counted as new."""
    text = f"{share.kind}: "
    if np.isfinite(share.rivals):
        text += f"{share.rivals:.0%} ({share.low:.0%} to {share.high:.0%}) of the extra units come from the category, "
    else:
        text += "too few products of a category to see what they take from each other; "
    return text + f"{share.later:.0%} from the two weeks after; {share.kept:.0%} is taken as new."


def coupon_verdict(table: pd.DataFrame) -> str:
    """Whether being sent a campaign is shown to move spend, from a `coupon_table`."""
    if table.empty:
        return "These data hold no coupon campaigns."
    clear = table[(table["low"] > 0) | (table["high"] < 0)]
    drift = table[(table["placebo_low"] > 0) | (table["placebo_high"] < 0)]
    text = "No campaign is shown to move what households spend on its products."
    if len(clear):
        text = "Spend on the campaign's products moves for: " + ", ".join(
            f"{row.campaigns} ({row.effect:+.2f} a week)" for row in clear.itertuples()
        )
        text += "."
    return text + (" The placebo finds as much: do not believe it." if len(drift) and len(clear) else "")


def plan_verdict(profit: Mapping[str, float]) -> str:
    """Which plan adds most among those that do not know the truth, and how far it is from the one that does."""
    known = profit["truth known"]
    best, *others = sorted(((v, k) for k, v in profit.items() if k != "truth known"), reverse=True)
    rest = ", ".join(f"{name} {value:+.0f}" for value, name in others)
    return f"{best[1]} adds {best[0]:+.0f} to the true profit, {best[0] / known:.0%} of the possible; {rest}."


def findings(
    effects: pd.DataFrame,
    kinds: Sequence[str],
    checks: pd.DataFrame,
    share: NewShare,
    coupons: pd.DataFrame,
    profit: Mapping[str, float],
) -> str:
    """The chapter's verdicts, one a line."""
    sentences = [*effect_verdict(effects, kinds), *check_verdict(checks), share_verdict(share), coupon_verdict(coupons)]
    return "\n".join(f"- {sentence}" for sentence in [*sentences, plan_verdict(profit)])
