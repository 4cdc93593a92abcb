"""Members and settings by the data's size and the budget."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts
from salesforecast_lib.models.champion.plan import Size, plan_fits
from salesforecast_lib.models.champion.weights import PRIOR
from tests.unit.models.champion.made import told

BOTH = ("Boosting", "SeasonalBoosting")


@pytest.mark.parametrize(
    "kind, horizon, validation, enough", [("D", 28, 4, 364 + 112), ("W", 13, 4, 52 + 52), ("M", 3, 2, 12 + 6)]
)
def test_last_season_is_asked_where_every_cutoff_has_a_year_before_it(kind, horizon, validation, enough):
    config = ChampionConfig(validation=validation)
    for periods in (enough, enough - 1):
        fits = plan_fits(Size(60, periods, 60 * periods, horizon, kind), 1, periods, config)
        assert fits.validation == validation
        assert ("SeasonalBoosting" in fits.members) == (periods == enough)
        assert "Boosting" in fits.members
    assert (
        f"the {enough - 1 - validation * horizon} periods before the first cutoff" in fits.left_out["SeasonalBoosting"]
    )


def test_a_member_asked_for_by_name_is_fitted_whatever_the_history():
    fits = plan_fits(Size(60, 60, 3600, 13, "W"), 1, 60, ChampionConfig(members=("SeasonalBoosting", "Theta")))
    assert set(fits.members) == {"SeasonalBoosting", "Theta"} and fits.left_out == {}


def test_two_boostings_share_the_time_of_one():
    size = Size(500, 800, 400_000, 28, "D")
    alone, both = (plan_fits(size, 4, 700, ChampionConfig(4.0, members=names)) for names in (BOTH[:1], BOTH))
    work = [fits.boosting_rows * fits.boosting_trees * fits.boosting_draws for fits in (alone, both)]
    assert work[1] < work[0]


def yearly(repeats: bool, series: int = 24, weeks: int = 190, horizon: int = 13) -> pd.DataFrame:
    """Weekly sales with a strong season of each product's own that comes back every year, or another one every year."""
    rng, parts = np.random.default_rng(3), []
    stamps = pd.date_range("2020-01-05", periods=weeks + horizon, freq="W-SUN")
    year = np.arange(len(stamps)) // 52
    for number in range(series):
        phase = rng.uniform(0, 52, year.max() + 1)
        at = phase[0] if repeats else phase[year]
        level = 200.0 * np.exp(0.8 * np.sin(2 * np.pi * (np.arange(len(stamps)) + at) / 52))
        y = rng.poisson(level).astype(float)
        y[weeks:] = np.nan
        frame = {"unique_id": f"s{number:02d}", "ds": stamps, "y": y, "available": 1.0, "open": 1.0, "kind": "a"}
        parts.append(pd.DataFrame(frame))
    return pd.concat(parts, ignore_index=True)


def test_earlier_cutoffs_tell_whether_last_year_comes_back():
    shares = {}
    for repeats in (True, False):
        table, known, meta, last = told(yearly(repeats), freq="W-SUN", season_length=52, horizon=13, future=["open"])
        config = ChampionConfig(0.1, BOTH, (0.1, 0.5, 0.9), validation=1)
        composition = champion_forecasts(table, known, meta, [last], config).compositions[str(last.date())]
        shares[repeats] = composition.weights.get("SeasonalBoosting", 0.0)
    prior = PRIOR["SeasonalBoosting"] / (PRIOR["Boosting"] + PRIOR["SeasonalBoosting"])
    assert shares[True] > prior > shares[False]


@pytest.mark.parametrize("kind, periods, horizon", [("D", 900, 42), ("W", 300, 13)])
def test_a_rule_fitted_series_by_series_has_to_fit_the_budget_too(kind, periods, horizon):
    for series, minutes, kept in ((60, 3.0, True), (6000, 3.0, False), (6000, 600.0, True)):
        size = Size(series, periods, series * periods, horizon, kind)
        fits = plan_fits(size, 4, periods - 3 * horizon, ChampionConfig(minutes))
        assert ("Theta" in fits.members) == kept
        assert kept or "the budget has 0.6" in fits.left_out["Theta"]
    asked = plan_fits(size, 4, periods - 3 * horizon, ChampionConfig(3.0, members=("Theta", "Boosting")))
    assert "Theta" in asked.members, "asked for by name"


def test_a_large_shop_has_fewer_trees_for_what_its_memory_costs():
    small, large = (
        plan_fits(Size(series, 900, series * 900, 42, "D"), 4, 770, ChampionConfig(6.0)) for series in (100, 990)
    )
    assert large.boosting_rows * large.boosting_trees < small.boosting_rows * small.boosting_trees
