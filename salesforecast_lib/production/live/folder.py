"""A model folder on disk: its format, and that every file is the one that was written (chapter 14)."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from salesforecast_lib.files import read_json, resolve, sha256_of

FORMAT = 1
FILE = "model.json"
_AGAIN = "export the run again with: salesforecast export RUN"


def read_model_file(folder: str | Path) -> dict[str, Any]:
    """``model.json`` of a model folder, once every file that it lists has been found to be the one that was written.

    Raises
    ------
    FileNotFoundError
        When the folder is no model folder, or a file of it is missing.
    ValueError
        When ``model.json`` is not ours or has another format, or a file was changed.
    """
    target = resolve(folder)
    path = target / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, so this is no model folder; {_AGAIN}")
    try:
        told = read_json(path)
    except ValueError as error:
        raise ValueError(f"{path}: is no JSON ({error}); {_AGAIN}") from None
    _check_format(path, told)
    for name, digest in told["files"].items():
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            raise ValueError(f"{path}: the file {name!r} lies outside the folder; {_AGAIN}")
        if not (target / name).is_file():
            raise FileNotFoundError(f"{target / name}: the file is missing since the model was written; {_AGAIN}")
        if sha256_of(target / name) != digest:
            raise ValueError(f"{target / name}: the file was changed since the model was written; {_AGAIN}")
    return told


def _check_format(path: Path, told: Any) -> None:
    version = told.get("format") if isinstance(told, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError(f"{path}: has no format version, so it is no model of this library; {_AGAIN}")
    if version < FORMAT:
        raise ValueError(f"{path}: format {version} is older than {FORMAT}, which this library reads; {_AGAIN}")
    if version > FORMAT:
        raise ValueError(
            f"{path}: format {version} is newer than {FORMAT}, which this library reads; update the library, or "
            "export the run again with this one: salesforecast export RUN"
        )
    if told.get("live", True) is None:
        raise ValueError(
            f"{path}: this version holds the champion only, no live network: the night that made it was told "
            "'live: false'; take that line out, and the next models can be served"
        )
    if not isinstance(told.get("files"), dict):
        raise ValueError(f"{path}: lists no files; {_AGAIN}")
