"""Parameters of the notebooks: what exists, of which type, and whether a value fits. Nothing runs before it does."""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.pipeline.values import (
    OWN_DATASETS,
    ParameterError,
    check_value,
    columns_of,
    parse_columns,
    read_text,
    read_yaml,
)

__all__ = [
    "Parameter",
    "ParameterError",
    "check",
    "columns_of",
    "declared",
    "load_profile",
    "parse_assignments",
    "parse_columns",
]

_HINTS = {
    "float": " (YAML reads 1e-3 as text: write 1.0e-3)",
    "list": "; write it in brackets, for example [brand, category]",
    "dict": "; write it in braces, for example {quantity: Qty}",
    "bool": "; write true or false",
}
_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: ``name: type = default  # comment``."""

    name: str
    type: str
    default: Any
    comment: str


def parameters_cell(text: str) -> str | None:
    """Source of the cell tagged ``parameters`` in a py:percent text; None without one.

    Read here and not by jupytext, whose import alone takes longer than an error message may.
    """
    cells = re.split(r"^# %%(.*)$", text, flags=re.MULTILINE)  # what precedes, then options and source in turn
    for options, source in zip(cells[1::2], cells[2::2], strict=True):
        tags = re.search(r"\btags=(\[[^\]]*\])", options)
        if tags and "[markdown]" not in options and "parameters" in json.loads(tags[1]):
            return source.strip("\n")
    return None


def declared(source: Path) -> dict[str, Parameter]:
    """Parameters of a notebook's source; raises ParameterError when the cell holds anything but typed literals."""
    return _declared(source.name, source.read_text(encoding="utf-8"))


@cache  # every stage asks several times
def _declared(name: str, text: str) -> dict[str, Parameter]:
    source = Path(name)
    cell = parameters_cell(text)
    if cell is None:
        raise ParameterError(f"{name}: no cell is tagged 'parameters'")
    lines, found = cell.splitlines(), {}
    for node in ast.parse(cell).body:
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
            hint = _HINTS.get(kind, "") if isinstance(value, str) else ""
            raise ParameterError(f"parameter {name}={value!r}: expected {kind}, got {type(value).__name__}{hint}")
        checked[name] = float(value) if kind == "float" else value
        if name == "country" and values.get("dataset") in OWN_DATASETS:
            continue  # may be a column: `check_header` looks at the file
        try:
            check_value(name, checked[name])
        except ValueError as error:
            raise ParameterError(str(error)) from None
    return checked


def kinds(stages: Iterable[Stage] = STAGES) -> dict[str, str]:
    """Declared type of every parameter: how the text of its value is read."""
    return {name: parameter.type for name, parameter in all_parameters(stages).items()}


def read_values(file: Path, types: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Values of a YAML file; raises ParameterError when it is no mapping.

    Parameters
    ----------
    types : declared type by name; texts are taken as they stand (``country: NO`` is no truth value). By default those
        of the notebooks' parameters.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{file}: cannot be read as UTF-8 text ({str(error)[:120]}); save it as UTF-8") from None
    return read_yaml(text, str(file), kinds() if types is None else types)


def load_profile(profile: str) -> dict[str, Any]:
    """Values of ``book/profiles/PROFILE.yml``, or of a YAML file given by its path."""
    folder = project_root() / "book" / "profiles"
    file = profile_file(profile)
    if not file.is_file():
        raise ParameterError(
            f"profile {profile!r}: no such file {file}; there are "
            f"{', '.join(sorted(path.stem for path in folder.glob('*.yml')))}"
        )
    return read_values(file)


def profile_file(profile: str) -> Path:
    """Where a profile lies: a name means ``book/profiles/NAME.yml``, a path to a YAML file itself."""
    folder = project_root() / "book" / "profiles"
    return Path(profile) if profile.endswith((".yml", ".yaml")) else folder / f"{profile}.yml"


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """``name=value`` pairs; the declared type says how a value is read: texts as they stand, all others as YAML."""
    values, types = {}, kinds()
    for text in assignments:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not sign or not name:
            raise ParameterError(f"-p {text!r}: expected name=value")
        values[name] = read_text(name, value, types.get(name, ""))
    return values


def for_stage(stage: Stage, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that this notebook declares."""
    own = declared(stage.source)
    return {name: value for name, value in values.items() if name in own}
