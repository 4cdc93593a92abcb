"""The plan of the house: which package may import which, held by the contracts in pyproject.toml."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from salesforecast_lib.files import project_root

LIBRARY = project_root() / "salesforecast_lib"
FORBIDDEN = {  # module: an import that the plan of the house forbids there, and the contract that says so
    "sideways": (
        "decisions/inventory/orders.py",
        "decisions.pricing",
        "The rooms of decisions do not import each other",
    ),
    "upwards": ("data/panel.py", "models.windows", "Imports point down the house"),
    "upwards, two floors": ("models/peers/baselines.py", "evaluation.metrics", "Imports point down the house"),
    "into the derivation": ("models/derivation/lstm.py", "data.panel", "The derivation stands alone"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What ``make lint`` says of the imports in ``folder``."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_imports_point_down_the_house():
    done = lint(project_root())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", FORBIDDEN)
def test_a_forbidden_import_is_refused(tmp_path, way):
    module, imported, contract = FORBIDDEN[way]
    shutil.copytree(LIBRARY, tmp_path / "salesforecast_lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project_root() / "pyproject.toml", tmp_path)
    changed = tmp_path / "salesforecast_lib" / module
    changed.write_text(changed.read_text() + f"\nimport salesforecast_lib.{imported}\n")
    done = lint(tmp_path)
    assert done.returncode != 0 and f"{contract} BROKEN" in done.stdout, done.stdout + done.stderr


def test_every_package_says_what_it_exports():
    """A room hands out what its chapter uses, and its docstring says what each name is."""
    import importlib

    for folder in sorted(path.parent for path in LIBRARY.rglob("__init__.py")):
        name = "salesforecast_lib" + "".join(f".{part}" for part in folder.relative_to(LIBRARY).parts)
        package = importlib.import_module(name)
        exported = getattr(package, "__all__", [])
        for export in exported:
            assert f"`{export}`:" in package.__doc__, f"{name} exports {export} without a line on it"
        if list(folder.glob("[a-z]*.py")) and name.count(".") == 2:
            assert 5 <= len(exported) <= 15 or name.endswith("workbook"), f"{name} exports {len(exported)} names"


def test_modules_and_folders_are_small():
    for folder in {path.parent for path in LIBRARY.rglob("*.py")}:
        assert len(list(folder.glob("[a-z]*.py"))) <= 15, f"{folder}: more than 15 modules"
    for module in LIBRARY.rglob("*.py"):
        lines = len(module.read_text(encoding="utf-8").splitlines())
        assert lines <= 265, f"{module}: {lines} lines; split it by what it does"
