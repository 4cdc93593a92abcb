"""Parameters of the notebooks: what exists, of which type, and whether a value fits. Nothing runs before it does."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import yaml

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.stages import STAGES, Stage

_OUR_NAMES = (
    "order_id", "product_id", "timestamp", "quantity", "unit_price", "line_total", "customer_id", "location_id",
    "discount", "promotion", "unique_id", "ds", "y", "available", "open", "stock", "end",
)  # fmt: skip
_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: ``name: type = default  # comment``."""

    name: str
    type: str
    default: Any
    comment: str


class ParameterError(ValueError):
    """A parameter is unknown, or its value has the wrong type."""


def declared(source: Path) -> dict[str, Parameter]:
    """Parameters of a notebook's source; raises ParameterError when the cell holds anything but typed literals."""
    for cell in jupytext.read(source).cells:
        if "parameters" in cell.metadata.get("tags", []):
            break
    else:
        raise ParameterError(f"{source.name}: no cell is tagged 'parameters'")
    lines, found = cell.source.splitlines(), {}
    for node in ast.parse(cell.source).body:
        if not (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.annotation, ast.Name)
            and node.value is not None
        ):
            raise ParameterError(
                f"{source.name}: line {node.lineno} of the parameters cell: expected 'name: type = literal  # comment'"
            )
        line = lines[node.lineno - 1]
        comment = line.split("#", 1)[1].strip() if "#" in line else ""
        found[node.target.id] = Parameter(node.target.id, node.annotation.id, ast.literal_eval(node.value), comment)
    return found


def all_parameters(stages: Iterable[Stage] = STAGES) -> dict[str, Parameter]:
    """Every parameter of the stages, by name."""
    return {name: parameter for stage in stages for name, parameter in declared(stage.source).items()}


def _fits(value: Any, kind: str) -> bool:
    expected = _TYPES[kind]
    if expected is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, expected) and not (expected is int and isinstance(value, bool))


def check(values: Mapping[str, Any], stages: Iterable[Stage] = STAGES) -> dict[str, Any]:
    """The same values, floats as floats; raises ParameterError on an unknown name or a wrong type."""
    known, checked = all_parameters(stages), {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            raise ParameterError(
                f"parameter {name!r} is unknown; "
                + (f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(sorted(known))}")
            )
        kind = known[name].type
        if not _fits(value, kind):
            hint = " (YAML reads 1e-3 as text: write 1.0e-3)" if kind == "float" and isinstance(value, str) else ""
            raise ParameterError(f"parameter {name}={value!r}: expected {kind}, got {type(value).__name__}{hint}")
        checked[name] = float(value) if kind == "float" else value
    return checked


def read_values(file: Path) -> dict[str, Any]:
    """Values of a YAML file; raises ParameterError when it is no mapping."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ParameterError(f"{file}: not YAML ({str(error)[:200]})") from error
    if not isinstance(values, dict):
        raise ParameterError(f"{file}: expected lines 'name: value'")
    return values


def load_profile(profile: str) -> dict[str, Any]:
    """Values of ``book/profiles/PROFILE.yml``, or of a YAML file given by its path."""
    folder = project_root() / "book" / "profiles"
    file = Path(profile) if profile.endswith((".yml", ".yaml")) else folder / f"{profile}.yml"
    if not file.is_file():
        raise ParameterError(
            f"profile {profile!r}: no such file {file}; there are "
            f"{', '.join(sorted(path.stem for path in folder.glob('*.yml')))}"
        )
    return read_values(file)


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """``name=value`` pairs, the value read as YAML."""
    values = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise ParameterError(f"-p {text!r}: expected name=value")
        try:
            values[name.strip()] = yaml.safe_load(value) if value.strip() else ""
        except yaml.YAMLError as error:
            raise ParameterError(f"-p {text!r}: the value is not YAML ({str(error)[:120]})") from error
        if name.strip() in ("path", "stock_file"):
            values[name.strip()] = value
    return values


def parse_columns(texts: Iterable[str]) -> dict[str, str]:
    """Column map from texts such as ``quantity=Qty,unit_price=Price, EUR``.

    A comma ends a name only where one of our names and its sign follow, so headers may hold commas and ``#``.
    """
    found: dict[str, str] = {}
    for text in texts:
        for pair in re.split(rf",(?=\s*(?:{'|'.join(_OUR_NAMES)})\s*[=:])", text.strip().strip("{}")):
            ours, sign, theirs = pair.partition("=")
            if not sign or not ours.strip():
                raise ParameterError(f"columns {text!r}: expected our=theirs,our=theirs")
            found[ours.strip()] = theirs.strip()
    return found


def for_stage(stage: Stage, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that this notebook declares."""
    own = declared(stage.source)
    return {name: value for name, value in values.items() if name in own}
