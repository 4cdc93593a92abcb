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
def test_most_printed_text_is_checked(name):
    cells = code_cells(committed(name))
    tagged = [cell for cell in cells if "nbval-check-output" in cell.metadata.get("tags", [])]
    assert len(tagged) >= 5 and all(cell.outputs for cell in tagged), f"{name}: {len(tagged)} cells are checked"
    prints = [cell for cell in cells if any(o.output_type == "stream" and o.name == "stdout" for o in cell.outputs)]
    loose = [cell.source.splitlines()[0] for cell in prints if cell not in tagged]
    assert 3 * len(loose) <= len(prints), f"{name}: {len(loose)} of {len(prints)} printed texts are unchecked: {loose}"


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_short(name):
    cells = code_cells(source(name))
    lengths = [len(cell.source.splitlines()) for cell in cells]
    told = [cell for cell in cells if "parameters" not in cell.metadata.get("tags", [])]  # they have a line each
    assert max(len(cell.source.splitlines()) for cell in told) <= 25, sorted(lengths)
    assert statistics.median(lengths) <= 8, sorted(lengths)


@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_cut_off_at_the_edge_of_the_page(name):
    wide = [line for cell in code_cells(source(name)) for line in cell.source.splitlines() if len(line) > 80]
    assert not wide, f"{name}: wider than 80 characters: {wide}"


IMPORTS = re.compile(r"^(import|from) ", re.MULTILINE)
FILES = re.compile(r"\b(read|write)_(json|parquet|csv)\(")


def is_machinery(cell):
    """Imports, and cells that read or write the run's files and show nothing."""
    return IMPORTS.search(cell.source) or (FILES.search(cell.source) and "print(" not in cell.source)


@pytest.mark.parametrize("name", NAMES)
def test_imports_parameters_and_files_are_folded(name):
    """Reading and writing the run's files, imports and parameters are no lesson: one click away."""
    for cell in code_cells(source(name)):
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags or is_machinery(cell):
            assert "hide-input" in tags, f"{name}: not folded: {cell.source[:200]}"
    for cell in code_cells(committed(name)):
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert hidden == ("hide-input" in cell.metadata.get("tags", [])), "folded in JupyterLab as in the book"


@pytest.mark.parametrize("name", NAMES)
def test_first_screen_is_prose_data_or_a_figure(name):
    cells = source(name).cells
    assert cells[0].cell_type == "markdown" and len(cells[0].source.split()) >= 60
    shown = next(cell for cell in cells[1:] if "hide-input" not in cell.metadata.get("tags", []))
    assert shown.cell_type == "markdown" or not is_machinery(shown)


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
