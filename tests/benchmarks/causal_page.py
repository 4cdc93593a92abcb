"""The book's page of causal estimates held against the simulator: ``python -m tests.benchmarks.causal_page``.

``book/causal/channels.json`` and ``pricing.json`` are what ``tests.benchmarks.channels`` and
``tests.benchmarks.pricing`` write with ``--json``.
"""

from __future__ import annotations

from typing import Any

from salesforecast_lib.files import project_root, read_json, write_text

FOLDER = project_root() / "book" / "causal"
PAGE = project_root() / "book" / "causal.md"
PRICED, ADVERTISED, REGRET = 90, 85, 0.03  # intervals that hold the truth, of 100; share of profit lost
BEST = "double ML, instruments and views"


def verdict(met: bool) -> str:
    """In bold, whether a goal is met."""
    return "**met**" if met else "**missed**"


def prices(result: dict[str, Any]) -> list[str]:
    """Elasticities, regret and the duel of forecaster and pricer."""
    best, shops, regret = result["estimators"][BEST], result["seeds"], result["regret"]
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
        f"- Interval of the debiased estimate ({BEST}) holds the truth in at least {PRICED} of 100: "
        f"{verdict(best['covered'] >= PRICED / 100 * shops)} ({best['covered']} of {shops}; the interval was developed "
        "on the first 25 of these shops).",
        f"- Mean regret of its prices at most {REGRET:.0%}: {verdict(regret[BEST]['mean'] <= REGRET)} "
        f"({regret[BEST]['mean']:.2%}, largest {regret[BEST]['max']:.2%}).",
    ]
    if "duel" in result:
        lines += [
            "",
            "The best forecaster is not the best pricer:",
            "",
            "| model | WAPE | share of the best profit |",
            "|---|---:|---:|",
            *(f"| {n} | {d['wape']:.3f} | {d['share_of_best_profit']:.2%} |" for n, d in result["duel"].items()),
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
    worst = min(row["inside"] for row in result["channels"].values())
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
        f"- Truth inside in at least {ADVERTISED} of 100, every channel: "
        f"{verdict(worst >= ADVERTISED / 100 * seeds)} ({worst} of {seeds} at the least).",
        f"- Sharing out the same budget anew gains {budget['gained']:.0f} a day in truth, where "
        f"{budget['promised']:.0f} was promised and {budget['possible']:.0f} is possible; the true gain lies in its "
        f"90 % interval in {budget['inside']} of {seeds}.",
    ]


def page() -> str:
    """Markdown of the page."""
    lines = [
        "# Causes held against the truth",
        "",
        "Chapters 10 and 11 estimate causes: what a price or an advertisement changes. On the simulated marketplace "
        "the truth is known: here every interval is counted that holds it. Made by `tests/benchmarks/causal_page.py`.",
        "",
        *prices(read_json(FOLDER / "pricing.json")),
        "",
        *channels(read_json(FOLDER / "channels.json")),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_text(page(), PAGE)
    print(PAGE)
