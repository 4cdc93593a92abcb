"""Whether two runs published the same: files, tables, metrics and checked cells, bit for bit but for durations.

``python -m tests.unit.pipeline.engines.same_run RUN RUN`` prints what differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.pipeline.stages import STAGES

# Names of columns and of JSON keys that hold durations; nothing else may differ.
DURATIONS = frozenset({"seconds", "windows_per_second"})
# What belongs to the run itself: when and with which command it was made, and where it lies.
OWN = frozenset({"run.json", "parameters.json"})


def differences(one: Path, other: Path, durations: Collection[str] = DURATIONS) -> list[str]:
    """What differs, a line each; empty where the runs are the same.

    Parameters
    ----------
    durations : names that are left out.
    """
    files = [published(folder) for folder in (one, other)]
    found = [f"{name}: only in one of them" for name in sorted(files[0] ^ files[1])]
    for name in sorted(files[0] & files[1]):
        found += [f"{name}: {what}" for what in _apart(one / name, other / name, durations)]
    return found


def published(folder: Path) -> set[str]:
    """Files of a run, without its state and what is its own."""
    names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    names = {name for name in names if not any(part.startswith(".") for part in name.parts)}
    return {str(name) for name in names if str(name) not in OWN and "checkpoints" not in name.parts}


def _apart(one: Path, other: Path, durations: Collection[str]) -> Iterator[str]:
    if one.suffix == ".json":
        left, right = (_without(json.loads(path.read_text()), durations) for path in (one, other))
        yield from _values_apart(left, right)
    elif one.suffix in (".parquet", ".csv"):
        read = pd.read_parquet if one.suffix == ".parquet" else pd.read_csv
        left, right = (read(path) for path in (one, other))
        yield from _tables_apart(left, right, durations)
    elif one.suffix == ".ipynb":
        left, right = (_checked(json.loads(path.read_text())) for path in (one, other))
        for cell in sorted({**left, **right}):
            if left.get(cell) != right.get(cell):
                yield f"cell {cell}: {left.get(cell)!r} and {right.get(cell)!r}"
    elif one.read_bytes() != other.read_bytes():
        yield "other bytes"


def _tables_apart(left: pd.DataFrame, right: pd.DataFrame, durations: Collection[str]) -> Iterator[str]:
    if list(left) != list(right) or len(left) != len(right):
        yield f"{len(left)} rows of {list(left)}, {len(right)} rows of {list(right)}"
        return
    for name in left:
        if name not in durations and not left[name].equals(right[name]):
            yield f"column {name} differs"


def _without(value: Any, durations: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(each, durations) for key, each in value.items() if key not in durations}
    return [_without(each, durations) for each in value] if isinstance(value, list) else value


def _values_apart(left: Any, right: Any, place: str = "") -> Iterator[str]:
    if isinstance(left, dict) and isinstance(right, dict) and set(left) == set(right):
        for key in left:
            yield from _values_apart(left[key], right[key], f"{place}/{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from _values_apart(*pair, f"{place}/{number}")
    elif left != right and not (left != left and right != right):  # a missing number is itself
        yield f"{place or '/'}: {left!r} and {right!r}"


def _checked(notebook: dict[str, Any]) -> dict[str, str]:
    """Text by cell id of the cells whose output must be the same everywhere."""
    cells = [each for each in notebook["cells"] if "nbval-check-output" in each["metadata"].get("tags", [])]
    return {each["id"]: "".join("".join(out.get("text", [])) for out in each["outputs"]) for each in cells}


def stages_of(folder: Path) -> list[str]:
    """Stages whose notebook a run has."""
    return [stage.name for stage in STAGES if (folder / "notebooks" / f"{stage.name}.ipynb").is_file()]


if __name__ == "__main__":
    apart = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(apart) or f"the same: {', '.join(stages_of(Path(sys.argv[1])))}")
    sys.exit(bool(apart))
