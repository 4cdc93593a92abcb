"""A search space declared as fields of `NetworkConfig` with choices or ranges (chapter 05)."""

from __future__ import annotations

import difflib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from salesforecast_lib.models.forecaster.fit import NetworkConfig

if TYPE_CHECKING:
    from optuna.trial import Trial


@dataclass(frozen=True)
class Choice:
    """One of a few values; values that are no scalars (feature groups) are named by their JSON."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("Choice(()): expected at least one value")

    def labels(self) -> list[Any]:
        """What Optuna stores for each value."""
        return [
            value if value is None or isinstance(value, (str, int, float, bool)) else json.dumps(value)
            for value in self.values
        ]

    def suggest(self, trial: Trial, name: str) -> Any:
        """Label that the sampler picks."""
        return trial.suggest_categorical(name, self.labels())

    def value(self, label: Any) -> Any:
        """The value behind a label."""
        return self.values[self.labels().index(label)]

    def grid(self) -> list[Any]:
        """Labels of a grid search."""
        return self.labels()


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, whole ones when both are, on a logarithmic scale if ``log``.

    ``points`` is how many of them, evenly spaced, a grid search takes.
    """

    low: float
    high: float
    log: bool = False
    points: int = 3

    def __post_init__(self) -> None:
        if not (self.low < self.high and math.isfinite(self.high)) or (self.log and self.low <= 0) or self.points < 2:
            raise ValueError(
                f"{self}: expected low < high, low > 0 on a logarithmic scale and at least 2 points; a single value "
                "belongs into the base configuration"
            )

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def suggest(self, trial: Trial, name: str) -> Any:
        """Number that the sampler picks."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def value(self, label: Any) -> Any:
        """The number itself."""
        return label

    def grid(self) -> list[Any]:
        """Evenly spaced numbers of a grid search, both ends included."""
        space = np.geomspace if self.log else np.linspace
        points = np.clip(space(self.low, self.high, self.points), self.low, self.high)
        return sorted({int(round(x)) if self.whole else float(x) for x in points})


@dataclass(frozen=True)
class SearchSpace:
    """Fields of `NetworkConfig` that are searched; a dot leads into a nested configuration (``training.clip``).

    Raises
    ------
    ValueError
        When it is empty, or a name is no field: the message gives the nearest ones.
    """

    ranges: Mapping[str, Choice | Range]

    def __post_init__(self) -> None:
        known = sorted(field_names(NetworkConfig()))
        if not self.ranges:
            raise ValueError(f"search space: expected at least one of {', '.join(known)}")
        for name, values in self.ranges.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, 3) or known
                raise ValueError(f"search space: NetworkConfig has no field {name!r}; expected {', '.join(near)}")
            if not isinstance(values, (Choice, Range)):
                raise ValueError(f"search space, {name}: expected Choice(values) or Range(low, high), got {values!r}")

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Values of a trial by field name."""
        return {name: values.value(values.suggest(trial, name)) for name, values in self.ranges.items()}

    def values(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        """Values behind the parameters that Optuna stored."""
        return {name: self.ranges[name].value(label) for name, label in labels.items()}

    def grid(self) -> list[dict[str, Any]]:
        """Every combination of the grid's labels, in the order of declaration."""
        lists = {name: values.grid() for name, values in self.ranges.items()}
        return [dict(zip(lists, combination, strict=True)) for combination in itertools.product(*lists.values())]

    def is_log(self, name: str) -> bool:
        """Whether a field is searched on a logarithmic scale."""
        values = self.ranges[name]
        return isinstance(values, Range) and values.log

    def to_dict(self) -> dict[str, Any]:
        """The space as JSON would hold it."""
        return {name: {type(values).__name__: vars(values)} for name, values in self.ranges.items()}


def field_names(config: Any, prefix: str = "") -> Iterator[str]:
    """Names of the fields of a configuration, nested ones with a dot."""
    for entry in fields(config):
        value = getattr(config, entry.name)
        if is_dataclass(value):
            yield from field_names(value, f"{prefix}{entry.name}.")
        else:
            yield f"{prefix}{entry.name}"


def with_values(config: Any, values: Mapping[str, Any]) -> Any:
    """The configuration with other values; a dot in a name leads into a nested one.

    Raises
    ------
    ValueError
        When a name is no field.
    """
    known = sorted(field_names(config))
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3) or known
            raise ValueError(f"{type(config).__name__} has no field {name!r}; expected {', '.join(near)}")
    for name, value in values.items():
        head, _, rest = name.partition(".")
        value = with_values(getattr(config, head), {rest: value}) if rest else value
        if isinstance(getattr(config, head), tuple) and isinstance(value, list):
            value = tuple(value)  # JSON knows no tuples
        config = replace(config, **{head: value})
    return config
