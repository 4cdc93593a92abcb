"""The page that is written every night: coverage, error, alarms and versions over time (chapter 15).

It is one file without scripts: it opens by double click, offline, in light and dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.files import resolve, write_text
from salesforecast_lib.production.monitoring.svg import line_chart
from salesforecast_lib.production.monitoring.watch import ForecastWatch
from salesforecast_lib.wording import counted

FILE = "dashboard.html"
SHOWN = 180  # nights
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#5b6470;--grid:#d9dee3;--line:#0b5cad;--alarm:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--paper:#15181c;--soft:#a8b0b9;--grid:#3a4149;--line:#7cb7ff;
--alarm:#ff9a90}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:0 auto;
padding:1rem}
svg{width:100%;height:auto;font-size:11px}svg text{fill:var(--soft)}.grid{stroke:var(--grid)}
.line{fill:none;stroke:var(--line);stroke-width:2}.target{stroke:var(--soft);stroke-dasharray:2 4}
.version{stroke:var(--soft);stroke-dasharray:6 3}.alarm{fill:var(--alarm)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem .3rem 0;vertical-align:top;
border-bottom:1px solid var(--grid)}.wide{overflow-x:auto}
.state{font-size:1.15rem;border-left:.4rem solid var(--line);padding-left:.8rem}.state.on{border-color:var(--alarm)}
"""


@dataclass(frozen=True)
class Night:
    """One night of the dashboard.

    Parameters
    ----------
    night : ISO date of the last period that came in.
    version : of the model that forecast it. ``retrained`` : what was decided about a new one, in words.
    wape, bias, coverage : of the whole shop; None where nothing could be scored.
    alarms : ``kind, subject, says, do`` of each.
    """

    night: str
    version: str
    wape: float | None = None
    bias: float | None = None
    coverage: float | None = None
    alarms: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    retrained: str = ""

    @classmethod
    def of(cls, night: str, version: str, figures: pd.DataFrame, alarms: pd.DataFrame, retrained: str = "") -> Night:
        """From `ForecastWatch.nightly` (its last row) and the tables of alarms, joined."""
        last = figures.tail(1)
        told = {name: float(last[name].iloc[0]) if len(last) else None for name in ("wape", "bias", "coverage")}
        kept = alarms[alarms["alarm"].astype(bool)] if len(alarms) else alarms
        rows = (
            tuple(dict(row) for row in kept[["kind", "subject", "says", "do"]].to_dict("records")) if len(kept) else ()
        )
        return cls(night, version, alarms=rows, retrained=retrained, **told)


def nights_of(watch: ForecastWatch, version: str) -> list[Night]:
    """Every night of a watch with the alarms that stood after it, oldest first."""
    figures = watch.nightly()
    return [
        Night.of(str(ds.date()), version, figures.iloc[: k + 1], watch.alarms(ds)) for k, ds in enumerate(figures["ds"])
    ]


def write_dashboard(folder: str | Path, nights: Sequence[Night | Mapping[str, Any]], level: float = 0.8) -> Path:
    """Write ``folder/dashboard.html`` of the last nights, oldest first; returns its path.

    Parameters
    ----------
    nights : `Night` rows, or mappings with its fields, as a JSON file of nights holds them.
    level : share of the sales that the watched interval should hold.

    Raises
    ------
    ValueError
        When a night lacks its date or version, or the nights do not rise.
    """
    rows = [night if isinstance(night, Night) else _read(night) for night in nights][-SHOWN:]
    dates = [row.night for row in rows]
    if dates != sorted(set(dates)):
        raise ValueError(f"nights: expected each date once, oldest first; found {dates[:5]}")
    return write_text(_page(rows, level), resolve(folder) / FILE)


def _read(stored: Mapping[str, Any]) -> Night:
    for name in ("night", "version"):
        if not stored.get(name):
            raise ValueError(f"nights: a night without {name!r}: {dict(stored)}")
    fields = {name: stored[name] for name in Night.__dataclass_fields__ if name in stored}
    return Night(**{**fields, "alarms": tuple(fields.get("alarms", ()))})


def _page(rows: Sequence[Night], level: float) -> str:
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width,initial-scale=1'>",
        f"<title>Nights of the forecast</title><style>{STYLE}</style></head><body><main>",
        "<h1>Nights of the forecast</h1>",
        *_state(rows),
    ]
    if rows:
        labels = [row.night for row in rows]
        marks = [k for k, row in enumerate(rows) if row.alarms]
        rules = [(k, row.version) for k, row in enumerate(rows) if k and row.version != rows[k - 1].version]
        for name, title, target in (
            ("coverage", "Coverage: sales inside the interval", level),
            ("wape", "Error: absolute errors over sales (WAPE)", None),
            ("bias", "Bias: forecast too much (above zero) or too little", 0.0),
        ):
            values = [getattr(row, name) for row in rows]
            numbers = [np.nan if value is None else float(value) for value in values]
            says = _spoken(title, numbers, labels)
            chart = line_chart(labels, numbers, title, says=says, target=target, marks=marks, rules=rules)
            parts.append(f"<section><h2>{escape(title)}</h2><p>{escape(says)}</p>{chart}</section>")
        parts.append(
            "<p>A triangle marks a night with an alarm, a broken upright line a new version, the dotted line "
            "the target.</p>"
        )
        parts += [*_alarms(rows), *_versions(rows)]
    return "\n".join([*parts, "</main></body></html>", ""])


def _state(rows: Sequence[Night]) -> list[str]:
    if not rows:
        return ["<p class='state'>No night yet.</p>"]
    last = rows[-1]
    if not last.alarms:
        return [f"<p class='state'>{escape(last.night)}: no alarm. Version {escape(last.version)} forecasts.</p>"]
    count = counted(len(last.alarms), "alarm")
    return [f"<p class='state on'>{escape(last.night)}: {count}. Version {escape(last.version)} forecasts.</p>"]


def _spoken(title: str, values: Sequence[float], labels: Sequence[str]) -> str:
    known = [(label, value) for label, value in zip(labels, values, strict=True) if np.isfinite(value)]
    if not known:
        return f"{title.partition(':')[0]}: nothing could be scored yet."
    recent = float(np.mean([value for _, value in known[-7:]]))
    return (
        f"{title.partition(':')[0]}: {known[-1][1]:.1%} on {known[-1][0]}, {recent:.1%} over the last "
        f"{counted(len(known[-7:]), 'night')}."
    )


def _episodes(rows: Sequence[Night]) -> list[tuple[str, str, int, Mapping[str, Any]]]:
    """First night, last night, number of nights and last words of every alarm; newest first.

    The same alarm of the same subject on nights that follow each other is one.
    """
    open_ones: dict[tuple[str, str], int] = {}
    found: list[tuple[str, str, int, Mapping[str, Any]]] = []
    for row in rows:
        still: dict[tuple[str, str], int] = {}
        for alarm in row.alarms:
            key = str(alarm.get("kind", "")), str(alarm.get("subject", ""))
            if key in still:  # two alarms of one kind in one night
                continue
            place = open_ones.get(key)
            if place is None:
                still[key] = len(found)
                found.append((row.night, row.night, 1, alarm))
            else:
                still[key] = place
                found[place] = found[place][0], row.night, found[place][2] + 1, alarm
        open_ones = still
    return sorted(found, key=lambda each: (each[1], each[0]), reverse=True)


def _alarms(rows: Sequence[Night]) -> list[str]:
    lines = [
        f"<tr><td>{escape(first if first == last else f'{first} to {last}')}</td><td>{count}</td>"
        f"<td>{escape(str(alarm.get('says', '')))}</td><td>{escape(str(alarm.get('do', '')))}</td></tr>"
        for first, last, count, alarm in _episodes(rows)
    ][:60]
    if not lines:
        return ["<section><h2>Alarms</h2><p>None in these nights.</p></section>"]
    names = ("when", "nights", "what, as said last", "do")
    head = "<tr>" + "".join(f"<th scope='col'>{name}</th>" for name in names) + "</tr>"
    return [f"<section><h2>Alarms</h2><div class='wide' tabindex='0'><table>{head}", *lines, "</table></div></section>"]


def _versions(rows: Sequence[Night]) -> list[str]:
    lines = []
    for k, row in enumerate(rows):
        if k == 0 or row.version != rows[k - 1].version or row.retrained:
            told = escape(row.retrained or ("first night shown" if k == 0 else "took over"))
            lines.append(f"<tr><td>{escape(row.night)}</td><td>{escape(row.version)}</td><td>{told}</td></tr>")
    head = "<tr><th scope='col'>night</th><th scope='col'>version</th><th scope='col'>what happened</th></tr>"
    return [
        f"<section><h2>Versions</h2><div class='wide' tabindex='0'><table>{head}",
        *lines,
        "</table></div></section>",
    ]
