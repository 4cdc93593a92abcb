"""The grid of a sweep: a list of values for each parameter."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.wording import listed


def read_grid(file: Path, given: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Lists of a YAML file ``name: [value, value]``.

    Parameters
    ----------
    given : names of parameters that were given one value on the command line.

    Raises
    ------
    ParameterError
        Naming the file and the parameters without a list, with a value twice, or given on the command line too.
    """
    if not file.is_file():
        raise settings.ParameterError(
            f"{file}: no such file; give a YAML file with a list of values for each parameter, for example "
            "'hidden_size: [32, 64]'"
        )
    lists = settings.read_values(file)
    bad = [name for name, values in lists.items() if not isinstance(values, list) or not values]
    if bad:
        raise settings.ParameterError(f"{file}: {bad}: expected a list of values for each parameter")
    if not lists:
        raise settings.ParameterError(f"{file}: is empty; expected lines such as 'hidden_size: [32, 64]'")
    twice = [name for name, values in lists.items() if any(value in values[:k] for k, value in enumerate(values))]
    if twice:
        raise settings.ParameterError(f"{file}: {listed(twice)}: a value stands in the list twice; keep one of the two")
    both = [name for name in lists if name in given]
    if both:
        raise settings.ParameterError(f"{listed(both)}: given with -p and in {file}; keep one of the two")
    return lists


def combinations(lists: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the lists, the last parameter changing first."""
    return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
