"""Which number of a run is compared in a sweep: a file that a stage writes, and the way to the number in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesforecast_lib.files import read_json
from salesforecast_lib.pipeline.stages import Stage
from salesforecast_lib.pipeline.values import ParameterError
from salesforecast_lib.wording import listed

# the first that the stages of a sweep write is compared, unless another one is asked for
USUAL = ("metrics.json:models.*.wape", "inventory.json:policies.*.total", "training_log.json:*.best_loss")


@dataclass(frozen=True)
class Metric:
    """``file`` of a run folder and the names that lead to the number; ``*`` stands for every name, one row each.

    Less is taken to be better.
    """

    file: str
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """Last name of the way: the heading of the number."""
        return self.path[-1]

    def rows(self, folder: Path) -> list[dict[str, Any]]:
        """One row a match: what ``*`` stood for as ``model``, the number, and the numbers beside it.

        Raises
        ------
        ValueError
            When nothing in the file matches, naming what is there.
        """
        content = read_json(folder / self.file)
        found = []
        for stars, table in _matches(content, self.path[:-1]):
            if _is_number(table.get(self.name)):
                beside = {name: value for name, value in table.items() if _is_number(value)}
                found.append({**({"model": " ".join(stars)} if stars else {}), **beside})
        if not found:
            there = list(dict.fromkeys(".".join(path) for path in _numbers(content)))
            raise ValueError(
                f"--metric {self.file}:{'.'.join(self.path)}: {folder / self.file} has no such number; it has "
                f"{listed(there[:12])}{' and more' if len(there) > 12 else ''}"
            )
        return found


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _matches(content: Any, path: Sequence[str], stars: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(content, Mapping):
        return
    if not path:
        yield stars, content
        return
    for name in content if path[0] == "*" else [path[0]]:
        if name in content:
            yield from _matches(content[name], path[1:], (*stars, name) if path[0] == "*" else stars)


def _numbers(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Ways to all numbers; where a table holds tables only, each of them is ``*``."""
    if _is_number(content):
        yield path
    elif isinstance(content, Mapping):
        tables = len(content) > 1 and all(isinstance(inner, Mapping) for inner in content.values())
        for name, inner in content.items():
            yield from _numbers(inner, (*path, "*" if tables else str(name)))


def choose_metric(text: str, stages: Sequence[Stage]) -> Metric:
    """The metric of ``text``, ``FILE:NAME.NAME``; of an empty one the first usual one that ``stages`` write.

    Raises
    ------
    ParameterError
        When ``text`` is none, or none of the stages writes its file.
    """
    reports = [file for stage in stages for file in stage.writes if file.endswith(".json")]
    for known in USUAL:
        if not text and known.partition(":")[0] in reports:
            text = known
    file, _, path = text.partition(":")
    if text and (not path or not all(path.split("."))):
        raise ParameterError(f"--metric {text!r}: expected FILE:NAME.NAME, for example {USUAL[0]!r}")
    if file not in reports:
        what = f"--metric {text!r}: no stage of this sweep writes {file}" if text else "no stage writes a usual metric"
        raise ParameterError(
            f"{what}; they write {listed(reports) if reports else 'no report'}: name a number of one with --metric "
            "FILE:NAME.NAME, or take in a later stage"
        )
    return Metric(file, tuple(path.split(".")))
