"""A stage depends on the modules that its notebook imports, directly and through the library, and on no others."""

import shutil

import pytest

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.dependencies import library_files, library_hash

NOTEBOOKS = {
    "inventory": "from salesforecast_lib.decisions.inventory import constraints, simulator\n",
    "pricing": "import salesforecast_lib.decisions.pricing as pricing\n",
    "lazy": "def late():\n    from salesforecast_lib.decisions.alerts.grid import build_grid\n",
    "none": "import pandas as pd\n",
}


@pytest.fixture
def copy(tmp_path):
    """A copy of the library, and notebooks that import a part of it."""
    library = project_root() / "salesforecast_lib"
    shutil.copytree(library, tmp_path / library.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in NOTEBOOKS.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def stale(copy, touched):
    """Names of the notebooks whose library has changed after ``touched`` got another line."""
    before = {name: library_hash(copy / f"{name}.py", copy) for name in NOTEBOOKS}
    module = copy / "salesforecast_lib" / touched
    module.write_text(module.read_text() + "\n# touched\n")
    return {name for name in NOTEBOOKS if library_hash(copy / f"{name}.py", copy) != before[name]}


@pytest.mark.parametrize(
    ("touched", "expected"),
    [
        ("decisions/pricing/elasticity.py", {"pricing"}),
        ("decisions/inventory/simulator.py", {"inventory"}),
        ("decisions/alerts/grid.py", {"lazy"}),
        ("decisions/solver.py", {"inventory", "pricing"}),  # two rooms need it: through the library
        ("models/networks/encoders.py", set()),
        ("pipeline/runner.py", set()),
    ],
)
def test_a_touched_module_makes_those_stale_that_import_it(copy, touched, expected):
    assert stale(copy, touched) == expected


def test_a_moved_module_makes_stale(copy):
    before = library_hash(copy / "pricing.py", copy)
    extra = copy / "salesforecast_lib" / "decisions" / "pricing" / "extra.py"
    extra.write_text("")
    assert library_hash(copy / "pricing.py", copy) == before, "nobody imports it yet"
    init = extra.with_name("__init__.py")
    init.write_text(init.read_text() + "import salesforecast_lib.decisions.pricing.extra  # noqa\n")
    assert extra in library_files(copy / "pricing.py", copy)
