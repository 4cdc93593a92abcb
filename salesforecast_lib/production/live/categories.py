"""Codes of categories, and the level at which a product without history begins (chapter 14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Categories:
    """What a model knows of the categories.

    Parameters
    ----------
    codes : by column and value; 0 stands for a value that the model has not seen.
    levels : usual level of a product, of ``all`` and ``by`` column and value.
    """

    codes: Mapping[str, Mapping[str, int]]
    levels: Mapping[str, Any]

    def codes_of(self, static: np.ndarray) -> np.ndarray:
        """Codes (n, S) of categories given as text."""
        columns = [[codes.get(str(value), 0) for value in static[:, k]] for k, codes in enumerate(self.codes.values())]
        return np.array(columns, dtype="int64").T.reshape(len(static), len(self.codes))

    def first_level(self, static: np.ndarray) -> np.ndarray:
        """Usual level (n,) of products without history, by the first of their categories that is known."""
        found = np.full(len(static), float(self.levels["all"]))
        for k, name in reversed(list(enumerate(self.codes))):
            of = self.levels["by"][name]
            found = np.array([of.get(str(value), other) for value, other in zip(static[:, k], found, strict=True)])
        return found
