"""The three places that name versions say the same, and the test command is the one the README gives."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from salesforecast_lib.files import project_root

ROOT = project_root()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PYTHONS = ("3.11", "3.12", "3.13")


def _lock(python: str | None = None) -> dict[str, str]:
    """Pins that hold on a Python version, on this one by default."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    rows = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    shape = r'[\w.\-]+==[\w.]+( ; python_version [<=]+ "3.12")?'
    assert all(re.fullmatch(shape, row) for row in rows), "only name==version and a Python version, no path, no index"
    pins = [Requirement(row) for row in rows]
    told = {"python_version": python} if python else None
    held = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(told)]
    assert len(held) == len({_normal(pin.name) for pin in held}), "a package is pinned twice"
    return {_normal(pin.name): str(pin.specifier).removeprefix("==") for pin in held}


def _declared() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    rows = project["dependencies"] + [row for name, extra in extras.items() if name != "peers" for row in extra]
    assert all("==" in row for row in extras["peers"]), "rivals of the benchmark: pinned, but no part of the lock"
    assert all("==" in row for row in rows), "direct dependencies are pinned exactly"
    return {_normal(name): pin for name, pin in (row.split("==") for row in rows)}


def test_pyproject_and_lock_say_the_same_versions():
    for python in PYTHONS:
        lock = _lock(python)
        assert {name: lock.get(name) for name in _declared()} == _declared(), python


def test_lock_holds_what_every_locked_package_needs_on_each_python_version():
    """Of what is installed here; what only another version needs has its pin with a marker."""
    for python in PYTHONS:
        lock, lacking = _lock(python), {}
        for name in set(lock) & set(_lock()):
            for text in requires(name) or ():
                need = Requirement(text)
                told = {"python_version": python, "python_full_version": f"{python}.9", "extra": ""}
                if need.marker is not None and not need.marker.evaluate(told):
                    continue
                if re.match("nvidia|cuda|triton", need.name):
                    continue  # torch's, for graphics cards: pip takes them with the build that needs them
                if _normal(need.name) not in lock or not need.specifier.contains(lock[_normal(need.name)]):
                    lacking[f"{name} needs {need}"] = lock.get(_normal(need.name), "not locked")
        assert not lacking, f"Python {python}: {lacking}"


def test_lock_has_no_platform_build_and_not_the_project_itself():
    lock = _lock()
    assert "+" not in lock["torch"]
    assert "salesforecast" not in lock


def test_environment_yml_takes_its_versions_from_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert environment["dependencies"] == [f"python{allowed}", "pip", {"pip": ["-r requirements.lock"]}]
    for python in PYTHONS:
        assert SpecifierSet(allowed).contains(f"{python}.9") and python in (ROOT / "README.md").read_text()
    assert not SpecifierSet(allowed).contains("3.14.0") and not SpecifierSet(allowed).contains("3.10.9")


STUB = """#!/bin/sh
case "$1 $2" in
"-c "*) exit {status};;
"-m venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo {name} > chosen;;
esac
"""


@pytest.mark.parametrize(
    "there, chosen",
    [
        ({"python3.11": 0, "python3.12": 0, "python3.13": 0, "python3": 0}, "python3.13"),
        ({"python3.11": 0, "python3.12": 0, "python3": 0}, "python3.12"),
        ({"python3.13": 1, "python3.11": 0}, "python3.11"),  # there, but it does not start
        ({"python3": 0}, "python3"),
        ({"python3": 1}, None),
    ],
)
def test_make_takes_the_newest_python_that_it_finds(tmp_path, there, chosen):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "mkdir", "cp", "touch", "test"):
        (programs / name).symlink_to(shutil.which(name))
    for name, status in there.items():
        (programs / name).write_text(STUB.format(status=status, name=name))
        (programs / name).chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    made = subprocess.run(
        [shutil.which("make"), "setup"], cwd=tmp_path, env={"PATH": str(programs)}, capture_output=True, text=True
    )
    if chosen is None:
        assert made.returncode != 0 and "No Python from 3.11.5 to 3.13 found" in made.stdout
    else:
        assert made.returncode == 0, made.stderr
        assert (tmp_path / "chosen").read_text().strip() == chosen


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
