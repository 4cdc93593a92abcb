"""The three places that name versions say the same, and the test command is the one the README gives."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest
import yaml

from salesforecast_lib.files import project_root

ROOT = project_root()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    rows = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.\-]+==[\w.]+", row) for row in rows), "only name==version, no path, no index"
    return {_normal(name): pin for name, pin in (row.split("==") for row in rows)}


def _declared() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    rows = project["dependencies"] + [row for name, extra in extras.items() if name != "peers" for row in extra]
    assert all("==" in row for row in extras["peers"]), "rivals of the benchmark: pinned, but no part of the lock"
    assert all("==" in row for row in rows), "direct dependencies are pinned exactly"
    return {_normal(name): pin for name, pin in (row.split("==") for row in rows)}


def test_pyproject_and_lock_say_the_same_versions():
    lock = _lock()
    assert {name: lock.get(name) for name in _declared()} == _declared()


def test_lock_has_no_platform_build_and_not_the_project_itself():
    lock = _lock()
    assert "+" not in lock["torch"]
    assert "salesforecast" not in lock


def test_environment_yml_takes_its_versions_from_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["dependencies"] == ["python=3.11", "pip", {"pip": ["-r requirements.lock"]}]
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert requires == ">=3.11,<3.12"


def test_installed_versions_are_the_locked_ones():
    different = {}
    for name, pin in _lock().items():
        try:
            installed = version(name).split("+")[0]
        except PackageNotFoundError:
            installed = "not installed"
        if installed != pin:
            different[name] = (installed, pin)
    assert not different, f"installed, locked: {different}; run 'make setup'"


def test_ci_runs_the_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert [line for line in script.splitlines() if line and not line.startswith("#")][-1] == "exec make test"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("README.md is not written yet")
    assert "make test" in readme.read_text()
