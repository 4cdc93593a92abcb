"""Rolling origin with any model, segments of series, and the pages of forecasts."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.evaluation.backtest import (
    FittedAtEachCutoff,
    Fixed,
    as_of,
    peer_models,
    rolling_origin,
)
from salesforecast_lib.evaluation.segments import FROM_THE_START, age_bands, volume_groups
from salesforecast_lib.models.peers.baselines import close_shop, statistical_forecasts
from salesforecast_lib.models.peers.recursive import lightgbm_forecasts
from salesforecast_lib.plots import Page, forecast_page, pager

META = {
    "freq": "D",
    "season_length": 7,
    "horizon": 7,
    "static": ["group"],
    "historical": ["price"],
    "future": ["open"],
}


def made_panel(lengths=(100, 100), seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for number, length in enumerate(lengths):
        ds = pd.date_range(end="2024-06-30", periods=length)
        frame = pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": rng.poisson(4 + ds.dayofweek).astype(float)})
        parts.append(frame.assign(available=1.0, price=1.0, open=1.0, group="g", baskets=3))
    return pd.concat(parts, ignore_index=True)


CUTOFFS = [pd.Timestamp("2024-06-16"), pd.Timestamp("2024-06-23")]


class LastValue:
    """Repeats the last value known when fitted; notes what it was shown."""

    def __init__(self):
        self.fitted, self.seen = [], []

    def fit(self, known, meta, cutoff):
        self.fitted.append(cutoff)
        level = known[known["ds"] == cutoff].set_index("unique_id")["y"]

        def forecast(later, origin):
            self.seen.append(later)
            steps = pd.date_range(origin, periods=meta["horizon"] + 1, freq=meta["freq"])[1:]
            rows = later.loc[later["ds"].isin(steps), ["unique_id", "ds"]]
            values = rows["unique_id"].map(level)
            return rows.assign(mean=values, **{name: values for name in QUANTILE_COLUMNS})

        return forecast


def test_refitting_or_not():
    panel, model = made_panel(), LastValue()
    table = rolling_origin(panel, META, CUTOFFS[::-1], {"last": model})
    assert model.fitted == CUTOFFS and len(table) == 2 * 2 * 7 and set(table["model"]) == {"last"}
    stale = LastValue()
    kept = rolling_origin(panel, META, CUTOFFS, {"last": stale}, refit=False)
    assert stale.fitted == CUTOFFS[:1]
    level = panel.set_index(["unique_id", "ds"])["y"]
    for name in ("s0", "s1"):
        new = table[(table["unique_id"] == name) & (table["cutoff"] == CUTOFFS[1])]["mean"]
        old = kept[(kept["unique_id"] == name) & (kept["cutoff"] == CUTOFFS[1])]["mean"]
        assert (new == level[name, CUTOFFS[1]]).all() and (old == level[name, CUTOFFS[0]]).all()


def test_models_are_shown_nothing_after_the_cutoff_but_what_is_known_ahead():
    panel, model = made_panel(), LastValue()
    rolling_origin(panel, META, CUTOFFS, {"last": model})
    for cutoff, seen in zip(CUTOFFS, model.seen, strict=True):
        after, before = seen[seen["ds"] > cutoff], seen[seen["ds"] <= cutoff]
        assert after[["y", "available", "price", "baskets"]].isna().all(axis=None)
        assert after[["open", "group"]].notna().all(axis=None) and before.notna().all(axis=None)
    assert panel["y"].notna().all(), "the panel itself stays whole"
    assert as_of(panel, META, CUTOFFS[0])["y"].notna().sum() == (panel["ds"] <= CUTOFFS[0]).sum()


def test_peers_are_the_same_as_called_one_by_one():
    panel = made_panel()
    expected = [
        part
        for cutoff in CUTOFFS
        for part in (statistical_forecasts(panel, cutoff, 7, "D", 7), lightgbm_forecasts(panel, META, cutoff))
    ]
    expected = close_shop(pd.concat(expected, ignore_index=True), panel, ["open"])
    pd.testing.assert_frame_equal(rolling_origin(panel, META, CUTOFFS, peer_models()), expected, check_exact=True)


def test_closed_days_are_known_to_every_model():
    panel = made_panel()
    panel.loc[panel["ds"] == "2024-06-20", "open"] = 0.0
    table = rolling_origin(panel, META, CUTOFFS, {"last": LastValue()}).groupby("ds")["mean"].max()
    assert table["2024-06-20"] == 0 and table["2024-06-21"] > 0


def test_a_model_fitted_at_each_cutoff_cannot_pretend_otherwise():
    model = FittedAtEachCutoff(lambda known, meta, cutoff: LastValue().fit(known, meta, cutoff)(known, cutoff))
    assert len(rolling_origin(made_panel(), META, CUTOFFS, {"last": model})) == 28
    with pytest.raises(ValueError, match="refit=True"):
        rolling_origin(made_panel(), META, CUTOFFS, {"last": model}, refit=False)


def test_a_model_that_has_seen_the_test_is_refused():
    panel = made_panel()
    forecast = LastValue().fit(panel, META, CUTOFFS[0])
    table = rolling_origin(panel, META, CUTOFFS, {"net": Fixed(forecast, CUTOFFS[0])})
    assert table["cutoff"].nunique() == 2
    with pytest.raises(ValueError, match="trained until 2024-06-23.*seen the test"):
        rolling_origin(panel, META, CUTOFFS, {"net": Fixed(forecast, CUTOFFS[1])})


def broken(change):
    model = LastValue()
    return FittedAtEachCutoff(lambda known, meta, cutoff: change(model.fit(known, meta, cutoff)(known, cutoff)))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda table: table.drop(columns="q0.5"), r"'bad'.*lacks \['q0.5'\]"),
        (lambda table: table.assign(ds=table["ds"] + pd.Timedelta(days=3)), "'bad'.*6 rows lie outside"),
        (lambda table: table.assign(mean=table["mean"].where(table.index > table.index[0])), "1 have missing"),
    ],
)
def test_a_forecast_that_breaks_the_contract_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        rolling_origin(made_panel(), META, CUTOFFS, {"bad": broken(change)})


def test_nothing_to_test_is_an_error():
    with pytest.raises(ValueError, match="0 cutoffs, 1 models"):
        rolling_origin(made_panel(), META, [], {"last": LastValue()})


def test_volume_groups_are_even_ordered_and_blind_to_the_future():
    panel = made_panel(lengths=(100,) * 25)
    number = panel["unique_id"].str[1:].astype(int)
    panel["y"] = np.where(panel["ds"] <= CUTOFFS[0], 1.0 + number, 100.0 - number)
    panel.loc[(panel["unique_id"] == "s0") & (panel["ds"] < "2024-05-01"), ["y", "available"]] = [500.0, 0.0]
    table = volume_groups(panel, CUTOFFS[0]).set_index("unique_id")
    assert (
        table.loc["s0", "volume"] == 1
        and table.loc["s0", "volume_group"] == 1
        and table.loc["s24", "volume_group"] == 10
    )
    assert table["volume_group"].value_counts().isin([2, 3]).all()
    assert table.sort_values("volume")["volume_group"].is_monotonic_increasing
    with pytest.raises(ValueError, match="count=26"):
        volume_groups(panel, CUTOFFS[0], 26)


def test_age_bands_count_from_the_first_sale_and_admit_what_is_not_known():
    panel = made_panel((100, 60, 30, 10))
    table = age_bands(panel, CUTOFFS, edges=(28, 50), grace=7).set_index(["unique_id", "cutoff"])
    assert table.loc[("s0", CUTOFFS[0]), "age_band"] == FROM_THE_START
    assert table.loc[("s1", CUTOFFS[0]), "age"] == 60 - 14 and table.loc[("s1", CUTOFFS[0]), "age_band"] == "29 to 50"
    assert table.loc[("s1", CUTOFFS[1]), "age_band"] == "over 50"
    assert table.loc[("s2", CUTOFFS[1]), "age_band"] == "up to 28"
    assert ("s3", CUTOFFS[0]) not in table.index and table.loc[("s3", CUTOFFS[1]), "age"] == 3, "not launched yet"
    with pytest.raises(ValueError, match="edges"):
        age_bands(panel, CUTOFFS, edges=(50, 28))


def test_pages_are_plain_html_with_words_for_each_picture():
    panel = made_panel()
    rows = rolling_origin(panel, META, CUTOFFS[1:], {"LSTM": LastValue()}).merge(panel[["unique_id", "ds", "y"]])
    one = rows[rows["unique_id"] == "s0"].assign(unique_id='<b>"milk"</b>')
    page = forecast_page(panel[panel["ds"] <= CUTOFFS[1]].head(40), one, "smooth")
    wape = (one["mean"] - one["y"]).abs().sum() / one["y"].sum()
    assert f"LSTM {wape:.2f}" in page.title and f"LSTM {wape:.2f}" in page.alt
    picture = Image.open(io.BytesIO(page.picture))
    assert picture.mode == "P" and len(page.picture) < 12_000
    html = pager([page, Page("second", page.picture, "words")], "pages").data
    assert html.count("<details") == 2 and html.count(" open>") == 1 and "<script" not in html and "<b>" not in html
    assert "http" not in html and re.findall(r'alt="([^"]+)"', html)[1] == "words"
    assert base64.b64decode(re.findall(r"base64,([^\"]+)", html)[0]) == page.picture
    with pytest.raises(ValueError, match="no pages"):
        pager([], "pages")
