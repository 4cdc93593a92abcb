"""Atomic files and one place that resolves paths, whatever folder the caller stands in."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd  # a third of a second, which an error message need not wait for

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and full-width ones
_FORMULA = re.compile(f"'*[{re.escape(''.join(FORMULA_STARTS))}]")


def project_root() -> Path:
    """Folder that holds ``salesforecast_lib``; relative paths are resolved against it."""
    return Path(__file__).resolve().parent.parent


def resolve(path: str | Path) -> Path:
    """Absolute form of ``path``; papermill and nbval run in different folders, this does not."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else project_root() / path


def atomically(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Call ``write`` on a temporary neighbour of ``path`` and rename it, so no file is half-written."""
    target = resolve(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def folder_atomically(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Call ``write`` on a new empty neighbour of ``path`` and put it in its place whole, or leave what is there."""
    target = resolve(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (target.with_name(f".{target.name}.{os.getpid()}.{word}") for word in ("tmp", "old"))
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        write(fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return target


def inside(folder: Path, name: str) -> Path:
    """The path of a file that a folder's own list names; raises ValueError where it, or its link, leads outside."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{folder}: its list names {name!r}, which lies outside the folder; get the folder anew")
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its name there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def write_parquet(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write ``frame`` as Parquet without its index."""
    return atomically(path, lambda p: frame.to_parquet(p, index=False))


def write_json(value: Any, path: str | Path) -> Path:
    """Write ``value`` as indented JSON with sorted keys; refuses NaN and infinity."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, default=str)
    return write_text(text + "\n", path)


def write_text(text: str, path: str | Path) -> Path:
    """Write UTF-8 text."""
    return atomically(path, lambda p: _write(p, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def escape_formula(text: str) -> str:
    """Prefix a quote to text that a spreadsheet would run as a formula (OWASP, CSV injection); see `unescape_formula`.

    Text that begins with quotes before such a sign gets one more, so that each text comes back as it was.
    """
    return "'" + text if _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """The text before `escape_formula`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def empty_table(types: Mapping[str, str]) -> pd.DataFrame:
    """A table without rows whose columns have the types of a full one; ``types`` maps column to dtype."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def write_csv(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write ``frame`` as CSV for a planner's spreadsheet; text cells can never become formulas."""
    import pandas as pd

    safe = frame.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]) and not pd.api.types.is_datetime64_any_dtype(safe[column]):
            safe[column] = safe[column].map(lambda v: escape_formula(v) if isinstance(v, str) else v)
    safe.columns = [escape_formula(str(column)) for column in safe.columns]
    return atomically(path, lambda p: safe.to_csv(p, index=False, quoting=csv.QUOTE_NONNUMERIC))


def read_json(path: str | Path) -> Any:
    """Read a JSON file; raises FileNotFoundError that names it."""
    return json.loads(resolve(path).read_text(encoding="utf-8"))


def run_record(run_dir: str | Path) -> dict[str, Any]:
    """What is known of the last run in a folder: its ``command``, and whether it has ``finished``."""
    file = resolve(run_dir) / "run.json"
    return read_json(file) if file.is_file() else {}


def finish_hint(run_dir: str | Path) -> str:
    """The command that finishes the run in ``run_dir``: its own, or how to give it again where it was not kept."""
    command = run_record(run_dir).get("command")
    return command or (
        f"salesforecast run --run-dir {shlex.quote(str(resolve(run_dir)))} "
        "with the profile and the parameters that it was begun with"
    )
