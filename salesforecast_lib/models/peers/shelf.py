"""Fitted models by name: what a fit leaves behind, so that it can be stored and forecast with again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Model = TypeVar("Model")


class Shelf:
    """Fitted models by name; a forecast takes its models from here, and fits only those that are not there.

    So one function forecasts with fresh models and with stored ones, and both give the same numbers.

    Parameters
    ----------
    models : by name: LightGBM boosters, trained forecasters, and tables of models that are fitted series by series.
    closed : refuse to fit what is not there.
    """

    def __init__(self, models: dict[str, Any] | None = None, closed: bool = False, prefix: str = "") -> None:
        self.models: dict[str, Any] = {} if models is None else models
        self.closed, self.prefix = closed, prefix

    def part(self, prefix: str) -> Shelf:
        """The same shelf, whose names begin with ``prefix`` and a stroke."""
        return Shelf(self.models, self.closed, f"{self.prefix}{prefix}/")

    def names(self) -> list[str]:
        """Names of the models that are there, without the shelf's own prefix."""
        return [name.removeprefix(self.prefix) for name in self.models if name.startswith(self.prefix)]

    def get(self, name: str, fit: Callable[[], Model]) -> Model:
        """The model of this name, fitted by ``fit`` where there is none.

        Raises
        ------
        ValueError
            When it is not there and the shelf is closed.
        """
        key = self.prefix + name
        if key not in self.models:
            if self.closed:
                raise ValueError(f"{key}: no such stored model; run the stage that stores the champion again")
            self.models[key] = fit()
        model: Model = self.models[key]
        return model
