"""What ``salesforecast nightly`` is told: a YAML file, checked before anything is read."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salesforecast_lib.pipeline.serving.serve import VARIABLE
from salesforecast_lib.production.registry.gate import Gate

RETRAIN = {"never": 0, "alarm": 0, "weekly": 7, "monthly": 28}  # days from the cutoff of the models
_KINDS = {
    "run": str, "new": str, "plan": str, "stock": str, "retrain": str, "gate": dict, "keep": int, "refuse": float,
    "live": bool, "serve": str, "key_file": str, "jobs": int,
}  # fmt: skip


@dataclass(frozen=True)
class NightlyConfig:
    """One shop's nights.

    Parameters
    ----------
    run : folder of a finished run.
    new : folder, or pattern such as ``inbox/*.csv``, in which new files of sales appear.
    plan, stock : files with what is known ahead and what is on the shelves; read anew each night.
    retrain : "never", "weekly" (the models are seven days old), "monthly" (28), or "alarm" (something has changed).
    gate : what new models have to show.
    keep : versions of the models that stay.
    refuse : share of a file's rows that cannot be read, above which the whole file is refused.
    live : export the small network for the server with new models.
    serve : address of a running server, which is told what was sold.
    key_file : file with the key that the server wants; else SALESFORECAST_API_KEY.
    jobs : models that are trained side by side.
    """

    run: Path
    new: str
    plan: Path | None = None
    stock: Path | None = None
    retrain: str = "never"
    gate: Gate = field(default_factory=Gate)
    keep: int = 5
    refuse: float = 0.2
    live: bool = True
    serve: str = ""
    key_file: Path | None = None
    jobs: int = 1

    def files(self) -> list[Path]:
        """Files of new sales, by name; hidden ones, and those still being written to ``*.tmp`` or ``*.part``, wait."""
        pattern = f"{self.new}/*" if Path(self.new).is_dir() else self.new
        found = (Path(name) for name in glob.glob(pattern))
        return sorted(p for p in found if p.is_file() and p.suffix not in (".tmp", ".part") and p.name[0] != ".")

    def key(self) -> str:
        """The server's key, "" for none."""
        if self.key_file is None:
            return os.environ.get(VARIABLE, "").strip()
        return self.key_file.read_text(encoding="utf-8").strip()


def read_config(file: Path) -> NightlyConfig:
    """Read the YAML file; paths in it are meant from the folder it lies in.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file, the key, what was expected and what to do.
    """
    import yaml

    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file; give the YAML file of your nights")
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: is no YAML ({' '.join(str(error).split())[:160]}); mend it there") from None
    if not isinstance(told, Mapping):
        raise ValueError(f"{file}: expected lines such as 'run: runs/shop', found {type(told).__name__}")
    values: dict[str, Any] = dict(told)
    for name, value in values.items():
        if name not in _KINDS:
            near = difflib.get_close_matches(str(name), _KINDS, 1)
            raise ValueError(f"{file}: {name!r} is not known; expected {near[0] if near else ', '.join(_KINDS)}")
        kind = _KINDS[name]
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not fits or (kind is not bool and isinstance(value, bool)):
            raise ValueError(f"{file}: {name}={value!r}: expected {_word(kind)}")
    for name in ("run", "new"):
        if not values.get(name):
            raise ValueError(f"{file}: {name} is missing; expected a line such as '{name}: {_EXAMPLES[name]}'")
    if values.get("retrain", "never") not in RETRAIN:
        raise ValueError(f"{file}: retrain={values['retrain']!r}: expected one of {', '.join(RETRAIN)}")
    for name, least in (("keep", 1), ("jobs", 1)):
        if values.get(name, least) < least:
            raise ValueError(f"{file}: {name}={values[name]}: expected at least {least}")
    if not 0 <= values.get("refuse", 0.2) <= 1:
        raise ValueError(f"{file}: refuse={values['refuse']}: expected a share from 0 to 1")
    if values.get("serve") and not str(values["serve"]).startswith(("http://", "https://")):
        raise ValueError(f"{file}: serve={values['serve']!r}: expected an address such as http://127.0.0.1:8000")
    if values.get("serve") and values.get("live") is False:
        raise ValueError(
            f"{file}: serve and 'live: false' exclude each other: models without the live network cannot be served; "
            "take one of the two out"
        )
    try:
        values["gate"] = Gate.of(values.get("gate") or {})
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from None
    place = file.resolve().parent
    for name in ("run", "plan", "stock", "key_file"):
        if values.get(name):
            values[name] = place / Path(values[name]).expanduser()
    values["new"] = str(place / Path(values["new"]).expanduser())
    config = NightlyConfig(**values)
    _check_places(config, file)
    return config


_EXAMPLES = {"run": "runs/shop", "new": "inbox/*.csv"}


def _word(kind: type) -> str:
    return {str: "a text", dict: "lines of its own", int: "a whole number", float: "a number", bool: "true or false"}[
        kind
    ]


def _check_places(config: NightlyConfig, file: Path) -> None:
    if not (config.run / "champion" / "champion.json").is_file():
        raise FileNotFoundError(f"{file}: run={config.run}: no finished run with a stored champion; run it first")
    above = Path(config.new) if Path(config.new).is_dir() else Path(config.new).parent
    if not above.is_dir():
        raise FileNotFoundError(f"{file}: new={config.new}: no such folder {above}; make it, or name another one")
    for name in ("plan", "stock", "key_file"):
        place = getattr(config, name)
        if place is not None and not place.is_file():
            raise FileNotFoundError(f"{file}: {name}={place}: no such file; put it there, or take the line out")
    key = config.key() if config.serve else ""
    if config.key_file is not None and not config.key():
        raise ValueError(f"{file}: key_file={config.key_file}: is empty; write the server's key into it")
    if not (key.isascii() and (key.isprintable() or not key)) or " " in key:
        where = f"key_file={config.key_file}" if config.key_file else VARIABLE
        raise ValueError(f"{file}: {where}: is no key; expected printable ASCII signs on one line, without blanks")
