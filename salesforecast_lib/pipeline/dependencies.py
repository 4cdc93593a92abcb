"""Which modules of the library a notebook depends on, read from its imports and from those of what it imports."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from salesforecast_lib.files import project_root

LIBRARY = "salesforecast_lib"


def _modules(root: Path) -> dict[str, Path]:
    """Files of the library below ``root`` by dotted name; a package is its ``__init__``."""
    files = (root / LIBRARY).rglob("*.py")
    return {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements of a source, those inside of functions and branches too; imports are nowhere else."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, part, ())
            yield from inner
            waiting += inner


@cache  # stages share most modules: each text is parsed once
def _imported(text: str) -> frozenset[str]:
    """Dotted names that the imports of a source may mean, with those above: ``from a import b`` can be a or a.b."""
    names: set[str] = set()
    for node in _statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    parts = [name.split(".") for name in names]
    return frozenset(".".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1))


def library_files(source: Path, root: Path | None = None) -> list[Path]:
    """Files of the library that ``source`` (a notebook's .py or a module) imports, directly or through the library.

    Importing a module runs the packages above it too, so their ``__init__`` and what they import count as well.

    Parameters
    ----------
    root : folder that holds the library; the project's by default.
    """
    modules = _modules(root or project_root())
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        names = _imported(waiting.pop().read_text(encoding="utf-8")) & modules.keys()
        new = {modules[name] for name in names} - found
        found |= new
        waiting += new
    return sorted(found)


def library_hash(source: Path, root: Path | None = None) -> str:
    """Hash of the library's source that ``source`` depends on: a changed formula makes its result stale."""
    root = root or project_root()
    digest = hashlib.sha256()
    for file in library_files(source, root):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
