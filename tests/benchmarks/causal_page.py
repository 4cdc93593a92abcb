"""The book's page of causal estimates held against the simulator: ``python -m tests.benchmarks.causal_page``.

``book/causal/channels.json`` and ``pricing.json`` are what ``tests.benchmarks.channels`` and
``tests.benchmarks.pricing`` write with ``--json``.
"""

from __future__ import annotations

from typing import Any

from salesforecast_lib.files import project_root, read_json, write_text
from salesforecast_lib.pipeline.markdown import opening

FOLDER = project_root() / "book" / "causal"
PAGE = project_root() / "book" / "causal.md"
BEST = "double ML, instruments and views"
PLAIN = "naive log-log"


def lowest_regret(result: dict[str, Any]) -> str:
    """The estimator whose prices lose least on average."""
    return min(result["estimators"], key=lambda name: result["regret"].get(name, {"mean": float("inf")})["mean"])


def for_a_shop(pricing: dict[str, Any], advertising: dict[str, Any]) -> list[str]:
    """What the numbers mean for who sets prices and spends on advertising."""
    regret, estimators, budget = pricing["regret"], pricing["estimators"], advertising["budget"]
    widths = [row["relative_width"] for row in advertising["channels"].values()]
    return [
        f"Prices from a plain regression of sales on prices ({PLAIN}) lose {regret[PLAIN]['mean']:.2%} of the best "
        f"profit on average, those of the debiased estimate {regret[BEST]['mean']:.2%}; its interval holds the true "
        f"elasticity in {estimators[BEST]['covered']} of {pricing['seeds']} shops, the plain one's in "
        f"{estimators[PLAIN]['covered']}.",
        f"A channel's return on advertising stays uncertain: its interval is {min(widths):.2f} to {max(widths):.2f} "
        f"times as wide as the return is large; sharing out the same budget anew gains {budget['gained']:.0f} of "
        f"{budget['possible']:.0f} possible a day.",
        "The shops are simulated, and the advertising of these follows the very equation that the model fits: test a "
        "price or a budget in your shop before you trust it.",
    ]


def prices(result: dict[str, Any]) -> list[str]:
    """Elasticities, regret and the duel of forecaster and pricer."""
    best, shops, regret = result["estimators"][BEST], result["seeds"], result["regret"]
    first = lowest_regret(result)
    lines = [
        "## Price elasticity (chapter 13)",
        "",
        f"{shops} simulated shops whose prices follow demand. The 95 % interval of the mean elasticity, and the share "
        "of the best possible profit that prices from each estimate lose:",
        "",
        "| estimator | truth inside | bias | spread of the bias | products inside | mean regret |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in result["estimators"].items():
        lost = f"{regret[name]['mean']:.2%}" if name in regret else "–"
        lines.append(
            f"| {name} | {row['covered']} of {row['shops']} | {row['bias']:+.3f} | {row['spread']:.3f} | "
            f"{row['product_covered']:.0%} | {lost} |"
        )
    lines += [
        "",
        f"- The interval of the debiased estimate ({BEST}) holds the truth in {best['covered']} of {shops}; it was "
        "developed on the first 25 of these shops.",
        f"- Lowest mean regret: **{first}** ({regret[first]['mean']:.2%}; its interval holds the truth in "
        f"{result['estimators'][first]['covered']} of {shops})"
        + ("." if first == BEST else f". That of {BEST} is {regret[BEST]['mean']:.2%}.")
        + f" Largest regret of {BEST}: {regret[BEST]['max']:.2%}.",
    ]
    if "duel" in result:
        duel = result["duel"]
        forecaster = min(duel, key=lambda name: duel[name]["wape"])
        pricer = max(duel, key=lambda name: duel[name]["share_of_best_profit"])
        lines += [
            "",
            f"The best forecaster is {'' if forecaster == pricer else 'not '}the best pricer:",
            "",
            "| model | WAPE | share of the best profit |",
            "|---|---:|---:|",
            *(f"| {n} | {d['wape']:.3f} | {d['share_of_best_profit']:.2%} |" for n, d in duel.items()),
        ]
    if "orange_juice" in result:
        rows = result["orange_juice"]
        names = ["brand", "own", "low", "high", "naive", "cross", "cross_low", "cross_high"]
        lines += [
            "",
            "Refrigerated orange juice (Dominick's), own-price elasticity by brand with its 95 % interval; over many "
            "products and studies the mean is -2.62 {cite:p}`bijmolt2005`:",
            "",
            "| " + " | ".join(name.replace("_", " ") for name in names) + " |",
            "|---|" + "---:|" * (len(names) - 1),
        ]
        for row in rows:
            cells = ("–" if row[n] is None else f"{row[n]:.2f}" if isinstance(row[n], float) else row[n] for n in names)
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def channels(result: dict[str, Any]) -> list[str]:
    """Coverage of the return on spend and the budget shared out anew."""
    seeds, budget = result["seeds"], result["budget"]
    worst = min(result["channels"], key=lambda name: result["channels"][name]["inside"])
    return [
        "## Return on advertising (chapter 11)",
        "",
        f"{seeds} simulated shops, never out of stock, each with another history of spend. The 90 % interval of the "
        "true return on spend:",
        "",
        "| channel | truth inside | width of the interval over the truth | median over the truth |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {row['inside']} of {row['seeds']} | {row['relative_width']:.2f} | "
            f"{row['median_over_truth']:.2f} |"
            for name, row in result["channels"].items()
        ),
        "",
        f"- The truth is inside the 90 % interval least often for {worst}: in {result['channels'][worst]['inside']} of "
        f"{seeds}.",
        f"- Sharing out the same budget anew gains {budget['gained']:.0f} a day in truth, where "
        f"{budget['promised']:.0f} was promised and {budget['possible']:.0f} is possible; the true gain lies in its "
        f"90 % interval in {budget['inside']} of {seeds}.",
    ]


def page() -> str:
    """Markdown of the page."""
    pricing, advertising = read_json(FOLDER / "pricing.json"), read_json(FOLDER / "channels.json")
    lines = [
        "# Causes held against the truth",
        "",
        *opening(
            "How often the interval of an estimated cause holds the truth, and what decisions from the estimate lose: "
            "what a price (chapter 13) or an advertisement (chapter 11) changes.",
            f"{pricing['seeds']} simulated shops for prices and {advertising['seeds']} for advertising, where the "
            "truth is known"
            + ("; for prices also Dominick's orange juice, where it is not." if "orange_juice" in pricing else "."),
            "`python -m tests.benchmarks.pricing --data DIR --json book/causal/pricing.json` and "
            "`python -m tests.benchmarks.channels --json book/causal/channels.json`; `tests/benchmarks/causal_page.py` "
            "makes the page of what they stored.",
            for_a_shop(pricing, advertising),
        ),
        *prices(pricing),
        "",
        *channels(advertising),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_text(page(), PAGE)
    print(PAGE)
