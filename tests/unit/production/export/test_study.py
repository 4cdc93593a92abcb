"""What chapter 14 says of its tables holds whatever the data."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.production.export import study


def made(small: float, thin: float, packed: float) -> pd.DataFrame:
    rows = {study.EXACT: (160.0, 145.0, 33.0), study.SMALL: (47.0, 42.0, small), study.THIN: (160.0, packed, thin)}
    return pd.DataFrame(rows, index=["KB", "KB packed", "WAPE %"]).T


def test_a_product_of_rounded_weights_is_exact_where_the_weights_fit():
    weights = np.array([[127.0, -3.0], [1.0, 0.0]])
    assert study.product_error(weights, np.array([0.3, -2.0]), 8) == 0
    rough = study.product_error(weights, np.array([0.3, -2.0]), 2)
    assert rough > 0.1


@pytest.mark.parametrize(
    "errors, words",
    [
        ((0.2, 0.02, 0.004), "^8 bits are the fewest .* a hundredth: by 0.4 %"),
        ((0.2, 0.007, 0.004), "^6 bits are the fewest .* a hundredth; with 8 it is off by 0.4 %"),
        ((0.9, 0.5, 0.3), "No number of bits up to 8"),
    ],
)
def test_bits(errors, words):
    import re

    assert re.search(words, study.bits_found((4, 6, 8), errors))


def test_the_better_bargain_is_the_one_that_is_better():
    one = study.found(made(33.02, 33.6, 92.0))
    assert "29% of the file, and a WAPE 0.02 points higher" in one[0] and "0.60 points higher" in one[1]
    assert "One byte is the better bargain" in one[2]
    assert "Neither wins in both" in study.found(made(33.02, 32.4, 92.0))[2]
    assert "the same to a hundredth" in study.found(made(33.001, 33.6, 30.0))[0]
