"""The simulated ARIMA is one, and its noise can be had back from it."""

import numpy as np
import pytest

from salesforecast_lib.models import derivation


def test_arima_differences_have_the_theoretical_autocorrelation():
    phi, theta = 0.6, 0.3
    w = np.diff(derivation.simulate_arima111(phi, theta, 200_000, np.random.default_rng(0)))
    rho = (1 + phi * theta) * (phi + theta) / (1 + 2 * phi * theta + theta**2)
    assert np.corrcoef(w[1:], w[:-1])[0, 1] == pytest.approx(rho, abs=0.01)


def test_innovations_are_the_noise_that_was_drawn():
    phi, theta, length, burn = 0.6, 0.3, 120, 200
    values = derivation.simulate_arima111(phi, theta, length, np.random.default_rng(3))
    drawn = np.random.default_rng(3).normal(0, 1, length + burn)[burn + 1 :]  # the noise of each difference
    found = derivation.innovations(values, phi, theta)
    assert found.shape == (length - 1,)
    assert np.abs(found[40:] - drawn[40:]).max() < 1e-9, "the unknown start has faded"
    assert found[1] - drawn[1] == pytest.approx(theta * drawn[0]), "and what it costs at first is known"


def test_parameters_without_a_recoverable_noise_are_refused():
    with pytest.raises(ValueError, match="theta=1.0"):
        derivation.innovations(np.arange(9.0), 0.5, 1.0)
    with pytest.raises(ValueError, match="phi=1.0"):
        derivation.simulate_arima111(1.0, 0.5, 9, np.random.default_rng(0))
