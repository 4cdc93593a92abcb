"""Price, discount, promotion and other attributes of order lines, declared or planned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import ahead_features, build_features
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare

HORIZON = 21


def week(days):
    return (pd.DatetimeIndex(days) - pd.Timestamp("2024-01-01")).days // 7 % 3


def lines(seed=0, **attributes):
    """A product that sells every day and one that sells on every second; each third week is one of promotion."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in pd.date_range("2024-01-01", periods=126):
        promoted = week([day])[0] == 0
        for name, rate in (("often", 3.0), ("seldom", 0.7)):
            for _ in range(rng.poisson(rate * (1 + promoted)) or (name == "often")):
                rows.append((name, day, 1, 1.5 if promoted else 2.0, 0.5 if promoted else 0.0, promoted))
    frame = pd.DataFrame(rows, columns=["product_id", "timestamp", "quantity", "unit_price", "discount", "on"])
    for name, (yes, no) in attributes.items():
        frame[name] = pd.Series(np.where(frame["on"], yes, no), dtype=object)
    return frame.drop(columns="on").assign(order_id=np.arange(len(frame)))


def prepared_from(tmp_path, frame, plan="", **options):
    frame.to_csv(tmp_path / "orders.csv", index=False)
    if plan:
        (tmp_path / "plan.csv").write_text(plan)
        options["plan_file"] = str(tmp_path / "plan.csv")
    config = PanelConfig(n_series=0)
    return prepare("own_data", config, HORIZON, path=str(tmp_path / "orders.csv"), country="DE", **options)


WORDS = {"1 and 0": (1, 0), "yes and no": ("yes", "no"), "names": ("Easter deal", ""), "ja": ("ja", "nein")}


@pytest.mark.parametrize("words", WORDS)
def test_a_promotion_goes_on_over_a_day_without_a_sale(tmp_path, words):
    """Else "promotion" would say that something is sold, and the plan of the real days ahead would not."""
    panel = prepared_from(tmp_path, lines(promotion=WORDS[words]), future=("promotion",)).panel
    promoted, unsold = week(panel["ds"]) == 0, panel["y"] == 0
    assert (panel.loc[~unsold, "promotion"] == promoted[~unsold]).all()
    seldom = panel[unsold & promoted]
    assert len(seldom) > 5 and seldom["promotion"].mean() > 0.7
    assert panel.loc[unsold & ~promoted, "promotion"].mean() < 0.3


@pytest.mark.parametrize("name, column", [("discount", "discount"), ("kind", "kind=flyer")])
def test_so_do_discounts_and_other_attributes_known_ahead(tmp_path, name, column):
    frame = lines(kind=("flyer", ""))
    panel = prepared_from(tmp_path, frame, future=(name,)).panel
    unsold = (panel["y"] == 0) & (week(panel["ds"]) == 0)
    assert (panel.loc[unsold, column] > 0).mean() > 0.7
    observed = prepared_from(tmp_path, frame, historical=(name,))
    assert (observed.panel.loc[observed.panel["y"] == 0, column] == 0).all() and column in observed.meta["historical"]


def test_a_promotion_that_is_over_ends_after_a_season_without_a_sale(tmp_path):
    frame = lines(promotion=(1, 0))
    last = frame[(frame["product_id"] == "seldom") & (frame["promotion"] == 1)]["timestamp"].iloc[-1]
    frame = frame[(frame["product_id"] == "often") | (frame["timestamp"] <= last)]
    panel = prepared_from(tmp_path, frame, future=("promotion",)).panel
    after = panel[(panel["unique_id"] == "seldom") & (panel["ds"] > last)]
    assert after["promotion"].tolist() == [1.0] * 7 + [0.0] * (len(after) - 7)


def test_nothing_before_a_day_depends_on_lines_after_it(tmp_path):
    frame = lines(promotion=(1, 0), kind=("flyer", ""), size=(12.5, 3.0))
    names, cut = ("promotion", "kind", "size", "discount", "price"), pd.Timestamp("2024-04-01")
    honest = prepared_from(tmp_path, frame, future=names).panel
    after = frame["timestamp"] > cut
    spoiled = frame.assign(promotion=frame["promotion"].where(~after, 1), size=frame["size"].where(~after, 99.0))
    spoiled = spoiled.drop(spoiled.index[after][::2])
    other = prepared_from(tmp_path, spoiled, future=names).panel
    pd.testing.assert_frame_equal(honest[honest["ds"] <= cut], other[other["ds"] <= cut])


def test_planned_prices_and_promotions_of_a_product_reach_its_rows(tmp_path):
    plan = "product_id,ds,end,promotion,price\nseldom,2024-05-08,2024-05-10,yes,1.2\n"
    prepared = prepared_from(tmp_path, lines(promotion=("yes", "no")), plan)
    assert prepared.meta["future"] == ["open", "price", "promotion"] and "discount" in prepared.meta["historical"]
    ahead = ahead_features(prepared.panel, prepared.meta, prepared.plan).set_index("ds")
    seldom, often = (ahead[ahead["unique_id"] == name] for name in ("seldom", "often"))
    assert seldom.loc["2024-05-08":"2024-05-10", "promotion"].tolist() == [1, 1, 1]
    assert seldom.loc["2024-05-08":"2024-05-10", "price"].tolist() == [1.2] * 3
    assert (often["price"] == 2).all() and (often["promotion"] == 0).all()
    level = seldom["price_level"]
    assert level["2024-05-09"] < level["2024-05-07"] - 0.3, "how cheap it is for this product is known ahead too"


def test_numbers_are_read_with_the_files_marks(tmp_path):
    frame = lines(size=("12,5", "3,25"))
    frame["unit_price"] = frame["unit_price"].map(lambda price: f"{price:.2f}".replace(".", ","))
    frame["discount"] = 0
    panel = prepared_from(tmp_path, frame, future=("size",)).panel
    assert set(panel["size"].round(2)) <= {12.5, 3.25}
    with pytest.raises(ValueError, match="row 1: size is '12,5'"):
        prepared_from(tmp_path, lines(size=("12,5", "3,25")), future=("size",))


def test_an_attribute_with_one_value_is_said(tmp_path):
    prepared = prepared_from(tmp_path, lines(channel=("web", "web")), future=("channel",))
    assert any("channel: has one value only, 'web'" in note for note in prepared.notes)


def test_unknown_attributes_are_refused_with_what_there_is(tmp_path):
    with pytest.raises(ValueError, match=r"future=\[promo\].*'promotion'"):
        prepared_from(tmp_path, lines(promotion=(1, 0)), future=("promo",))


@pytest.mark.parametrize("names", [("price",), ("discount",), ("price", "discount")])
def test_features_of_known_prices_are_known_ahead(tmp_path, names):
    prepared = prepared_from(tmp_path, lines(), future=names)
    roles = build_features(prepared.panel, prepared.meta).roles
    assert set(names) <= set(roles["future"])
    assert ("price_level" in roles["future"]) == ("price" in names)
    assert ("discount_x_level" in roles["future"]) == (len(names) == 2)
    every = [name for role in roles.values() for name in role]
    assert len(every) == len(set(every)) and {"price_level", "discount_x_level", "discount"} <= set(every)
