"""The book's page of monitoring, made from stored results: ``python tests/benchmarks/monitoring_page.py``.

``book/monitoring/monitoring.json`` holds what ``tests/benchmarks/monitoring.py --json book/monitoring/monitoring.json``
writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

if __name__ == "__main__":  # a script's own folder comes first: add the project's root
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from salesforecast_lib.files import project_root, read_json, write_text
from salesforecast_lib.pipeline.markdown import opening
from salesforecast_lib.production.monitoring.trials import trial, verdicts
from salesforecast_lib.wording import counted, listed

STORED = project_root() / "book" / "monitoring" / "monitoring.json"
PAGE = project_root() / "book" / "monitoring.md"
EVIDENTLY = "https://docs-old.evidentlyai.com/reference/data-drift-algorithm"
DATA = {"journey": "The Complete Journey", "retail": "Online Retail II"}
PLAYED = {
    "journey": "the features of the default run, 200 product groups by day",
    "retail": "200 products by day",
}


def drift_rows(part: dict[str, Any]) -> list[str]:
    """Rows of the table of changes: seen, delay, calls, of ours and of the stand-in."""
    table = pd.DataFrame(part["rows"]).set_index(["drift", "source"])
    lines = []
    for drift in table.index.get_level_values("drift").unique():
        cells = []
        for source in ("data", "forecasts", "both", trial.PLAIN):
            row = table.loc[(drift, source)]
            late = "–" if pd.isna(row["delay"]) else f"{row['delay']:.0f}"
            cells.append(f"{row['seen']:.0%}, {late}, {row['calls']:.1f}, {row['nights']:.0%}")
        lines.append(f"| {drift} | {' | '.join(cells)} |")
    return lines


def policy_rows(part: dict[str, Any]) -> list[str]:
    """Rows of the table of policies: means over the seeds, and the range of the money saved."""
    lines = []
    for row in part["mean"]:
        saved = part["saved_by_seed"][row["policy"]]
        spread = f"{min(saved):,.0f} to {max(saved):,.0f}"
        lines.append(
            f"| {row['policy']} | {row['wape']:.3f} | {row['bias']:+.3f} | {row['trainings']:.1f} | "
            f"{row['minutes']:.2f} | {row['cost']:,.0f} | {row['saved']:+,.0f} | {spread} |"
        )
    return lines


def sure(part: dict[str, Any]) -> str:
    """Which policies saved money, or lost it, with every seed."""
    saved = {name: values for name, values in part["saved_by_seed"].items() if name != "never"}
    won = [name for name, values in saved.items() if min(values) > 0]
    lost = [name for name, values in saved.items() if max(values) < 0]
    return (
        f"With each of the {counted(part['seeds'], 'seed')} it was cheaper than never training again: {listed(won)}; "
        f"dearer: {listed(lost)}."
    )


def policy_section(name: str, part: dict[str, Any]) -> list[str]:
    """Heading, table and sentences of one data set."""
    table = pd.DataFrame(part["mean"]).set_index("policy")
    return [
        f"## Retraining on {DATA[name]}",
        "",
        f"{PLAYED[name][0].upper()}{PLAYED[name][1:]}, {part['from']} to {part['until']}, {part['seeds']} seeds of the "
        "trees. The forecast of each week drives the order-up-to policy of chapter 08.",
        "",
        "| policy | WAPE | bias | trainings | minutes | cost | saved | saved, least to most over seeds |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *policy_rows(part),
        "",
        f"{_sentence(verdicts.policies_found(table))} {sure(part)} {_sentence(verdicts.accuracy_found(table))}",
        "",
        f"What alarmed: {listed(sorted({row['why'].partition(':')[0] for row in part['asked']}))}.",
        "",
    ]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def for_a_shop(result: dict[str, Any]) -> list[str]:
    """What the numbers mean for who has to watch a forecast."""
    found = verdicts.drifts_found(pd.DataFrame(result["drifts"]["rows"]))
    lines = [_sentence("; ".join(found[:-1])), _sentence(found[-1])]
    for name in DATA:
        if name in result:
            table = pd.DataFrame(result[name]["mean"]).set_index("policy")
            lines.append(f"On {DATA[name]} {verdicts.policies_found(table).partition(';')[0]}.")
    return lines


def evidently_said(asked: dict[str, Any] | None) -> str:
    """Whether evidently itself was asked, and how often it said the same."""
    if not asked:
        return "Evidently itself was not run."
    return (
        f"Evidently {asked['version']} itself, asked on {asked['tables']} weeks of these markets, gave the same answer "
        f"on {'all' if asked['same'] == asked['tables'] else asked['same']} of them."
    )


def page(result: dict[str, Any]) -> str:
    """Markdown of the page."""
    drifts = result["drifts"]
    quiet = [f"{kind} ({count})" for kind, count in sorted(drifts["quiet_seeds_by_kind"].items())]
    lines = [
        "# Monitoring",
        "",
        *opening(
            "How soon injected changes are seen, how often an alarm is false, and whether training anew pays.",
            f"{counted(len(drifts['seeds']), 'simulated market')} of 60 products; "
            f"{listed(DATA[name] for name in DATA if name in result)} for the policies.",
            "`python tests/benchmarks/monitoring.py --json book/monitoring/monitoring.json --run RUN --data DIR`; "
            "`tests/benchmarks/monitoring_page.py` makes the page of what it stored.",
            for_a_shop(result),
        ),
        "## Injected changes",
        "",
        "Each market is trained on for 67 weeks and then lives a quarter in which one thing changes: prices 15 % up, "
        "a competitor who takes 35 % of the largest category within two weeks, the year's season three months early, "
        "that category in dozens, growth of 40 % over the quarter. A cell holds the share of the markets in which an "
        "alarm came, the median days until the first one, calls a quarter (alarms within a week of each other are "
        "one) and the share of the nights under alarm.",
        "",
        "| change | data | forecasts | both | plain tests |",
        "|---|---|---|---|---|",
        *drift_rows(drifts),
        "",
        "The row *nothing* counts false alarms: sales move with season and chance there, and the model grows old. The "
        "first alarm after a change may be one that would have come anyway; read both rows together. *Plain tests* are "
        f"the [defaults of evidently]({EVIDENTLY}): a Wasserstein distance above .1 standard deviations, or a "
        "Jensen-Shannon distance above .1 in columns of five values at most; an alarm when half of the columns drift; "
        f"the quarter before as reference. {evidently_said(result.get('evidently'))}",
        "",
        f"Alarms without a change, by kind (markets): {listed(quiet)}. Margins of all limits were chosen on the "
        "markets of six other seeds. Holidays and shopping festivals are left out by the watch.",
        "",
    ]
    for name in DATA:
        if name in result:
            lines += policy_section(name, result[name])
    lines += [
        "The trees are small (four fits of 60 trees on 20,000 rows) and one history of twelve weeks is one draw: what "
        "is saved must be read beside its range over seeds. A warm start adds 20 trees to the old ones every week.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    write_text(page(read_json(STORED)), PAGE)
    print(PAGE)


if __name__ == "__main__":
    main()
