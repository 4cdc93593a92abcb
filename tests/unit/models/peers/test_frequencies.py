"""Local and boosted peers on months, on short series and with any names of columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.panel import extend_panel
from salesforecast_lib.models.ensembles.members import direct_config, member_forecasts
from salesforecast_lib.models.forecaster.ablation import ablate
from salesforecast_lib.models.peers import baselines
from salesforecast_lib.models.peers.baselines import statistical_forecasts
from salesforecast_lib.models.peers.recursive import lightgbm_forecasts

LOCAL = ("SeasonalNaive", "WindowAverage", "Theta", "CrostonOptimized", "TSB")
ODD = ["price [EUR]", "promo: yes/no", "größe, cm", 'brand "x"', "{a}", "价格", "x" * 300]


def made_panel(freq, lengths, seed=0):
    """Series of these lengths that end together, with a cycle of the frequency's season."""
    rng, parts = np.random.default_rng(seed), []
    season = min(check_freq(freq).season, 12)
    for k, length in enumerate(lengths):
        ds = pd.date_range(end="2024-06-30", periods=length, freq=check_freq(freq).alias)
        y = rng.poisson(30 * (1 + 0.8 * np.sin(2 * np.pi * (np.arange(length) - length) / season))) + 0.0
        parts.append(pd.DataFrame({"unique_id": f"s{k}", "ds": ds, "y": y}))
    return pd.concat(parts, ignore_index=True).assign(available=1.0, open=1.0)


def meta_of(freq, horizon=3, **more):
    known = check_freq(freq)
    told = {"freq": known.alias, "season_length": known.season, "horizon": horizon, "country": "US"}
    return {**told, "static": [], "historical": [], "future": ["open"], **more}


@pytest.mark.parametrize("freq", ["D", "W-WED", "M"])
def test_every_member_forecasts_short_and_long_series(freq):
    panel, meta = made_panel(freq, (70, 40, 13, 5, 2, 1)), meta_of(freq)
    table, cutoff = build_features(panel, meta), panel["ds"].max()
    extended = extend_panel(panel, ["open"], [], meta["freq"], 3)
    known = build_features(extended, meta).frame
    told = (extended, cutoff, 3, meta["freq"], meta["season_length"])
    network = statistical_forecasts(*told, models=("SeasonalNaive",)).assign(model="LSTM")
    config = direct_config(freq, 1000, 0, 1)
    made = member_forecasts(extended, table, known, meta, [cutoff], LOCAL, config, network)
    values = made[[name for name in made if name == "mean" or name.startswith("q0")]].to_numpy(float)
    assert np.isfinite(values).all() and (values >= 0).all()
    assert (made.groupby("model").size() == 18).all() and made["model"].nunique() == 9
    assert set(made["ds"]) == set(check_freq(freq).after(cutoff, 3))


def test_months_know_their_season():
    panel, meta = made_panel("M", (72,) * 4), meta_of("M", 6)
    cutoff = panel["ds"].unique()[-7]
    known = panel[panel["ds"] <= cutoff]
    table = statistical_forecasts(known, cutoff, 6, "ME", 12, models=("SeasonalNaive", "WindowAverage", "AutoETS"))
    table = pd.concat([table, lightgbm_forecasts(panel, meta, pd.Timestamp(cutoff))])
    wape = {}
    for model, part in table.merge(panel, on=["unique_id", "ds"]).groupby("model"):
        wape[model] = (part["mean"] - part["y"]).abs().sum() / part["y"].sum()
    level = known.groupby("unique_id")["y"].transform(lambda y: y.tail(12).mean()).iloc[-1]
    late = panel[panel["ds"] > cutoff]
    without = (late["y"] - level).abs().sum() / late["y"].sum()
    assert max(wape.values()) < 0.6 * without, (wape, without)


def test_columns_with_any_name_reach_the_boosted_models():
    panel = made_panel("D", (120, 120, 120))
    for k, name in enumerate(ODD):
        panel[name] = np.random.default_rng(k).normal(size=len(panel))
    panel['kind, "of" {it}'] = panel["unique_id"].map({"s0": "A{1}", "s1": "B,2", "s2": '"'})
    meta = meta_of("D", 7, static=['kind, "of" {it}'], historical=ODD[:4], future=["open", *ODD[4:]])
    cutoff = panel["ds"].max() - pd.Timedelta(days=7)
    odd = lightgbm_forecasts(panel, meta, cutoff)
    plain = {name: f"c{k}" for k, name in enumerate([*ODD, 'kind, "of" {it}'])}
    renamed = {**meta, **{role: [plain.get(n, n) for n in meta[role]] for role in ("static", "historical", "future")}}
    assert odd.equals(lightgbm_forecasts(panel.rename(columns=plain), renamed, cutoff)), "a name changes nothing"
    gains = [
        ablate(build_features(p, m), 7, cutoff, "D", [0])
        for p, m in ((panel, meta), (panel.rename(columns=plain), renamed))
    ]
    assert len(gains[0]) and gains[0].equals(gains[1])


def test_season_of_a_year_leaves_a_scale_in_a_shorter_history():
    from salesforecast_lib.data.scaling import naive_changes
    from salesforecast_lib.evaluation.metrics import naive_scales

    panel = made_panel("W", (40, 30))
    ends = [panel["ds"].unique()[k] for k in (25, 33)]
    scales = naive_scales(panel, ends, 52)
    assert (scales[["absolute", "square"]] > 0).all(axis=None), "the change from week to week stands in"
    long = made_panel("W", (120, 60))
    with_year = naive_scales(long, [long["ds"].max()], 52).set_index("unique_id")["absolute"]
    by_hand = long.groupby("unique_id")["y"].apply(lambda y: y.diff(52).abs().mean())
    assert with_year.to_dict() == pytest.approx(by_hand.to_dict())
    still = panel.assign(y=4.0)
    assert (naive_changes(still, 4).dropna() == 0).all() and naive_scales(still, ends, 4)["absolute"].isna().all()


@pytest.mark.parametrize(("periods", "approximate"), [(151, True), (150, False)])
def test_autoarima_compares_orders_by_sums_of_squares_on_a_long_history(periods, approximate):
    assert baselines._statistical_model("AutoARIMA", 7, 8, periods).approximation is approximate
