"""The description of the server as one page that fetches nothing."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from salesforecast_lib.production.server.snapshot import Snapshot

_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}"
    "pre{background:#8882;padding:.6rem;overflow-x:auto}table{border-collapse:collapse}"
    "td,th{border-bottom:1px solid #8886;padding:.2rem .6rem;text-align:left;vertical-align:top}"
)


def docs_page(described: dict[str, Any], examples: dict[str, Any], server: tuple[str, int | None] | None = None) -> str:
    """HTML of an OpenAPI description; ``examples`` are bodies by path, ``server`` is the host and port that answer."""
    host, port = server or ("127.0.0.1", None)
    address = f"http://{f'[{host}]' if ':' in host else host}" + (f":{port}" if port else "")
    parts, shapes = [], described["components"]["schemas"]
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            parts.append(f"<h2 id='{escape(path)}'>{method.upper()} {escape(path)}</h2>")
            parts.append(f"<p>{escape(told.get('description') or told.get('summary', ''))}</p>")
            if path in examples:
                body = json.dumps(examples[path])
                parts.append(
                    f"<pre>curl -s {escape(address + path)} -H 'content-type: application/json' \\\n  "
                    f"-d {escape(repr(body))}</pre>"
                )
            asked = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            parts += [_shape(name, shapes) for name in _reached(asked, shapes)]
            good = told["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
            found = _reached(good, shapes)
            if found:
                parts.append("<h3>Answer</h3>" + "".join(_shape(name, shapes) for name in found))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(described['info']['title'])}</title>"
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(described['info']['title'])}</h1><p>{escape(described['info']['description'])} "
        '<a href="openapi.json">openapi.json</a></p>' + "".join(parts) + "</body></html>\n"
    )


def examples(snapshot: Snapshot, closed: bool = False) -> dict[str, Any]:
    """Bodies by path that this version of the model answers; ``closed`` names no product of the shop."""
    name, last = "PRODUCT" if closed else snapshot.ids[0], snapshot.at[0].item()
    history = {"history": [3, 5, 4, 6, 5, 9, 2, 4, 4, 5], "last_date": str(snapshot.cutoff), "id": "mine"}
    found: dict[str, Any] = {
        "/forecast": {"series": [history]},
        "/observe": {"observations": [{"id": name, "date": str(snapshot.after(last)), "y": 4}]},
        "/replenish": {"items": [{"id": name, "stock": 12, "lead_time": 2, "service_level": 0.95}]},
    }
    if snapshot.model.told:
        found["/whatif"] = {"ids": [name], "changes": {snapshot.model.told[-1]: 1}}
    return found


def _reached(schema: Any, shapes: dict[str, Any], found: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the shapes that a schema refers to, itself first."""
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in found:
            found = _reached(shapes[name], shapes, (*found, name))
        for key, value in schema.items():
            if key != "$ref":
                found = _reached(value, shapes, found)
    elif isinstance(schema, list):
        for each in schema:
            found = _reached(each, shapes, found)
    return found


def _shape(name: str, shapes: dict[str, Any]) -> str:
    shape = shapes[name]
    needed = shape.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{escape(_kind(told))}</td>"
        f"<td>{'needed' if field in needed else ''}</td><td>{escape(told.get('description', ''))}</td></tr>"
        for field, told in shape.get("properties", {}).items()
    )
    head = "<tr><th>field</th><th>what</th><th></th><th></th></tr>"
    return f"<h4>{escape(name)}</h4><table>{head}{rows}</table>"


def _kind(told: dict[str, Any]) -> str:
    if "$ref" in told:
        return str(told["$ref"]).rpartition("/")[2]
    if "enum" in told:
        return " or ".join(map(str, told["enum"]))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in told:
            return " or ".join(_kind(each) for each in told[several])
    if told.get("type") == "array":
        return f"list of {_kind(told.get('items', {}))}"
    limits = [f"{sign} {told[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in told]
    return " ".join([str(told.get("format") or told.get("type", "anything")), *limits])
