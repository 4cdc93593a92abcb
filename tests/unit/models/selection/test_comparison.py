"""Networks side by side: disturbed sales, gains with Student's interval, and the sentences about them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.models.forecaster.fit import fit_network
from salesforecast_lib.models.selection import Disturbance, OriginScore, compare, paired_gains, summarise
from salesforecast_lib.models.selection.comparison import gains_at, robustness, variants
from salesforecast_lib.models.selection.disturbance import with_sales
from salesforecast_lib.models.selection.validation import rolling_validation
from salesforecast_lib.models.selection.verdicts import (
    choose_settings,
    differences_found,
    robustness_found,
    stopping_found,
)
from tests.unit.models.selection.test_tuning import BASE, CUTOFF, META, made_table

RAW = {"freq": "D", "season_length": 7, "country": "US", "static": ["group"], "historical": [], "future": ["plan"]}


def featured() -> FeatureTable:
    """The made panel with the book's own features."""
    return build_features(made_table().frame.drop(columns="lag"), RAW)


def made_score(window: int = 14) -> OriginScore:
    protocol = rolling_validation(CUTOFF, META, origins=1)
    base = replace(BASE, window=window, forking=False)  # reads the window and no more
    return OriginScore(featured(), protocol, protocol.origins[0], base)


class ScaleOnly(torch.nn.Module):
    """Forecasts the level of the window at each step, and reads nothing else."""

    quantiles = (0.1, 0.5, 0.9)

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, batch):
        return torch.ones(*batch.target.shape, 3) * self.weight


# ------------------------------------------------------------------------------------------ disturbed sales


def test_windows_made_anew_from_the_same_sales_are_the_same():
    windows = made_score().windows
    again = windows.moved(np.zeros(windows.rows.shape))
    assert all(torch.equal(value, getattr(windows.clean, name)) for name, value in vars(again).items())


def test_a_disturbance_reaches_level_seasonal_average_and_features():
    windows, table = made_score().windows, featured()
    noisy, clean = windows.noisy(0.5, seed=1), windows.clean
    for name in ("scale", "seasonal", "phases"):
        assert not torch.equal(getattr(noisy, name), getattr(clean, name)), name
    assert all(torch.equal(getattr(noisy, n), getattr(clean, n)) for n in ("future", "static", "target", "weight"))
    sales = noisy.history[:, :, 0] * torch.exp(noisy.history[:, :, 3])  # scaled sales times each row's level
    lag = 4 + table.roles["historical"].index("lag_7")
    lagged = noisy.history[:, :, lag] * torch.exp(noisy.history[:, :, 3])
    seen = noisy.history[:, :-7, 2] > 0  # a closed day has no sales to be told
    assert torch.allclose(lagged[:, 7:][seen], sales[:, :-7][seen], atol=1e-3), "the feature tells the disturbed sales"
    closed = torch.as_tensor(~windows.free)
    before = clean.history[:, :, 0] * torch.exp(clean.history[:, :, 3])
    assert closed.any() and torch.allclose(sales[closed], before[closed], atol=1e-3)
    assert (sales >= 0).all()


def test_a_network_that_reads_the_level_only_can_be_attacked():
    score, model = made_score(), ScaleOnly()
    clean = score(model)
    assert score(model, Disturbance(attack=0.3)) > clean + 0.01
    assert score(model, Disturbance(noise=0.5), seed=3) == score(model, Disturbance(noise=0.5), seed=3) != clean


def test_an_attack_hurts_more_than_moves_of_the_same_size_in_random_directions():
    table, protocol = featured(), rolling_validation(CUTOFF, META, origins=1)
    model = fit_network(table, META, protocol.origins[0], BASE, refit=False).forecaster.model.eval()
    score = OriginScore(table, protocol, protocol.origins[0], BASE)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], score.windows.rows.shape)
    random = float(score.losses(model, score.windows.moved(0.2 * signs)).mean())
    assert score(model, Disturbance(attack=0.2)) > max(score(model), random)


def test_a_disturbance_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="noise=-1"):
        Disturbance(noise=-1)
    with pytest.raises(ValueError, match="not both"):
        made_score()(ScaleOnly(), Disturbance(noise=1, attack=1))


def test_other_sales_change_what_is_derived_from_sales_only():
    table = featured()
    told = with_sales(table, table.frame["y"] * 2, "D")
    changed = {name for name in table.frame if not told.frame[name].equals(table.frame[name])}
    assert {"y", "lag_1", "mean_7", "trend"} <= changed and not changed & {"plan", "available", "weekday_0", "group"}


# -------------------------------------------------------------------------------------- comparison


def test_compare_gives_mean_and_spread_over_seeds():
    table, protocol = made_table(), rolling_validation(CUTOFF, META, origins=2)
    configs = {"small": BASE, "large": replace(BASE, hidden_size=24)}
    histories = {
        "clean": Disturbance(),
        "noisy": Disturbance(noise=3.0),
        "attacked": Disturbance(attack=1),
    }
    results = compare(table, META, protocol, configs, seeds=(0, 1, 2), disturbances=histories)
    assert len(results) == 2 * 2 * 3 * 3
    again = compare(table, META, protocol, {"small": BASE}, seeds=(1,))
    same = results[(results["config"] == "small") & (results["seed"] == 1) & (results["history"] == "clean")]
    assert list(again["score"]) == list(same["score"])
    summary = summarise(results)
    by_seed = results[(results["config"] == "large") & (results["history"] == "clean")].groupby("seed")["score"].mean()
    row = summary[(summary["config"] == "large") & (summary["history"] == "clean")].iloc[0]
    assert row["score"] == pytest.approx(by_seed.mean()) and row["spread"] == pytest.approx(by_seed.std())
    by_history = summary[summary["config"] == "large"].set_index("history")["score"]
    assert by_history["attacked"] > by_history["clean"] != by_history["noisy"]
    assert row["seeds"] == 3 and row["parameters"] > summary.set_index("config").loc["small", "parameters"].iloc[0]


def test_gains_are_taken_under_each_protocol():
    table, protocol = made_table(), rolling_validation(CUTOFF, META, origins=1)
    configs = {"default": BASE, "large": replace(BASE, hidden_size=24)}
    gains = gains_at(table, META, {"now": protocol, "later": protocol.later()}, configs, (1, 2))
    expected = paired_gains(compare(table, META, protocol.later(), configs, (1, 2)), "default")
    assert list(gains) == ["now", "later"] and list(gains["now"].index) == ["large"]
    pd.testing.assert_frame_equal(gains["later"], expected)


def test_variants_differ_from_the_defaults_in_one_thing():
    networks = variants(BASE, (7, 14, 28))
    assert networks["default"] == BASE and "window 14" not in networks and "lstm" not in networks
    assert networks["gru"] == replace(BASE, encoder="gru") and networks["window 28"] == replace(BASE, window=28)
    assert len(set(map(str, networks.values()))) == len(networks)


def made_results(scores: dict[str, list[float]]) -> pd.DataFrame:
    rows = [{"config": c, "seed": k, "history": "clean", "score": v} for c, each in scores.items()
            for k, v in enumerate(each)]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_interval_of_a_gain_is_students_with_seeds_less_one_degrees_of_freedom():
    gains = [0.2, 1.6, 0.1, 1.3, 0.9]  # per cent, over five seeds
    results = made_results({"default": [1.0] * 5, "searched": [1 - gain / 100 for gain in gains]})
    row = paired_gains(results, "default").loc["searched"]
    expected = stats.t.interval(0.95, 4, np.mean(gains), stats.sem(gains))
    assert (row["low"], row["high"]) == pytest.approx(expected)
    assert np.mean(gains) - 2 * stats.sem(gains) > 0 > row["low"], "two standard errors would have called it sure"


def test_several_candidates_share_the_chance_of_an_error_and_one_seed_is_never_sure():
    scores = {"default": [1.0, 1.1, 0.9], "a": [0.9, 1.0, 0.85], "b": [0.9, 1.0, 0.85]}
    two = paired_gains(made_results(scores), "default")
    one = paired_gains(made_results({k: scores[k] for k in ("default", "a")}), "default")
    assert two.loc["a", "low"] < one.loc["a", "low"] and two.loc["a", "gain"] == one.loc["a", "gain"]
    assert paired_gains(made_results({"default": [1.0], "a": [0.5]}), "default").loc["a", ["low", "high"]].isna().all()


def test_robustness_gives_what_each_disturbance_takes():
    rows = [
        {"config": c, "seed": seed, "history": history, "score": value}
        for c, clean in (("none", 1.0), ("dropout", 2.0))
        for seed in (0, 1)
        for history, value in (("clean", clean), ("attack", 3.0))
    ]
    table = robustness(pd.DataFrame(rows).assign(last_score=3.0, parameters=1, epochs=1, seconds=0))
    assert list(table.index) == ["none", "dropout"]
    assert list(table.columns) == ["last epoch", "clean", "attack", "lost to attack (%)"]
    assert table["lost to attack (%)"].tolist() == pytest.approx([200.0, 50.0])


# ---------------------------------------------------------------------------------------- verdicts


def gains_of(**rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=["gain", "low", "high"])


@pytest.mark.parametrize(
    "validation, later, name, words",
    [
        ((1.0, 0.2, 1.8), 0.5, "best", "which is sure; on the later horizon they were 0.5 % better: searched settings"),
        ((1.0, 0.2, 1.8), -0.8, "default", "on the later horizon they were 0.8 % worse: default kept"),
        ((1.0, -0.2, 2.2), 0.5, "default", "1.0 % is left, which is not sure; on the later horizon they were"),
        ((1.0, np.nan, np.nan), 0.5, "default", "not sure"),
    ],
)
def test_searched_settings_are_taken_only_if_sure_and_still_a_gain_later(validation, later, name, words):
    choice = choose_settings({"best": 1.6}, gains_of(best=validation), gains_of(best=(later, 0, 0)))
    assert choice.name == name and words in choice.sentence
    assert choice.sentence.startswith("the searched settings promised 1.6 %")


def test_a_search_that_found_only_the_defaults_keeps_them():
    assert choose_settings({}, gains_of(), gains_of()).name == "default"


def test_differences_and_remedies_are_named_or_called_level():
    found = differences_found(gains_of(a=(2, 1, 3), b=(0, -1, 1), c=(-3, -4, -2)), "default")
    assert found == "surely better than default: a; surely worse: c; not to be told apart from it: 1 of 3"
    assert "about level" in stopping_found(1.0, 1.001) and "lowers the error by 10 %" in stopping_found(0.9, 1.0)
    table = pd.DataFrame({"lost to attack (%)": [24.0, 23.3, 15.2]}, index=["none", "dropout", "adversarial"])
    assert robustness_found(table, "attack", list(table.index)) == (
        "attack takes 24 % from a network without remedies; least with adversarial"
    )
    assert "no remedy saves more than 1 point" in robustness_found(table.iloc[:2], "attack", ["none", "dropout"])
