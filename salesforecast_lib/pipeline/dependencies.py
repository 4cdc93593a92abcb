"""Which modules of the library a notebook depends on, read from its imports and from those of what it imports."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

from salesforecast_lib.files import project_root

LIBRARY = "salesforecast_lib"


def _file(module: str, root: Path) -> Path | None:
    """File of a module or package of the library below ``root``; None when there is none of that name."""
    place = root.joinpath(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


@cache  # stages share most modules: each text is parsed once
def _imported(text: str) -> tuple[str, ...]:
    """Dotted names that the imports of a source may mean: ``from a import b`` can be a name in a or a module a.b."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    return tuple(names)


def library_files(source: Path, root: Path | None = None) -> list[Path]:
    """Files of the library that ``source`` (a notebook's .py or a module) imports, directly or through the library.

    Importing a module runs the packages above it too, so their ``__init__`` and what they import count as well.

    Parameters
    ----------
    root : folder that holds the library; the project's by default.
    """
    root = root or project_root()
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        for name in _imported(waiting.pop().read_text(encoding="utf-8")):
            parts = name.split(".")
            if parts[0] != LIBRARY:
                continue
            for depth in range(1, len(parts) + 1):
                file = _file(".".join(parts[:depth]), root)
                if file and file not in found:
                    found.add(file)
                    waiting.append(file)
    return sorted(found)


def library_hash(source: Path, root: Path | None = None) -> str:
    """Hash of the library's source that ``source`` depends on: a changed formula makes its result stale."""
    root = root or project_root()
    digest = hashlib.sha256()
    for file in library_files(source, root):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
