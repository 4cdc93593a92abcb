"""CRPS, reliability, PIT and residual tables: against closed forms, true forecasts and hand values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from utilsforecast import losses

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.evaluation.calibration import (
    mean_residuals,
    pit_histogram,
    pit_intervals,
    reliability,
    residual_autocorrelation,
    residuals,
)
from salesforecast_lib.evaluation.metrics import crps, quadrature_weights


def normal_crps(y, mean, deviation):
    """Closed form of Gneiting & Raftery (2007), section 4.2."""
    z = (y - mean) / deviation
    return deviation * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


def test_crps_approaches_the_closed_form_of_a_normal():
    y = np.array([-2.0, 0.0, 0.7, 5.0])
    errors = []
    for count in (9, 99, 999):
        levels = (np.arange(count) + 0.5) / count
        quantiles = np.tile(stats.norm.ppf(levels, 1.0, 2.0), (len(y), 1))
        errors.append(np.abs(crps(y, quantiles, levels) / normal_crps(y, 1.0, 2.0) - 1).max())
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-3, errors


def test_crps_from_our_seven_quantiles_is_close_on_average_and_weights_matter():
    y = stats.norm.rvs(size=20000, random_state=0)
    quantiles = np.tile(stats.norm.ppf(QUANTILES), (len(y), 1))
    truth = normal_crps(y, 0.0, 1.0).mean()
    assert crps(y, quantiles).mean() == pytest.approx(truth, rel=0.02)
    table = pd.DataFrame(quantiles, columns=list(QUANTILE_COLUMNS)).assign(unique_id="a", y=y)
    even = 2 * losses.mqloss(table, {"m": list(QUANTILE_COLUMNS)}, np.array(QUANTILES))["m"].iloc[0]
    assert abs(even / truth - 1) > 0.1, "equal weights count the tails too much"


def test_crps_equals_utilsforecast_on_even_levels():
    rng, levels = np.random.default_rng(0), (np.arange(10) + 0.5) / 10
    quantiles, y = np.sort(rng.gamma(2, 3, (50, 10)), axis=1), rng.poisson(5, 50).astype(float)
    names = [f"m{k}" for k in range(10)]
    table = pd.DataFrame(quantiles, columns=names).assign(unique_id="a", y=y)
    theirs = losses.scaled_crps(table, {"m": names}, levels)["m"].iloc[0]
    assert crps(y, quantiles, levels).sum() / y.sum() == pytest.approx(theirs)


def test_crps_of_a_point_is_its_absolute_error_and_bad_levels_are_refused():
    assert crps(np.array([3.0, 1.0]), np.full((2, 7), 2.5)) == pytest.approx([0.5, 1.5])
    assert quadrature_weights((0.1, 0.5, 0.9)) == pytest.approx([0.3, 0.4, 0.3])
    with pytest.raises(ValueError, match="rising levels"):
        quadrature_weights((0.5, 0.1))


def counts(model="m", rate=1.5, guess=1.5, size=20000, seed=0):
    """Poisson sales with the quantiles of a Poisson forecast."""
    y = np.random.default_rng(seed).poisson(rate, size).astype(float)
    ds = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(size) % 28, unit="D")
    frame = pd.DataFrame({"unique_id": np.arange(size) // 28, "ds": ds, "cutoff": pd.Timestamp("2023-12-31"), "y": y})
    return frame.assign(
        model=model, mean=guess, **dict(zip(QUANTILE_COLUMNS, stats.poisson.ppf(QUANTILES, guess), strict=True))
    )


def test_true_quantiles_of_counts_are_called_reliable_and_false_ones_not():
    table = reliability(pd.concat([counts(), counts("high", guess=3.0)])).set_index(["model", "level"])
    honest, high = table.loc["m"], table.loc["high"]
    levels = honest.index.to_numpy()
    # strictly below, at most: the level lies between, up to three standard errors
    margin = 3 * np.sqrt(levels * (1 - levels) / 20000)
    assert (honest["below"] <= levels + margin).all() and (honest["at_most"] >= levels - margin).all()
    assert (honest["at_most"] - honest["below"]).max() > 0.2, "counts tie: one share alone would mislead"
    assert (high.loc[0.5:, "below"] > high.loc[0.5:].index - 0.05).all()
    assert (high["observed"] >= high["below"]).all() and (high["observed"] <= high["at_most"]).all()
    assert high.loc[0.5, "observed"] > 0.7, "a forecast that is too high holds more than its level below it"


def test_continuous_quantiles_below_one_half_are_read_as_zero():
    """An honest network says 0.2 units on a day that mostly sells nothing; as a count that is zero."""
    rows = counts(rate=0.2).assign(**{name: 0.001 * (k + 1) for k, name in enumerate(QUANTILE_COLUMNS)})
    rounded = reliability(rows).set_index("level")
    raw = reliability(rows, whole_units=False).set_index("level")
    assert raw.loc[0.05, "observed"] > 0.8 and rounded.loc[0.05, "observed"] < 0.1


def test_pit_intervals_by_hand():
    quantiles = np.tile([0.0, 0, 1, 2, 3, 4, 5], (4, 1))
    found = pit_intervals(np.array([0.0, 1.5, 9, 2]), quantiles)
    assert found == pytest.approx(np.array([[0, 0.25], [0.25, 0.5], [0.95, 1], [0.25, 0.75]]))


def test_pit_histogram_is_flat_for_honest_and_u_shaped_for_narrow_forecasts():
    y = stats.norm.rvs(50, 5, size=20000, random_state=0)
    rows = counts().assign(y=y)
    honest = rows.assign(model="honest", **dict(zip(QUANTILE_COLUMNS, stats.norm.ppf(QUANTILES, 50, 5), strict=True)))
    narrow = rows.assign(model="narrow", **dict(zip(QUANTILE_COLUMNS, stats.norm.ppf(QUANTILES, 50, 2.5), strict=True)))
    table = pit_histogram(pd.concat([honest, narrow]))
    assert table.groupby("model")["share"].sum().to_numpy() == pytest.approx([1, 1])
    flat = table[table["model"] == "honest"]["density"].to_numpy()
    shape = table[table["model"] == "narrow"]["density"].to_numpy()
    assert np.abs(flat - 1).max() < 0.1 and shape[0] > 3 and shape[-1] > 3 and shape[3:5].max() < 0.7


def test_residuals_show_the_weekday_that_was_not_learned():
    rows = counts(rate=5, guess=5.0)
    monday = rows["ds"].dt.dayofweek == 0
    table = residuals(rows.assign(y=rows["y"] + 4.0 * monday))
    assert table["step"].min() == 1 and table["step"].max() == 28
    by_day = mean_residuals(table, "weekday").set_index("weekday")
    assert by_day.loc[0, "residual"] == pytest.approx(4, abs=0.15) and by_day.loc[0, "share"] == pytest.approx(
        4 / 9, abs=0.02
    )
    assert by_day.loc[1:, "residual"].abs().max() < 0.15
    assert mean_residuals(table, "step")["rows"].sum() == len(table)
    lags = residual_autocorrelation(table, 14).set_index("lag")["autocorrelation"]
    assert lags[7] > 0.2 and lags[14] > 0.2 and lags.drop([7, 14]).max() < 0, "a forgotten week peaks at 7 and 14"


def test_residual_autocorrelation_of_noise_and_of_a_missed_level():
    noise = residuals(counts(rate=5, guess=5.0))
    assert residual_autocorrelation(noise)["autocorrelation"].abs().max() < 0.05
    level = np.random.default_rng(0).normal(0, 3, noise["unique_id"].max() + 1)[noise["unique_id"]]
    missed = residual_autocorrelation(noise.assign(residual=noise["residual"] + level))
    assert missed["autocorrelation"].min() > 0.3
    assert missed["pairs"].tolist() == sorted(missed["pairs"], reverse=True)


def test_weekly_rows_count_weeks():
    rows = counts(size=28)
    rows["ds"] = rows["cutoff"] + pd.to_timedelta(7 * (1 + np.arange(28)), unit="D")
    assert residuals(rows, "W-SUN")["step"].tolist() == list(range(1, 29))
