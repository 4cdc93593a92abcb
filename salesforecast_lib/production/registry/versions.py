"""Versions of a run's model folders: published beside each other, one of them current, the last ones kept.

The log is the truth. A folder without its line is no version yet; a line whose folder was lost is passed over. So a
crash between any two steps leaves the version current that was current before, or the next one whole.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from salesforecast_lib.files import sha256_of
from salesforecast_lib.production.registry.log import FOLDER, append, entries, sync
from salesforecast_lib.production.version_log import has_live, serving_line

DESCRIPTION = "model.json"
_NAME = re.compile(r"v(\d{6})")
Step = Callable[[str], None]


def _nothing(name: str) -> None:
    """Called before each step; tests stop a process there."""


@contextmanager
def _held(run: Path) -> Iterator[None]:
    """Hold the registry of a run; the operating system frees it, however the process ends."""
    from filelock import FileLock

    (run / FOLDER).mkdir(parents=True, exist_ok=True)
    with FileLock(run / FOLDER / ".lock"):
        yield


def verify(folder: Path) -> dict[str, Any]:
    """The description of a model folder, every file of it held against its SHA-256.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file that is missing or was changed.
    """
    file = folder / DESCRIPTION
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file; expected a model folder, as the export writes it")
    info: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for name, digest in info.get("files", {}).items():
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{path}: is missing; publish the model folder again")
        if sha256_of(path) != digest:
            raise ValueError(f"{path}: was changed since it was written; publish the model folder again")
    return info


def versions(run: Path) -> list[str]:
    """Versions whose folder is there and which the log knows, oldest first."""
    told = dict.fromkeys(str(entry.get(key) or "") for entry in entries(run) for key in ("model", "version"))
    return [name for name in told if name and (run / FOLDER / name / DESCRIPTION).is_file()]


def line_of_current(run: Path) -> list[str]:
    """The versions that were current, the current one last; what was rolled back from is not among them."""
    return [name for name in serving_line(run / FOLDER) if (run / FOLDER / name / DESCRIPTION).is_file()]


def current(run: Path) -> str | None:
    """The version that serves, None before the first promotion."""
    line = line_of_current(run)
    return line[-1] if line else None


def model_folder(run: Path, version: str = "") -> Path:
    """Where a version lies, by default the current one.

    Raises
    ------
    FileNotFoundError
        When there is no such version, or none was promoted.
    """
    name = version or current(run)
    if name is None:
        raise FileNotFoundError(f"{run / FOLDER}: no model was promoted yet; publish and promote one first")
    if name not in versions(run):
        known = ", ".join(versions(run)) or "none"
        raise FileNotFoundError(f"{run / FOLDER / name}: no such version; there are {known}")
    return run / FOLDER / name


def next_version(run: Path) -> str:
    """Name of the version that comes next: no line of the log has had it."""
    names = [str(entry.get(key)) for entry in entries(run) for key in ("model", "version")]
    numbers = [int(found[1]) for name in names if (found := _NAME.fullmatch(name))]
    return f"v{max(numbers, default=0) + 1:06d}"


def publish(run: Path, folder: Path, who: str = "nightly", step: Step = _nothing, **told: Any) -> str:
    """Copy a model folder into the registry as the next version; it does not serve before it is promoted.

    The same folder again is the same version, where that is the newest.

    Raises
    ------
    FileNotFoundError, ValueError
        When the folder is not whole.
    """
    verify(folder)
    digest = sha256_of(folder / DESCRIPTION)
    with _held(run):
        _sweep(run)
        there = [entry for entry in entries(run) if entry.get("what") == "published"]
        if there and there[-1].get("sha256") == digest and there[-1].get("model") in versions(run):
            return str(there[-1]["model"])
        version = next_version(run)
        place = run / FOLDER
        fresh, target = place / f".{version}.tmp", place / version
        step("copy")
        shutil.rmtree(target, ignore_errors=True)  # of a publication that was cut off before its line
        shutil.copytree(folder, fresh)
        step("force to the disk")
        for path in fresh.rglob("*"):
            sync(path)
        step("rename")
        fresh.rename(target)
        sync(place)
        step("log")
        append(run, "published", version, current(run), who, sha256=digest, **told)
        step("end")
    return version


def promote(run: Path, version: str, who: str = "nightly", step: Step = _nothing, **told: Any) -> None:
    """Make a published version the one that serves; verified before, so that what serves is whole.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no such version, or it is not whole.
    """
    with _held(run):
        step("verify")
        verify(model_folder(run, version))
        if current(run) == version:
            return
        step("log")
        append(run, "promoted", version, version, who, **told)
        step("end")


def refuse(run: Path, version: str, why: str, who: str = "nightly", **told: Any) -> None:
    """Write down that a version did not pass the gate."""
    with _held(run):
        append(run, "refused", version, current(run), who, why=why, **told)


def rollback(run: Path, who: str = "command", step: Step = _nothing, why: str = "") -> tuple[str, str]:
    """Go back to the version that served before; from and to.

    Raises
    ------
    ValueError
        When there is none before.
    """
    with _held(run):
        line = line_of_current(run)
        if len(line) < 2:
            there = f"only {line[0]} has served" if line else "no model was promoted yet"
            raise ValueError(f"{run / FOLDER}: there is nothing to go back to: {there}")
        step("verify")
        verify(run / FOLDER / line[-2])
        step("log")
        append(run, "rolled back", line[-1], line[-2], who, why=why)
        step("end")
        return line[-1], line[-2]


def retain(run: Path, last: int = 5, who: str = "nightly", step: Step = _nothing) -> list[str]:
    """Remove the oldest versions but the ``last`` ones, the current one and the one before it; their names.

    The newest one that a server can answer with stays, too.

    Raises
    ------
    ValueError
        When ``last`` is below 1.
    """
    if last < 1:
        raise ValueError(f"last={last}: expected at least 1 version to keep")
    with _held(run):
        _sweep(run)
        line = line_of_current(run)
        live = [name for name in line if has_live(run / FOLDER / name)]
        keep = {*versions(run)[-last:], *line[-2:], *live[-1:]}
        old = [name for name in versions(run) if name not in keep]
        for name in old:
            step(f"log {name}")
            append(run, "removed", name, current(run), who)
            step(f"rename {name}")
            gone = run / FOLDER / f".{name}.old"
            (run / FOLDER / name).rename(gone)
            step(f"remove {name}")
            shutil.rmtree(gone)
        step("end")
    return old


def _sweep(run: Path) -> None:
    """Remove what a crash left half-done: temporary folders, and versions whose removal was logged."""
    place = run / FOLDER
    for path in [*place.glob(".v*.tmp"), *place.glob(".v*.old")]:
        shutil.rmtree(path, ignore_errors=True)
    needed = line_of_current(run)[-2:]
    for entry in entries(run):
        if entry.get("what") == "removed" and entry.get("model") not in needed:
            shutil.rmtree(place / str(entry["model"]), ignore_errors=True)
