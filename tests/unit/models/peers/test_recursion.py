"""The stored one-step model, run on one matrix, says bit for bit what mlforecast says with it."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.models.peers import recursive
from salesforecast_lib.models.peers.recursive import lightgbm_means
from salesforecast_lib.models.peers.shelf import Shelf

META = {"horizon": 5, "season_length": 7, "static": ["brand", "shop floor"], "future": ["open", "promo"]}


def made(freq: str, periods: int, series: int = 6) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Series of unlike size with a promotion, days off and two categories; the last one is young."""
    rng, days = np.random.default_rng(3), pd.date_range("2021-01-03", periods=periods + 5, freq=freq)
    parts = []
    for number in range(series):
        own = days[-12:] if number == series - 1 else days
        promo = rng.integers(0, 2, len(own)).astype("float64")
        y = rng.poisson((2 + 9 * number) * (1 + promo)).astype("float64")
        told = {"brand": f"b{number % 2}", "shop floor": f"f{number % 3}", "open": 1.0, "promo": promo}
        parts.append(pd.DataFrame({"unique_id": f"s{number}", "ds": own, "y": y, "available": 1.0, **told}))
    panel = pd.concat(parts, ignore_index=True)
    panel.loc[rng.random(len(panel)) < 0.05, "available"] = 0.0
    cutoff = days[-6]
    panel.loc[panel["ds"] > cutoff, ["y", "available"]] = np.nan
    return panel, cutoff


def stored(shelf: Shelf) -> Shelf:
    """The models as they come back from their files."""
    back = {name: lgb.Booster(model_str=model.model_to_string()) for name, model in shelf.models.items()}
    return Shelf(back, closed=True)


def means(panel, cutoff, freq, shelf):
    return lightgbm_means(panel, META | {"freq": freq}, cutoff, shelf=shelf)


@pytest.mark.parametrize(("freq", "periods"), [("D", 130), ("W-SUN", 90), ("MS", 70)])
def test_a_stored_model_forecasts_the_same_bits_as_when_it_was_fitted(freq, periods):
    panel, cutoff = made(freq, periods)
    shelf = Shelf()
    fresh, again = means(panel, cutoff, freq, shelf), means(panel, cutoff, freq, stored(shelf))
    assert len(shelf.models) == 2
    for name in ("table", "earlier", "observed"):
        left, right = getattr(fresh, name), getattr(again, name)
        pd.testing.assert_frame_equal(left, right, check_exact=True, check_names=False)
    assert fresh.table["mean"].nunique() > 10, "the forecasts follow their inputs"


def test_an_unknown_category_is_missing_and_other_series_stay_as_they_are():
    panel, cutoff = made("D", 130)
    shelf = Shelf()
    means(panel, cutoff, "D", shelf)
    odd = panel.assign(brand=panel["brand"].where(panel["unique_id"] != "s1", "never seen"))
    plain, other = (
        means(each, cutoff, "D", stored(shelf)).table.set_index("unique_id")["mean"] for each in (panel, odd)
    )
    assert np.isfinite(other).all()
    np.testing.assert_array_equal(plain.drop("s1"), other.drop("s1"))


def test_each_series_alone_gets_the_forecast_that_it_gets_among_all():
    panel, cutoff = made("D", 130)
    shelf = Shelf()
    whole = means(panel, cutoff, "D", shelf).table
    for name in ("s0", "s3", "s5"):  # the last one is too short for the model
        alone = means(panel[panel["unique_id"] == name], cutoff, "D", stored(shelf)).table
        np.testing.assert_array_equal(alone["mean"], whole.loc[whole["unique_id"] == name, "mean"])


def test_a_period_ahead_that_is_missing_is_told():
    panel, cutoff = made("D", 130)
    shelf = Shelf()
    means(panel, cutoff, "D", shelf)
    lacking = panel[~((panel["unique_id"] == "s2") & (panel["ds"] == panel["ds"].max()))]
    with pytest.raises(ValueError, match="series 's2' has not each of the 5 periods"):
        means(lacking, cutoff, "D", stored(shelf))


def test_cutoffs_a_horizon_apart_share_the_fit_between_them(monkeypatch):
    panel, cutoff = made("D", 130)
    panel["available"] = panel["available"].where(panel["available"].isna(), 1.0)
    days = sorted(panel.loc[panel["ds"] <= cutoff, "ds"].unique())
    cutoffs = [days[-1 - META["horizon"]], days[-1]]
    fits, fit = [], lgb.LGBMRegressor.fit
    monkeypatch.setattr(lgb.LGBMRegressor, "fit", lambda model, *rows: fits.append(len(rows[0])) or fit(model, *rows))

    recursive._latest.clear()
    together = [means(panel, each, "D", Shelf()) for each in cutoffs]
    assert len(fits) == 3, "the model of the first cutoff is the earlier one of the second"
    alone = []
    for each in cutoffs:
        recursive._latest.clear()
        alone.append(means(panel, each, "D", Shelf()))
    assert len(fits) == 7
    for left, right in zip(together, alone, strict=True):
        for name in ("table", "earlier"):
            pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)


def test_other_sales_are_fitted_anew():
    panel, cutoff = made("D", 130)
    odd = panel.assign(y=panel["y"].where(panel["unique_id"] != "s4", 2 * panel["y"] + 1))
    plain, other = (means(each, cutoff, "D", Shelf()).table["mean"] for each in (panel, odd))
    assert not np.allclose(plain, other)
