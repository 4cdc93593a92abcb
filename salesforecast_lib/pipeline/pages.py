"""Pages that a run writes into its book: what it found, and how long each chapter took."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.decisions.driving import CHAMPION, driven_by
from salesforecast_lib.decisions.workbook.reasons import evidence, stock_words
from salesforecast_lib.decisions.workbook.savings import in_words, saving, simple_rule
from salesforecast_lib.decisions.workbook.sheets import decision_sheets, read_decisions
from salesforecast_lib.evaluation.verdicts import champion_caveat, winner
from salesforecast_lib.files import project_root, read_json
from salesforecast_lib.pipeline.glance import glance_pages
from salesforecast_lib.pipeline.markdown import markdown_table, opening, plain
from salesforecast_lib.pipeline.runs import data_notes, left_out
from salesforecast_lib.pipeline.stages import STAGES
from salesforecast_lib.pipeline.start_page import start_pages
from salesforecast_lib.wording import counted

_LIBRARIES = (
    "torch",
    "pandas",
    "numpy",
    "statsforecast",
    "mlforecast",
    "lightgbm",
    "utilsforecast",
    "pandera",
    "papermill",
    "jupyter-book",
    "nbval",
)
_DATA_SETS = {
    "complete_journey": (
        "The Complete Journey",
        "Simulated data based on real grocery shopping patterns, published for education {cite:p}`completejourney`.",
    ),
    "online_retail_ii": (
        "Online Retail II",
        "Every order line of a UK gift e-tailer, 2009 to 2011 {cite:p}`uci502`.",
    ),
    "marketplace": (
        "the simulated marketplace",
        "Simulated from known demand, prices and stock: shows whether a method finds the truth, not what a shop earns.",
    ),
}
_STOCK = {
    "stock_file": "Stock is that of your stock file.",
    "simulated": "Stock is that of the simulated shop: give yours with `-p stock_file=FILE`.",
    "unknown": "No product of this run is in your stock file: see [](decisions.md).",
}
_MORE = "The [league](league.md) holds it against more peers."


def findings(result: Mapping[str, Any], dataset: str = "") -> list[str]:
    """Who wins and what the plan saves, from ``metrics`` and ``inventory`` of one run on a data set."""
    metrics, inventory = result["metrics"], result["inventory"]
    models = dict(sorted(metrics["models"].items(), key=lambda item: item[1]["wape"]))
    policies = dict(sorted(inventory["policies"].items(), key=lambda item: item[1]["total"]))
    best, rule = inventory["cheapest_model"], simple_rule(policies)
    saved = {name: saving(policies, name) for name in policies}
    ours = CHAMPION if CHAMPION in models else "LSTM"
    money = f"The cheapest forecast is **{best}**: "
    if best == rule:
        money += "no model does better than this simple rule"
    else:
        money += f"it saves {saved[best]:.1f} % of the cost of the best simple rule, the {in_words(rule)}"
    if best != ours:
        money += f"; the {ours} " + (
            f"saves {saved[ours]:.1f} %" if saved[ours] >= 0 else f"costs {-saved[ours]:.1f} % more"
        )
    money += "."
    period = check_freq(str(result.get("freq") or "D")).period
    gain = 100 * (1 - models[ours]["wape"] / models["SeasonalNaive"]["wape"])

    def losses(measure: str) -> dict[str, float]:
        return {name: values[measure] for name, values in models.items()}

    return [
        f"{metrics['series']} series, cutoffs {', '.join(metrics['cutoffs'])}, horizon "
        f"{counted(metrics['horizon'], period)}; one seed; the LSTM keeps the weights of the "
        "first cutoff, peers are fitted at each"
        + (f", the {ours} learns its weights from earlier cutoffs." if ours == CHAMPION else "."),
        "",
        *markdown_table(models, ["wape", "bias", "mase", "rmsse", "scaled_quantile_loss", "coverage_90"], 3),
        "",
        f"By WAPE: {winner(losses('wape'), 'WAPE')}. By quantiles: "
        f"{winner(losses('scaled_quantile_loss'), 'scaled quantile loss')}. The {ours}'s WAPE is {abs(gain):.1f} % "
        f"{'below' if gain >= 0 else 'above'} the seasonal naive's.",
        "",
        *([f"{champion_caveat(dataset)} {_MORE}", ""] if ours == CHAMPION else []),
        "Cost of the same stock policy driven by each forecast, in the simulated test months:",
        "",
        *markdown_table(policies, ["total", "holding", "shortage", "fill_rate", "turnover", "saving_percent"], 2),
        "",
        money,
    ]


def findings_page(reference: Mapping[str, Mapping[str, Any]]) -> str:
    """The published findings, one section a data set."""
    page = ["# Findings", "", "Who wins, and what the plan saves, on each data set. The runs wrote these numbers."]
    for dataset, (name, words) in _DATA_SETS.items():
        if dataset in reference:
            page += ["", f"## {name}", "", words, "", *findings(reference[dataset], dataset)]
    return "\n".join(page) + "\n"


def status_page(status: Mapping[str, Any], writer: str) -> str:
    """Machine, running time of each chapter and versions."""
    seconds = status["seconds"]
    slowest = max(seconds, key=seconds.__getitem__)
    whole = sum(seconds.values())
    lines = [
        "# Status",
        "",
        *opening(
            "How long each chapter of this book took, and with which versions of the libraries.",
            "The data and parameters of the run that made the notebooks of this book.",
            f"{writer}, on {status['machine']}, Python {status['python']}, one thread a process.",
            (
                f"From order lines to forecasts and orders a computer like this one needs {whole / 60:.1f} minutes for "
                "data of this size.",
                f"{slowest} takes {seconds[slowest] / whole:.0%} of it.",
            ),
        ),
        "| chapter | running time (s) |",
        "|---|---:|",
        *(f"| {name} | {value:.1f} |" for name, value in seconds.items()),
        f"| all | {whole:.1f} |",
        "",
        "| library | version |",
        "|---|---|",
        *(f"| {name} | {number} |" for name, number in status["versions"].items()),
    ]
    return "\n".join(lines) + "\n"


def running_times(status: Mapping[str, Any]) -> str:
    """What the README says about running times."""
    seconds = status["seconds"]
    slowest = max(seconds, key=seconds.__getitem__)
    return (
        f"The chapters of the default run took {sum(seconds.values()) / 60:.1f} minutes together, {slowest} most "
        f"({seconds[slowest] / 60:.1f} minutes), on {status['machine']}; installation comes on top, once.\n"
        "`make test` executes every chapter again. Each chapter's time is on the [status page](book/status.md).\n"
    )


def run_status(folder: Path) -> dict[str, Any]:
    """Running times that papermill wrote into a run's notebooks, and what it ran on."""
    stages = [stage.name for stage in STAGES if stage.name not in left_out(folder)]
    notebooks = {name: folder / "notebooks" / f"{name}.ipynb" for name in stages}
    durations = {name: nbformat.read(file, 4).metadata["papermill"]["duration"] for name, file in notebooks.items()}
    return {
        "seconds": {name: round(float(value), 1) for name, value in durations.items()},
        "versions": {name: version(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
    }


def _cell(value: object) -> str:
    """A number with two digits, text as it is, and a dash for what is not known."""
    if isinstance(value, float):
        return f"{value:,.2f}" if np.isfinite(value) else "–"
    return plain(value) or "–"


def decisions_page(folder: Path, shown: int = 10) -> str:
    """What a run proposes: the first rows of every subject, for its book."""
    dataset = read_json(folder / "panel.json")["dataset"]
    lines = ["# Decisions", "", f"What this run proposes at the end of its data ({dataset})."]
    lines.append("`salesforecast decide` writes all of it to `decisions.xlsx`.")
    for sheet in decision_sheets(folder):
        note = f"{plain(sheet.note[0].upper() + sheet.note[1:])}."
        lines += ["", f"## {sheet.name.capitalize()}", "", note, ""]
        if sheet.table.empty:
            continue
        lines.append("| " + " | ".join(plain(name) for name in sheet.brief) + " |")
        lines.append("|" + "---|" * len(sheet.brief))
        for row in sheet.table[list(sheet.brief)].head(shown).itertuples(index=False):
            cells = [_cell(value) for value in row]
            lines.append("| " + " | ".join(cells) + " |")
        if len(sheet.table) > shown:
            lines += ["", f"{len(sheet.table) - shown} more in the workbook."]
    return "\n".join(lines) + "\n"


def opening_pages(folder: Path) -> dict[str, str | bytes]:
    """The start page of the book with what a run shows of one product, and its picture, by file name in ``book/``."""
    dataset = read_json(folder / "panel.json")["dataset"]
    intro = (project_root() / "book" / "intro.md").read_text(encoding="utf-8")
    shop = _DATA_SETS.get(dataset, ("your shop", ""))[0] + (" (simulated)" if dataset == "complete_journey" else "")
    return start_pages(folder, shop, intro)


def run_pages(folder: Path, shown: int = 15) -> dict[str, str | bytes]:
    """The pages of a run's book: its first page and its products, and what takes the place of published pages.

    By file name in ``book/``; pictures are bytes.
    """
    result = {name: read_json(folder / f"{name}.json") for name in ("metrics", "inventory", "parameters")}
    values = result["parameters"]
    name, words = _DATA_SETS.get(values.get("dataset", "complete_journey"), ("your shop", ""))
    if values.get("path"):
        words += f" Read from {plain(Path(values['path']).name)}."
    plan = stock_words(read_decisions(folder / "replenishment.csv"), evidence(folder))
    urgent = [name for name in ("expected_loss", "risk_before_delivery") if name in plan]
    orders = plan[pd.to_numeric(plan["order_quantity"], errors="coerce") > 0].sort_values(
        urgent, ascending=False, kind="stable"
    )
    sources = set(plan["stock_source"])
    stock = _STOCK[next(name for name in ("stock_file", "simulated", "unknown") if name in sources)] if sources else ""
    unknown = int((plan["stock_source"] == "unknown").sum())
    if unknown and "stock_file" in sources:
        stock += f" The stock of {counted(unknown, 'product')} is unknown, which the [decisions](decisions.md) list."
    described = folder / "panel.json"  # the frequency that an own panel's dates told
    freq = read_json(described)["freq"] if described.is_file() else values.get("freq", "D")
    late = int((plan["runs_out_before_delivery"].astype(str) == "True").sum())
    page = [
        "# Findings",
        "",
        f"This run's own numbers, for {name}. {words}".rstrip(),
        "",
        "## What to order today",
        "",
        f"{len(orders)} of {len(plan)} products need an order; {late} will probably run out before it arrives. "
        f"{stock} The whole plan is `replenishment.csv` in "
        "the run's folder, and [](../notebooks/08_inventory) explains it. The forecast behind it: "
        f"{plain(driven_by(folder, result['inventory'].get('model', CHAMPION)))}. The most urgent:",
        "",
        "| product | stock | order | risk of running out before delivery | why |",
        "|---|---:|---:|---:|---|",
        *(
            f"| {plain(row.unique_id)} | {float(row.stock):,.0f} | {float(row.order_quantity):,.0f} | "
            f"{float(row.risk_before_delivery):.0%} | {plain(row.why)} |"
            for row in orders.head(shown).itertuples()
        ),
        "",
        "## Who wins, and what the plan saves",
        "",
        *findings({**result, "freq": freq}, values.get("dataset", "complete_journey")),
    ]
    status = status_page(run_status(folder), "`salesforecast run`")
    written = {"findings.md": "\n".join(page) + "\n", "status.md": status, "decisions.md": decisions_page(folder)}
    title = f"{name[0].upper()}{name[1:]} at a glance"
    return {**opening_pages(folder), **glance_pages(folder, title, data_notes(folder)), **written}
