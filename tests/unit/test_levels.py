"""Quantile levels of a forecast table are those of its columns, whatever order these stand in."""

from __future__ import annotations

import pandas as pd
import pytest

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.models.peers.baselines import tidy


@pytest.mark.parametrize("levels", [(0.5, 0.05, 0.95), (0.9, 0.1, 0.5, 0.3), (0.1, 0.2, 0.3)])
def test_quantiles_rise_with_their_level_even_if_the_columns_do_not(levels):
    row = pd.DataFrame({"unique_id": ["a"], "ds": [0], "cutoff": [0], "model": ["m"], "mean": [1.0]})
    table = tidy(row.assign(**{name: 10 * level for name, level in zip(quantile_columns(levels), levels, strict=True)}))
    assert levels_of(table) == tuple(sorted(levels))
    for level in levels:
        assert table[f"q{level:g}"][0] == pytest.approx(10 * level)
    assert list(table)[5:] == list(quantile_columns(sorted(levels)))
