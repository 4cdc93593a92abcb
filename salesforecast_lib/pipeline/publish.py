"""``make refresh``: from a default run to committed notebooks, reference numbers and generated pages."""

from __future__ import annotations

import base64
import io
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

from salesforecast_lib.files import atomically, project_root, read_json, write_json, write_text
from salesforecast_lib.pipeline.execute import to_notebook
from salesforecast_lib.pipeline.glance import product_pages, read_run
from salesforecast_lib.pipeline.markdown import between
from salesforecast_lib.pipeline.pages import (
    decisions_page,
    findings_page,
    opening_pages,
    run_status,
    running_times,
    status_page,
)
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.runs.messages import shown
from salesforecast_lib.pipeline.stages import STAGES

_TIMES, _END = "<!-- running times, written by make refresh -->", "<!-- end -->"
_EXAMPLE = (
    "What the default run knows of each product, as an example: a run on your orders has this page of yours, behind a "
    "first page with your whole shop."
)


def published(executed: nbformat.NotebookNode, source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The source's cells with the outputs of an executed copy, without the run's parameters and times."""
    code = [
        cell
        for cell in executed.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    cells = [cell for cell in source.cells if cell.cell_type == "code"]
    for number, (cell, done) in enumerate(zip(cells, code, strict=True), start=1):
        cell.outputs = joined([output for output in done.outputs if output.get("name") != "stderr"])
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = with_palette(output["data"]["image/png"])
            if "execution_count" in output:
                output["execution_count"] = number
        cell.execution_count = number
    return source


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Outputs with printed text that follows upon printed text as one: where a kernel cuts it is chance."""
    found: list[nbformat.NotebookNode] = []
    for output in outputs:
        if output.output_type != "stream":
            found.append(output)
        elif found and found[-1].output_type == "stream" and found[-1].name == output.name:
            found[-1].text += output.text
        else:
            found.append(nbformat.v4.new_output("stream", name=output.name, text=output.text))
    return found


def with_palette(picture: str) -> str:
    """The same PNG (base64) with at most 64 colours: charts lose nothing that one sees, and a notebook stays small."""
    small = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB").quantize(64).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode("ascii")


def publish(from_stage: str | None = None) -> None:
    """Run the default profile and store notebooks, reference numbers, status and findings pages."""
    root = project_root()
    folder = root / "runs" / "default"
    run(prepare_values("default", {}), folder, from_stage, **shown())
    for stage in STAGES:
        executed = nbformat.read(folder / "notebooks" / f"{stage.name}.ipynb", 4)
        write_text(
            nbformat.writes(published(executed, to_notebook(stage.source))) + "\n",
            root / "notebooks" / f"{stage.name}.ipynb",
        )
    store_reference(folder, "complete_journey")
    write_json(run_status(folder), root / "tests" / "reference" / "status.json")
    write_text(decisions_page(folder), root / "book" / "decisions.md")
    write_opening(folder)
    write_pages()


def write_opening(folder: Path) -> None:
    """Write the start page's picture, its block in ``book/intro.md`` and the page of products, from a finished run."""
    for name, content in {**opening_pages(folder), **product_pages(read_run(folder), _EXAMPLE)}.items():
        place = project_root() / "book" / name
        if isinstance(content, str):
            write_text(content, place)
        else:
            atomically(place, partial(_write_bytes, content))


def _write_bytes(content: bytes, place: Path) -> None:
    place.write_bytes(content)


def key_numbers(folder: Path) -> dict[str, Any]:
    """The numbers of a run that are published and held: the tables its chapters write, by name."""
    optional = ("derivation", "alerts", "customers", "channels", "promotions", "pricing")
    files = {name: folder / f"{name}.json" for name in optional}
    return {
        "metrics": read_json(folder / "metrics.json"),
        "inventory": read_json(folder / "inventory.json"),
        **{name: read_json(file) if file.is_file() else {} for name, file in files.items()},
    }


def store_reference(folder: Path, dataset: str) -> None:
    """Copy the key numbers of a run to ``tests/reference/metrics.json`` under its data set."""
    place = project_root() / "tests" / "reference" / "metrics.json"
    known: dict[str, Any] = read_json(place) if place.is_file() else {}
    known[dataset] = key_numbers(folder)
    write_json(known, place)


def write_pages() -> None:
    """Write status and findings pages and the README's running times from stored numbers: none is typed by hand."""
    root = project_root()
    reference = root / "tests" / "reference"
    status = read_json(reference / "status.json")
    write_text(status_page(status, "`make refresh`"), root / "book" / "status.md")
    readme = (root / "README.md").read_text(encoding="utf-8")
    write_text(between(readme, _TIMES, _END, running_times(status)), root / "README.md")
    write_text(findings_page(read_json(reference / "metrics.json")), root / "book" / "findings.md")
