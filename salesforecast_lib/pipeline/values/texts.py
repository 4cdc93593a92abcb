"""From what a user writes, on the command line or in YAML, to values: texts stay the texts that they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from salesforecast_lib.pipeline.values.checks import MAY_LACK, RULES

# Our names of columns, on the left of a column map: order lines, panels, stock and plan files.
COLUMN_NAMES = (
    *("order_id", "product_id", "timestamp", "quantity", "unit_price", "line_total"),
    *("customer_id", "location_id", "discount", "promotion"),
    *("unique_id", "ds", "y", "available", "open", "stock", "end"),
)
_NEXT = re.compile(rf",\s*(?=(?:{'|'.join(COLUMN_NAMES)})\s*[=:])")
_PAIR = re.compile(r"\s*[\"']?([^\W\d]\w*)[\"']?\s*[=:]\s*(.*?)\s*", re.DOTALL)
_WHOLE = re.compile(r"[+-]?[0-9][0-9_]*")


class ParameterError(ValueError):
    """A parameter is unknown, or its value is none that it can have."""


def unquoted(text: str) -> str:
    """``text`` without blanks around it and without the quotes that enclose all of it; other quotes stay."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        try:
            inner = yaml.load(text, yaml.BaseLoader)
        except yaml.YAMLError:
            return text
        return inner if isinstance(inner, str) else text
    return text


def _pairs(parts: list[str], text: str) -> dict[str, str]:
    """Each part as our name and the header; raises ParameterError on a part without a name, or a name given twice."""
    found: dict[str, str] = {}
    for part in parts:
        pair = _PAIR.fullmatch(part)
        header = unquoted(pair[2]) if pair else ""
        if pair is None or not (header or pair[1] in MAY_LACK):
            raise ParameterError(
                f"columns {text!r}: {part.strip()!r} is no 'our name=name in the file'; our names are "
                f"{', '.join(COLUMN_NAMES)}"
            )
        if pair[1] in found:
            raise ParameterError(f"columns {text!r}: {pair[1]} is given twice; keep one of the two")
        found[pair[1]] = header
    return found


def _quoted_map(text: str) -> dict[str, str] | None:
    """The map when ``text`` is YAML whose every name is like ours and has a header; else None."""
    try:
        read = yaml.load(text, yaml.BaseLoader)
    except yaml.YAMLError:
        return None
    if not isinstance(read, dict) or not all(isinstance(value, str) and value for value in read.values()):
        return None
    return read if all(re.fullmatch(r"[a-z_][a-z0-9_]*", str(name)) for name in read) else None


def parse_columns(text: str) -> dict[str, str]:
    """A column map from one line of text: ``{our name: name in the file}``.

    Both ``{order_id: Order #, unit_price: Price, EUR}`` and ``order_id=Order #,unit_price=Price, EUR`` are understood:
    a header may hold commas, colons, ``#`` and quotes; a new pair begins only at a comma before one of our names
    (`COLUMN_NAMES`), or before any lower-case name where every part between commas is a pair. Quotes around a whole
    header are taken off.

    Raises
    ------
    ParameterError
        When a part names no column of ours, or one is named twice.
    """
    text = text.strip()
    braces = text.startswith("{") and text.endswith("}")
    inner = text[1:-1].strip() if braces else text
    if not inner:
        return {}
    parts = _NEXT.split(inner)
    twice = [name for name in COLUMN_NAMES if sum(bool(re.match(rf"{name}\s*[=:]", part)) for part in parts) > 1]
    if braces and not twice:
        read = _quoted_map(text)
        if read is not None:
            return read
    simple = inner.split(",")
    if all(re.match(r"\s*[a-z_][a-z0-9_]*\s*=\s*\S", part) for part in simple):
        parts = simple
    return _pairs(parts, text)


def columns_of(texts: Iterable[str]) -> dict[str, str]:
    """One column map from all that a repeated option ``--column our=theirs`` was given; see `parse_columns`."""
    return {ours: theirs for text in texts for ours, theirs in parse_columns(text).items()}


_HINT = 'a text that holds a colon, a comma, # or brackets needs quotes around it, for example name: "Order #"'


def _as_read(node: yaml.Node, plain: bool) -> Any:
    """Value of a YAML node; with ``plain`` every scalar in it is its own text."""
    loader = (yaml.BaseLoader if plain else yaml.SafeLoader)("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _value(name: str, node: yaml.Node, kind: str) -> Any:
    """Value of a parameter of the declared type ``kind`` from its YAML node."""
    scalar = isinstance(node, yaml.ScalarNode)
    if kind == "str":
        return _as_read(node, plain=True)  # NO, on and 1e3 are texts; so they are in the lists of a sweep
    if scalar and kind == "int":
        if node.style is None and _WHOLE.fullmatch(node.value):
            return int(node.value)  # not YAML's: it reads 010 as eight
        value = _as_read(node, plain=False)
        return node.value if type(value) is int else value  # nor 1:30, which it reads as ninety
    if kind in ("dict", "list") and name in RULES and RULES[name].kind == "text":
        if scalar and kind == "dict" and name == "columns":
            return parse_columns(node.value)
        if scalar and not node.value:
            return {} if kind == "dict" else []
        return _as_read(node, plain=True)
    return _as_read(node, plain=False)


def read_text(name: str, text: str, kind: str) -> Any:
    """Value of parameter ``name`` from the text behind ``name=`` on the command line.

    Raises
    ------
    ParameterError
        With what to write, when the text is not what YAML can read.
    """
    if kind == "str":
        file = name in RULES and RULES[name].kind in ("file", "folder")
        return text if file else unquoted(text)
    if kind == "dict" and name == "columns":
        return parse_columns(text)
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        return "" if node is None else _value(name, node, kind)
    except yaml.YAMLError as error:
        where = str(getattr(error, "problem", None) or error)[:120]
        raise ParameterError(f"-p {name}={text}: the value is not YAML ({where}); {_HINT}") from None


def read_yaml(text: str, source: str, types: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of a YAML text ``name: value``, each read by its declared type; ``source`` is named in errors.

    Raises
    ------
    ParameterError
        With the line and what to write, when it is not YAML or no mapping.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise ParameterError(f"{source}: expected lines 'name: value'")
        values: dict[str, Any] = {}
        for key, value in node.value:
            name = str(_as_read(key, plain=True))
            if name in values:
                raise ParameterError(f"{source}, line {key.start_mark.line + 1}: {name} is given twice; keep one")
            values[name] = _value(name, value, types.get(name, ""))
        return values
    except yaml.YAMLError as error:
        mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)  # where the fault begins
        line = f", line {mark.line + 1}" if mark else ""
        problem = str(getattr(error, "problem", None) or error)[:120]
        raise ParameterError(f"{source}{line}: not YAML ({problem}); {_HINT}") from None
