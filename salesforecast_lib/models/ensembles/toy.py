"""Three made members whose mistakes are known, to watch how a committee is chosen (chapter 06)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS

_BELL = np.array([-1.64, -1.28, -0.67, 0.0, 0.67, 1.28, 1.64])  # normal quantiles at the book's levels
ERRORS = {"A": (0.0, 6.0), "B": (3.0, 4.0), "C": (-4.0, 5.0)}  # bias and noise


def toy_members(seed: int = 0, rows: int = 300, spread: float = 4.0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Forecasts of three members: A is unbiased and noisy, B a little too high, C too low.

    Returns
    -------
    The forecast table with ``y``; the same forecasts as ``cube`` (rows, members, levels); and ``y`` (rows,).
    """
    rng = np.random.default_rng(seed)
    y = rng.gamma(4.0, 5.0, rows)
    means = [y[:, None] + rng.normal(bias, noise, (rows, 1)) for bias, noise in ERRORS.values()]
    cube = np.maximum(np.stack(means, axis=1) + spread * _BELL, 0.0)
    days = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=rows), "y": y})
    days = days.assign(unique_id="toy", cutoff=pd.Timestamp("2023-12-31"))
    tables = [
        days.join(pd.DataFrame(cube[:, k], columns=list(QUANTILE_COLUMNS))).assign(model=name, mean=cube[:, k, 3])
        for k, name in enumerate(ERRORS)
    ]
    return pd.concat(tables, ignore_index=True), cube, y
