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
