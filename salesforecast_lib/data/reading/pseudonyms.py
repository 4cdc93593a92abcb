"""Customer ids as keyed hashes: who has the data but not the key cannot tell who bought (chapter 16b).

A plain hash of an id is no protection: there are few customer numbers, and all of them can be hashed and compared. A
keyed one (BLAKE2b, Aumasson et al. 2013) needs the key, which stays outside of run folders, on the shop's machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

import numpy as np
import pandas as pd

VARIABLE = "SALESFORECAST_ID_KEY"  # names the file of the key
KINDS = ("hashed", "plain")
_BYTES, _LENGTH = 32, 10
_OURS = re.compile(f"c[0-9a-f]{{{2 * _LENGTH}}}")


def key_file() -> Path:
    """Where the key lies: the file that the environment variable names, else in the user's configuration folder."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return Path(named).expanduser().absolute()
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if home else Path.home() / ".config") / "salesforecast" / "customer_ids.key"


def secret_key(file: Path | None = None) -> bytes:
    """The key, made once with access for its owner only.

    Raises
    ------
    PermissionError
        When others may read the file, or it cannot be made.
    ValueError
        When it holds no key, or lies in a run folder, which people pass on.
    """
    file = file or key_file()
    for folder in file.parents:
        if (folder / "run.json").is_file() or (folder / "panel.json").is_file():
            raise ValueError(f"{file}: the key lies in the run folder {folder}, which is passed on; set {VARIABLE} to "
                             "a file elsewhere")  # fmt: skip
    if not file.exists():
        _make(file)
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise PermissionError(f"{file}: others than its owner may read the key of the customer ids; chmod 600 it")
    text = file.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise ValueError(
            f"{file}: holds no key of {2 * _BYTES} hexadecimal digits; restore it, or remove it to have a new one made "
            "(ids of earlier runs then differ)"
        )
    return key


def pseudonym(text: str, key: bytes) -> str:
    """The name that a customer has outside of the shop: "c" and 20 hexadecimal digits."""
    return "c" + hashlib.blake2b(text.encode(), key=key, digest_size=_LENGTH, person=b"customer_id").hexdigest()


def hashed_ids(ids: pd.Series, key: bytes) -> pd.Series:
    """`pseudonym` of every id as text; missing ones and pseudonyms stay. Equal ids stay equal, others apart.

    So files that hold pseudonyms already, as those that the nights keep, can be read like others.
    """
    codes, uniques = pd.factorize(ids.to_numpy(dtype=object))
    texts = [str(value) for value in uniques]
    names = np.array([*(each if _OURS.fullmatch(each) else pseudonym(each, key) for each in texts), None], dtype=object)
    return pd.Series(names[codes], index=ids.index, name=ids.name)


def private(lines: pd.DataFrame, kind: str = "hashed") -> pd.DataFrame:
    """Order lines as they may be kept: their customers hashed with this machine's key, unless ``kind`` is "plain"."""
    if kind == "plain" or "customer_id" not in lines:
        return lines
    return lines.assign(customer_id=hashed_ids(lines["customer_id"], secret_key()))


def _make(file: Path) -> None:
    """A new key; where two processes make one at once, the first one's stays."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PermissionError(
            f"{file}: the key of the customer ids cannot be made there ({error.strerror}); set {VARIABLE} to a file in "
            "a folder that you may write to, or customer_ids=plain"
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_BYTES) + "\n")
        try:
            os.link(fresh, file)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        except OSError:  # a file system without links: the short moment between the two is all that is lost
            if not file.exists():
                os.replace(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)
