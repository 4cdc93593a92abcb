"""Members and settings by the data's size and the budget."""

import pytest

from salesforecast_lib.models.champion import ChampionConfig
from salesforecast_lib.models.champion.plan import Size, plan_fits


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
        plan_fits(Size(series, 900, series * 900, 42, "D"), 4, 770, ChampionConfig(2.0)) for series in (100, 990)
    )
    assert large.boosting_rows * large.boosting_trees < small.boosting_rows * small.boosting_trees


def test_a_trial_fits_one_small_network_once():
    size = Size(12, 700, 12 * 700, 14, "D")
    trial, whole = (plan_fits(size, 3, 650, ChampionConfig(minutes)) for minutes in (0.2, 6.0))
    assert len(trial.networks) == 1 and trial.refit_every == 3 + trial.validation, "one fit serves every cutoff"
    assert len(whole.networks) > 1 and whole.refit_every < 3 + whole.validation
    few, many = (fits.networks[0].training for fits in (trial, whole))
    assert few.max_epochs * few.epoch_steps < 0.1 * many.max_epochs * many.epoch_steps
