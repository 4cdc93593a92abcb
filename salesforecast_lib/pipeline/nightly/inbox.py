"""New files of sales: which are new, which can be used, which are refused, which were changed after they were read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import sha256_of

if TYPE_CHECKING:
    import pandas as pd

READ, REFUSED = "read", "refused"


@dataclass
class Inbox:
    """What came in.

    Parameters
    ----------
    known : by file name: ``sha256, state, why, rows, kept``, those of earlier nights included.
    tables : rows of the files that are read tonight, by file name.
    quarantine : rows that were not used: ``file, row, column, value, reason``.
    changed : sentences on files that were read before and are others now.
    """

    known: dict[str, dict[str, Any]]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    quarantine: list[pd.DataFrame] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def news(files: Iterable[Path], known: Mapping[str, Mapping[str, Any]]) -> dict[Path, str]:
    """Files that no night has looked at in their present state, with their digests."""
    return {
        file: digest
        for file in files
        if (digest := sha256_of(file)) != known.get(file.name, {}).get("sha256")
        and digest != known.get(file.name, {}).get("changed")
    }


def read_inbox(
    fresh: Mapping[Path, str],
    known: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, Any],
    panel: bool,
    most: float,
) -> Inbox:
    """Read files as the run reads its own; one that cannot be used is refused with its reason and stops no other.

    Parameters
    ----------
    panel : whether the shop's data are a panel; else order lines.
    most : share of rows that cannot be read, above which a file is refused.
    """
    from salesforecast_lib.data.reading import read_orders, read_panel_file
    from salesforecast_lib.data.reading.pseudonyms import private
    from salesforecast_lib.pipeline.runs.files import reading_options

    inbox, options = Inbox({name: dict(told) for name, told in known.items()}), reading_options(values)
    for file, digest in fresh.items():
        before = inbox.known.get(file.name)
        if before and before["state"] == READ:
            inbox.changed.append(
                f"{file.name}: was read before and has changed since; its first content stays in use. "
                "Send corrections in a file of another name"
            )
            inbox.known[file.name] = {**before, "changed": digest}
            continue
        try:
            reading = (read_panel_file if panel else read_orders)(file, options)
            rows, kept = len(reading.frame) + len(reading.quarantine), len(reading.frame)
            if not kept or (rows - kept) > most * rows:
                reasons = "; ".join(f"{reason} ({count})" for reason, count in list(reading.report.reasons.items())[:3])
                raise ValueError(f"{rows - kept} of {rows} rows cannot be read: {reasons or 'there is none'}")
        except (ValueError, OSError) as error:
            why = " ".join(str(error).split())
            inbox.refused[file.name] = why
            inbox.known[file.name] = {"sha256": digest, "state": REFUSED, "why": why}
            continue
        inbox.known[file.name] = {"sha256": digest, "state": READ, "rows": rows, "kept": kept}
        lines = reading.frame.drop(columns="row")
        inbox.tables[file.name] = lines if panel else private(lines, options.customer_ids)
        if len(reading.quarantine):
            inbox.quarantine.append(reading.quarantine.assign(file=file.name))
    return inbox
