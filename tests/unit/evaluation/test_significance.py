"""Bootstrap intervals and the Diebold-Mariano test: by hand, and right about as often as they claim."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.evaluation.significance import (
    METRICS,
    BlockBootstrap,
    LossGrid,
    bootstrap_values,
    diebold_mariano,
    diebold_mariano_table,
    differences,
    loss_grid,
)


def made_rows(models=("a", "b"), series=6, periods=28, seed=0, worse=1.0):
    """Two cutoffs of 14 days; model b errs ``worse`` times as much; one series has sold nothing."""
    rng = np.random.default_rng(seed)
    ds = pd.date_range("2024-01-01", periods=60 + periods)
    keys = pd.MultiIndex.from_product([[f"s{k}" for k in range(series)], ds], names=["unique_id", "ds"])
    panel = keys.to_frame(index=False).assign(available=1.0)
    panel["y"] = rng.poisson(5 + 5 * (panel["ds"].dt.dayofweek == 5)).astype(float)
    panel.loc[panel["unique_id"] == "s0", "y"] = 0.0
    cutoffs = [ds[59], ds[59 + periods // 2]]
    test = panel[panel["ds"] > cutoffs[0]]
    parts = []
    for number, name in enumerate(models):
        part = test[["unique_id", "ds"]].assign(model=name, cutoff=np.where(test["ds"] <= cutoffs[1], *cutoffs))
        error = rng.normal(0, 1 if number == 0 else worse, len(part))
        part["mean"] = np.maximum(test["y"] + error, 0)
        spread = part["mean"].to_numpy()[:, None] + np.array([-3, -2, -1, 0, 1, 2, 3])
        parts.append(part.assign(**{q: np.maximum(spread[:, k], 0) for k, q in enumerate(QUANTILE_COLUMNS)}))
    return scored_rows(pd.concat(parts, ignore_index=True), panel), panel


@pytest.mark.parametrize("metric", METRICS)
def test_a_grid_holds_the_metric_that_evaluate_reports(metric):
    rows, panel = made_rows()
    rows = rows.drop(rows.index[(rows["unique_id"] == "s1") & (rows["ds"].dt.day == 4)])  # a day not scored
    table = evaluate(rows, panel, 7).set_index("model")[metric]
    grid = loss_grid(rows, panel, 7, metric)
    assert grid.values() == pytest.approx(table[grid.models].to_numpy())
    assert grid.by_period().mean().to_numpy() == pytest.approx(grid.values())


def test_every_draw_is_a_resample_and_the_same_for_all_models():
    numerator = np.ones((2, 5, 28))
    numerator[1] = 3.0
    grid = LossGrid(["a", "b"], pd.date_range("2024-01-01", periods=28), numerator, np.ones((5, 28)))
    for resample in ("series", "periods", "both"):
        drawn = bootstrap_values(grid, BlockBootstrap(resample, replicates=100))
        assert drawn.shape == (100, 2) and drawn == pytest.approx(np.tile([1.0, 3.0], (100, 1)))


def test_blocks_keep_neighbours_together():
    """Loss of one week only: with weekly blocks the number of its days drawn has the variance of whole blocks."""
    numerator = np.zeros((1, 1, 70))
    numerator[0, 0, :7] = 10.0
    grid = LossGrid(["a"], pd.date_range("2024-01-01", periods=70), numerator, np.ones((1, 70)))

    def spread(length):
        return bootstrap_values(grid, BlockBootstrap("periods", length, 4000))[:, 0].var()

    overlap = np.array([7 - abs(k) for k in range(-6, 7)])  # days of the week in a block, by where it begins
    block = (overlap**2).sum() / 70 - (overlap.sum() / 70) ** 2
    assert spread(7) == pytest.approx(10 * block / 49, rel=0.1)
    assert spread(1) == pytest.approx(70 * 0.1 * 0.9 / 49, rel=0.1)


def test_differences_are_paired_signed_and_repeatable():
    rows, panel = made_rows(("a", "b", "c"), worse=3.0)
    config = BlockBootstrap(replicates=500)
    table = differences(rows, panel, 7, "b", "mae", config)
    values = evaluate(rows, panel, 7).set_index("model")["mae"]
    assert table["model"].tolist() == [name for name in values.index if name != "b"]
    first = table.set_index("model").loc["a"]
    assert first["difference"] == pytest.approx(values["a"] - values["b"])
    assert first["relative"] == pytest.approx(values["a"] / values["b"] - 1)
    assert first["low"] < first["difference"] < first["high"] < 0 and first["verdict"] == "better"
    assert first["relative_low"] < first["relative"] < first["relative_high"] < 0
    assert differences(rows, panel, 7, "a", "mae", config).set_index("model").loc["b", "verdict"] == "worse"
    pd.testing.assert_frame_equal(table, differences(rows, panel, 7, "b", "mae", config), check_exact=True)
    other = differences(rows, panel, 7, "b", "mae", BlockBootstrap(replicates=500, seed=1))
    assert not np.allclose(other["low"], table["low"])


def test_pairing_narrows_the_interval():
    rows, panel = made_rows()
    drawn = bootstrap_values(loss_grid(rows, panel, 7, "wape"), BlockBootstrap(replicates=500))
    shuffled = np.random.default_rng(0).permutation(drawn[:, 1])
    assert (drawn[:, 0] - drawn[:, 1]).std() < 0.8 * (drawn[:, 0] - shuffled).std()


def autoregressive(rng, shape, phi):
    noise, values = rng.normal(size=shape), np.zeros(shape)
    values[:, 0] = noise[:, 0]
    for t in range(1, shape[1]):
        values[:, t] = phi * values[:, t - 1] + np.sqrt(1 - phi**2) * noise[:, t]
    return values


def test_intervals_hold_the_truth_when_series_and_days_share_shocks():
    """No true difference, but products and days differ: crossing both nearly keeps its promise, one alone does not."""
    rng, tries = np.random.default_rng(0), 150
    hits = dict.fromkeys(("series", "periods", "both"), 0)
    for number in range(tries):
        change = autoregressive(rng, (60, 84), 0.3) + 0.3 * rng.normal(size=(60, 1))
        change += 0.3 * autoregressive(rng, (1, 84), 0.5)
        losses = np.stack([10 + change / 2, 10 - change / 2])
        grid = LossGrid(["a", "b"], pd.date_range("2024-01-01", periods=84), losses, np.ones((60, 84)))
        for resample in hits:
            drawn = bootstrap_values(grid, BlockBootstrap(resample, replicates=200, seed=number))
            low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
            hits[resample] += low <= 0 <= high
    assert 0.85 <= hits["both"] / tries <= 0.99, hits
    assert hits["series"] / tries < 0.8 and hits["both"] > hits["periods"], hits


def test_bad_settings_are_refused():
    rows, panel = made_rows()
    with pytest.raises(ValueError, match="resample='days'.*series, periods, both"):
        BlockBootstrap(resample="days")
    with pytest.raises(ValueError, match="replicates=5"):
        BlockBootstrap(replicates=5)
    with pytest.raises(ValueError, match="reference='z'.*a, b"):
        differences(rows, panel, 7, "z", "mae")
    with pytest.raises(ValueError, match="metric='rmse'"):
        loss_grid(rows, panel, 7, "rmse")
    with pytest.raises(ValueError, match="blocks of 20 periods in 28"):
        differences(rows, panel, 7, "a", "mae", BlockBootstrap(length=20))
    moved = rows.assign(ds=rows["ds"].where(rows["model"] == "a", rows["ds"] + pd.Timedelta(days=1)))
    with pytest.raises(ValueError, match="different rows"):
        loss_grid(moved, panel, 7, "mae")


def test_diebold_mariano_by_hand():
    """Differential 1, 2, 0, 3, -1, 1: mean 1, autocovariances 10/6, -7/6; the plain sum at two steps is negative."""
    change = np.array([1.0, 2, 0, 3, -1, 1])
    one = diebold_mariano(change, np.zeros(6), horizon=1)
    statistic = np.sqrt(5 / 6) / np.sqrt(10 / 6 / 6)  # factor of Harvey, Leybourne and Newbold at h = 1: (n - 1) / n
    assert one.statistic == pytest.approx(statistic) and one.kernel == "rectangular"
    assert one.p_value == pytest.approx(stats.ttest_1samp(change, 0).pvalue), "at one step it is Student's test"
    two = diebold_mariano(change, np.zeros(6), horizon=2)
    factor = np.sqrt((6 + 1 - 4 + 2 / 6) / 6)
    assert two.statistic == pytest.approx(factor / np.sqrt((10 - 7) / 6 / 6)) and two.kernel == "bartlett"
    swapped = diebold_mariano(np.zeros(6), change, horizon=1)
    assert swapped.statistic == -one.statistic and swapped.p_value == one.p_value


def test_diebold_mariano_sums_autocovariances():
    """Differential 2, 2, 1, 0, 0, 1, 2, 2: mean 5/4, neighbours alike, so the statistic is smaller than at one step."""
    change = np.array([2.0, 2, 1, 0, 0, 1, 2, 2])
    centred = [0.75, 0.75, -0.25, -1.25, -1.25, -0.25, 0.75, 0.75]
    zero = sum(c * c for c in centred) / 8
    one = sum(a * b for a, b in zip(centred[1:], centred[:-1], strict=True)) / 8
    result = diebold_mariano(change, np.zeros(8), horizon=2)
    factor = np.sqrt((8 + 1 - 4 + 2 / 8) / 8)
    assert result.statistic == pytest.approx(factor * 1.25 / np.sqrt((zero + 2 * one) / 8))
    assert result.kernel == "rectangular"


@pytest.mark.parametrize("horizon", [1, 3])
def test_diebold_mariano_rejects_a_true_null_in_about_one_of_twenty(horizon):
    rng, tries = np.random.default_rng(horizon), 2000
    steps = np.lib.stride_tricks.sliding_window_view(rng.normal(size=(tries, 100 + horizon - 1)), horizon, axis=1)
    rejected = np.mean([diebold_mariano(d, np.zeros(100), horizon).p_value < 0.05 for d in steps.sum(2)])
    assert 0.03 < rejected < 0.08, rejected
    if horizon > 1:  # the test that forgets the overlap of its forecasts sees differences where there are none
        naive = np.mean([diebold_mariano(d, np.zeros(100), 1).p_value < 0.05 for d in steps.sum(2)])
        assert naive > 0.15, naive


def test_diebold_mariano_refuses_what_it_cannot_test():
    with pytest.raises(ValueError, match="constant"):
        diebold_mariano(np.ones(10), np.zeros(10))
    with pytest.raises(ValueError, match="horizon=9"):
        diebold_mariano(np.arange(10.0), np.zeros(10), 9)


def test_diebold_mariano_table_names_every_model_but_the_reference():
    rows, panel = made_rows(("a", "b", "c"), worse=3.0)
    table = diebold_mariano_table(rows, panel, 7, "a", "wape", 7).set_index("model")
    assert list(table.index) == ["b", "c"] and (table["statistic"] > 0).all() and (table["p_value"] < 0.01).all()
    twin = pd.concat([rows, rows[rows["model"] == "a"].assign(model="twin")])
    same = diebold_mariano_table(twin, panel, 7, "a", "crps", 7).set_index("model").loc["twin"]
    assert same["p_value"] == 1 and same["kernel"] == "identical"
