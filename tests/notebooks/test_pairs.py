"""Committed notebooks agree with their sources, were executed, and keep the rules of a chapter."""

import re
import statistics

import jupytext
import nbformat
import pytest

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.book import check_executed
from salesforecast_lib.pipeline.parameters import declared
from salesforecast_lib.pipeline.stages import STAGES

NAMES = [stage.name for stage in STAGES]


def source(name):
    return jupytext.read(project_root() / "notebooks" / f"{name}.py")


def committed(name):
    return nbformat.read(project_root() / "notebooks" / f"{name}.ipynb", 4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_notebook_is_a_stage():
    assert sorted(path.stem for path in (project_root() / "notebooks").glob("*.py")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_pair_agrees(name):
    ours, theirs = source(name), committed(name)
    assert [(c.cell_type, c.source) for c in ours.cells] == [(c.cell_type, c.source) for c in theirs.cells], (
        f"{name}.ipynb is not made from {name}.py: run 'make refresh'"
    )
    assert [c.metadata.get("tags", []) for c in ours.cells] == [c.metadata.get("tags", []) for c in theirs.cells]


@pytest.mark.parametrize("name", NAMES)
def test_every_code_cell_was_executed_without_error(name):
    check_executed(project_root() / "notebooks" / f"{name}.ipynb")
    counts = [cell.execution_count for cell in code_cells(committed(name))]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_checked_cells_have_output_to_check(name):
    tagged = [c for c in code_cells(committed(name)) if "nbval-check-output" in c.metadata.get("tags", [])]
    assert tagged and all(cell.outputs for cell in tagged), f"{name}: a checked cell prints nothing"


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_short(name):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(source(name))]
    assert max(lengths) <= 40 and statistics.median(lengths) <= 8, sorted(lengths)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_typed_and_explained(name):
    parameters = declared(project_root() / "notebooks" / f"{name}.py")
    assert {"run_dir", "seed"} <= set(parameters)
    for parameter in parameters.values():
        assert parameter.comment, f"{name}: {parameter.name} has no comment"
        kinds = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}
        assert type(parameter.default) is kinds[parameter.type], parameter


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_caption_name_and_alt_text(name):
    for cell in code_cells(source(name)):
        if "plt.show()" in cell.source:
            meta = cell.metadata.get("mystnb", {})
            assert meta.get("figure", {}).get("caption") and meta["figure"]["name"].startswith("fig-"), cell.source
            assert len(meta.get("image", {}).get("alt", "").split()) >= 8, f"{name}: alt text must state the finding"


@pytest.mark.parametrize("name", NAMES)
def test_anatomy_of_a_chapter(name):
    text = "\n".join(cell.source for cell in source(name).cells if cell.cell_type == "markdown")
    for heading in ("## Summary", "## Exercises", "## References"):
        assert heading in text, f"{name}: no {heading}"
    assert re.match(r"\(ch-[a-z-]+\)=\n# ", text), f"{name}: begins with a label and a title"
    assert text.count("```{exercise}") == text.count("```{solution}") >= 2


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_small_and_names_no_machine(name):
    path = project_root() / "notebooks" / f"{name}.ipynb"
    assert path.stat().st_size <= 300_000, f"{path.stat().st_size} bytes"
    assert "site-packages" not in path.read_text() and "/tmp/" not in path.read_text()
