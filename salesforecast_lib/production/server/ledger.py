"""Observations on disk: nothing that was acknowledged is lost, and the same again changes nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from salesforecast_lib.production.server.problems import Problem
from salesforecast_lib.production.server.requests import Observation

FORMAT = 1
KEYS_KEPT = 200_000  # of clients; the oldest are forgotten

_TABLES = """
create table if not exists observed (
    seq integer primary key autoincrement, id text not null, day text not null, y real not null,
    available real not null, told text not null, unique (id, day));
create index if not exists by_day on observed (day);
create table if not exists answered (
    seq integer primary key autoincrement, key text not null unique, asked text not null, answer text not null);
"""


@dataclass(frozen=True)
class Asked:
    """One request's observations; ``digest`` is that of what was sent, so that a key is not used twice."""

    observations: Sequence[Observation]
    key: str | None
    digest: str


@dataclass(frozen=True)
class Taken:
    """What became of a request: its answer, and the observations that move the state."""

    answer: dict[str, int]
    fresh: tuple[Observation, ...]


class Ledger:
    """The store of observations: SQLite with a write-ahead log that is flushed to the disk at each commit.

    ``synchronous=FULL``: a commit returns once the log is on the disk, so that an acknowledged observation survives a
    killed process and a power cut; requests that wait together share one commit, which pays for it. One thread at a
    time may use it.

    Raises
    ------
    ValueError
        When the file is of a newer format, or is no store of ours.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(self.path, timeout=30.0, isolation_level=None, check_same_thread=False)
        try:
            self._base.execute("pragma journal_mode=wal")
            self._base.execute("pragma synchronous=full")
            found = self._base.execute("pragma user_version").fetchone()[0]
            if found not in (0, FORMAT):
                raise ValueError(f"{self.path}: format {found} of the store, expected {FORMAT}; update the library")
            self._base.executescript(_TABLES)
            self._base.execute(f"pragma user_version={FORMAT}")
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise ValueError(
                f"{self.path}: is no store of observations ({error}); move it away to begin anew"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def count(self) -> int:
        """Observations that are stored."""
        return int(self._base.execute("select count(*) from observed").fetchone()[0])

    def since(self, seq: int = 0, cutoff: date | None = None) -> tuple[list[Observation], int]:
        """Observations stored after number ``seq``, of days after ``cutoff``, by day; and the last number."""
        low = "" if cutoff is None else cutoff.isoformat()
        query = "select seq, id, day, y, available, told from observed where seq > ? and day > ? order by day, seq"
        with closing(self._base.execute(query, (seq, low))) as cursor:
            rows = cursor.fetchall()
        found = [
            Observation.model_construct(id=i, date=date.fromisoformat(d), y=y, available=a, told=json.loads(t))
            for _, i, d, y, a, t in rows
        ]
        return found, max([seq, *(row[0] for row in rows)])

    def commit(
        self, asked: Iterable[Asked], known: Callable[[str], date | None], after: Callable[[date], date | None]
    ) -> list[Taken | Problem]:
        """Store what several requests bring in one transaction; each is taken whole or not at all.

        Parameters
        ----------
        known : last day of a product's state; None where the product is not one of the run.
        after : the period after a day; None beyond the model's calendar.
        """
        moved: dict[str, date] = {}
        results: list[Taken | Problem] = []
        self._base.execute("begin immediate")
        try:
            for each in asked:
                results.append(self._take(each, moved, known, after))
            self._base.execute("commit")
        except BaseException:
            self._base.execute("rollback")
            raise
        return results

    def _take(
        self,
        asked: Asked,
        moved: dict[str, date],
        known: Callable[[str], date | None],
        after: Callable[[date], date | None],
    ) -> Taken | Problem:
        if asked.key is not None:
            query = "select asked, answer from answered where key = ?"
            row = self._base.execute(query, (asked.key,)).fetchone()
            if row is not None:
                if row[0] != asked.digest:
                    return Problem(409, "key: was used for other observations; take a new key for each request", "key")
                return Taken(json.loads(row[1]), ())
        fresh: list[Observation] = []
        here, known_already = dict(moved), 0
        order = sorted(range(len(asked.observations)), key=lambda k: asked.observations[k].date)
        for place in order:
            each, field = asked.observations[place], f"observations[{place}]"
            last = here.get(each.id) or known(each.id)
            if last is None:
                return unknown(each.id, f"{field}.id")
            if each.date <= last:
                problem = self._again(each, field, fresh)
                if problem is not None:
                    return problem
                known_already += 1
                continue
            expected = after(last)
            if expected is None:
                return Problem(409, f"{field}.date: the model's calendar ends with {last}; export the run again", field)
            if each.date != expected:
                return Problem(
                    409,
                    f"{field}.date: {each.date} leaves a gap or is no period; expected {expected}, the period after "
                    "the "
                    "last that is known of this product; send the periods in between first",
                    f"{field}.date",
                )
            here[each.id] = each.date
            fresh.append(each)
        rows = [(e.id, e.date.isoformat(), e.y, e.available, json.dumps(dict(e.told))) for e in fresh]
        self._base.executemany("insert into observed (id, day, y, available, told) values (?, ?, ?, ?, ?)", rows)
        moved.update(here)
        answer = {"accepted": len(fresh), "known_already": known_already}
        if asked.key is not None:
            insert = "insert into answered (key, asked, answer) values (?, ?, ?)"
            number = self._base.execute(insert, (asked.key, asked.digest, json.dumps(answer))).lastrowid or 0
            self._base.execute("delete from answered where seq <= ?", (number - KEYS_KEPT,))
        return Taken(answer, tuple(fresh))

    def _again(self, each: Observation, field: str, fresh: Sequence[Observation]) -> Problem | None:
        """None where a past day is told as it was told before."""
        here = [(e.y, e.available, dict(e.told)) for e in fresh if (e.id, e.date) == (each.id, each.date)]
        query = "select y, available, told from observed where id = ? and day = ?"
        row = self._base.execute(query, (each.id, each.date.isoformat())).fetchone()
        if row is not None:
            here.append((row[0], row[1], json.loads(row[2])))
        if not here:
            return Problem(
                409,
                f"{field}.date: {each.date} is not after the last day that the model has seen of this product; "
                "corrections of the past come in with the next night's model",
                f"{field}.date",
            )
        if here[0] != (each.y, each.available, dict(each.told)):
            return Problem(
                409,
                f"{field}: other figures of {each.date} were taken before and are kept; corrections of the past come "
                "in with the next night's model",
                f"{field}.y",
            )
        return None


def unknown(name: str, field: str) -> Problem:
    """That a product is not one of the run."""
    shown = name if len(name) <= 60 else f"{name[:57]}..."
    return Problem(
        422, f"{field}: {shown!r} is no product of this model; GET /model has examples, or send a history", field
    )
