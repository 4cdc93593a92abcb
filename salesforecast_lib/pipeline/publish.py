"""``make refresh``: from a default run to committed notebooks, reference numbers and generated pages."""

from __future__ import annotations

import base64
import io
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

from salesforecast_lib.files import project_root, read_json, write_json, write_text
from salesforecast_lib.pipeline.execute import to_notebook
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.stages import STAGES

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
_DATA_SETS = {"complete_journey": "The Complete Journey", "online_retail_ii": "Online Retail II"}
_TITLES = {
    "complete_journey": "simulated data based on real grocery shopping patterns, published for education "
    "{cite:p}`completejourney`; 200 product types, daily",
    "online_retail_ii": "every order line of a UK gift e-tailer, 2009 to 2011 {cite:p}`uci502`; 200 products, weekly",
}


def published(executed: nbformat.NotebookNode, source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The source's cells with the outputs of an executed copy, without the run's parameters and times."""
    code = [
        cell
        for cell in executed.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    cells = [cell for cell in source.cells if cell.cell_type == "code"]
    for number, (cell, done) in enumerate(zip(cells, code, strict=True), start=1):
        cell.outputs = [output for output in done.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            output.pop("metadata", None) if output.output_type == "stream" else None
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = with_palette(output["data"]["image/png"])
            if "execution_count" in output:
                output["execution_count"] = number
        cell.execution_count = number
    return source


def with_palette(picture: str) -> str:
    """The same PNG (base64) with at most 256 colours: charts lose nothing and a notebook stays small."""
    small = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB").quantize(256).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode("ascii")


def _seconds(notebook: Path) -> float:
    return float(nbformat.read(notebook, 4).metadata["papermill"]["duration"])


def publish(from_stage: str | None = None) -> None:
    """Run the default profile and store notebooks, reference numbers, status and findings pages."""
    root = project_root()
    folder = root / "runs" / "default"
    run(prepare_values("default", {}), folder, from_stage)
    for stage in STAGES:
        executed = nbformat.read(folder / "notebooks" / f"{stage.name}.ipynb", 4)
        write_text(
            nbformat.writes(published(executed, to_notebook(stage.source))) + "\n",
            root / "notebooks" / f"{stage.name}.ipynb",
        )
    store_reference(folder, "complete_journey")
    seconds = {stage.name: round(_seconds(folder / "notebooks" / f"{stage.name}.ipynb"), 1) for stage in STAGES}
    write_json(
        {
            "seconds": seconds,
            "versions": {name: version(name) for name in _LIBRARIES},
            "python": platform.python_version(),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        },
        root / "tests" / "reference" / "status.json",
    )
    write_pages()


def store_reference(folder: Path, dataset: str) -> None:
    """Copy the key numbers of a run to ``tests/reference/metrics.json`` under its data set."""
    place = project_root() / "tests" / "reference" / "metrics.json"
    known: dict[str, Any] = read_json(place) if place.is_file() else {}
    derivation = folder / "derivation.json"
    known[dataset] = {
        "metrics": read_json(folder / "metrics.json"),
        "inventory": read_json(folder / "inventory.json"),
        "derivation": read_json(derivation) if derivation.is_file() else {},
    }
    write_json(known, place)


def _table(rows: dict[str, dict[str, Any]], columns: list[str], digits: int) -> list[str]:
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, values in rows.items():
        cells = ["–" if values[c] is None else f"{values[c]:.{digits}f}" for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def write_pages() -> None:
    """Write ``book/status.md`` and ``book/findings.md`` from the reference numbers: none is typed by hand."""
    root = project_root()
    status = read_json(root / "tests" / "reference" / "status.json")
    lines = [
        "# Status",
        "",
        "Written by `make refresh` from the run that made the published notebooks.",
        "",
        f"Machine: {status['machine']}, Python {status['python']}, one thread a process.",
        "",
        "| chapter | running time (s) |",
        "|---|---:|",
    ]
    lines += [f"| {name} | {seconds:.1f} |" for name, seconds in status["seconds"].items()]
    lines += [f"| all | {sum(status['seconds'].values()):.1f} |", "", "| library | version |", "|---|---|"]
    lines += [f"| {name} | {number} |" for name, number in status["versions"].items()]
    write_text("\n".join(lines) + "\n", root / "book" / "status.md")
    reference = read_json(root / "tests" / "reference" / "metrics.json")
    page = [
        "# Findings",
        "",
        "Who wins, and what the plan saves, on each data set. Numbers are written by the run itself.",
    ]
    for dataset, name in _DATA_SETS.items():
        if dataset in reference:
            page += ["", f"## {name}", "", _TITLES[dataset] + ".", "", *_findings(reference[dataset])]
    write_text("\n".join(page) + "\n", root / "book" / "findings.md")


def _findings(result: dict[str, Any]) -> list[str]:
    metrics, inventory = result["metrics"], result["inventory"]
    models = dict(sorted(metrics["models"].items(), key=lambda item: item[1]["wape"]))
    policies = dict(sorted(inventory["policies"].items(), key=lambda item: item[1]["total"]))
    best, naive = inventory["cheapest_model"], policies["rule of thumb"]["total"]
    ours = policies["LSTM"]["total"]
    return [
        f"{metrics['series']} series, cutoffs {', '.join(metrics['cutoffs'])}, horizon {metrics['horizon']} periods; "
        "one seed; the LSTM keeps the weights of the first cutoff, peers are fitted at each.",
        "",
        *_table(models, ["wape", "bias", "mase", "rmsse", "scaled_quantile_loss", "coverage_90"], 3),
        "",
        f"Lowest WAPE: **{metrics['winner']['wape']}**; lowest scaled quantile loss: "
        f"**{metrics['winner']['scaled_quantile_loss']}**. The LSTM's WAPE is "
        f"{100 * metrics['lstm_gain_over_seasonal_naive']:.1f} % below the seasonal naive's.",
        "",
        "Cost of the same stock policy driven by each forecast:",
        "",
        *_table(policies, ["total", "holding", "shortage", "fill_rate", "turnover", "saving_percent"], 2),
        "",
        f"The cheapest forecast is **{best}**: it saves {100 * (1 - policies[best]['total'] / naive):.1f} % of the "
        f"cost of the rule of thumb, the LSTM {100 * (1 - ours / naive):.1f} %.",
    ]
