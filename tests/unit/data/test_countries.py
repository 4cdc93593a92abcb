"""In which country each series sells: any spelling of a country, a column that names it, holidays that follow."""

from __future__ import annotations

import pandas as pd
import pytest

from salesforecast_lib.countries import country_code
from salesforecast_lib.data.features import ahead_features, build_features
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.runner import prepare_values

SPELLINGS = {
    "DE": ("DE", "de", "DEU", "Germany", "Deutschland", "DEUTSCHLAND", " Allemagne "),
    "GB": ("GB", "UK", "United Kingdom", "Great Britain", "England"),
    "US": ("US", "USA", "U.S.A.", "United States"),
    "CN": ("CN", "China", "中国"),
    "DE-BY": ("DE-BY", "de-by", "DEU-BY"),
    "": ("", "XX", "Atlantis", "DE-XY", "country", "0"),
}


@pytest.mark.parametrize("code", SPELLINGS)
def test_all_spellings_of_a_country_are_one(code):
    assert {country_code(text) for text in SPELLINGS[code]} == {code}


def shops(tmp_path, column: str = "Land", **places: str):
    """A panel of one series a place, with a column that names its country; the last quarter of 2024."""
    days = pd.date_range("2024-08-01", "2024-12-10")
    parts = [pd.DataFrame({"unique_id": shop, "ds": days, "y": 5.0, column: land}) for shop, land in places.items()]
    file = tmp_path / "panel.csv"
    pd.concat(parts).to_csv(file, index=False)
    return file


def holidays_of(table: pd.DataFrame) -> dict[str, set[str]]:
    free = table[table["holiday"] == 1]
    return {name: set(days.dt.strftime("%m-%d")) for name, days in free.groupby("unique_id")["ds"]}


@pytest.mark.parametrize("german, french", [("DE", "FR"), ("Deutschland", "France"), ("DE-BY", "fra")])
def test_holidays_follow_the_country_of_the_series_also_ahead(tmp_path, german, french):
    file = shops(tmp_path, a=german, b=french, c=german)
    prepared = prepare("own_panel", PanelConfig(), 21, path=str(file), country="land")
    past = holidays_of(build_features(prepared.panel, prepared.meta).frame)
    ahead = holidays_of(ahead_features(prepared.panel, prepared.meta, prepared.plan))
    assert past["a"] == past["c"] != past["b"]
    assert {"10-03", "08-15", "11-11"} & past["b"] == {"08-15", "11-11"} and "10-03" in past["a"]
    assert ("11-01" in past["a"]) == (german == "DE-BY"), "All Saints' Day is a holiday of some regions"
    assert ahead["a"] == {"12-25", "12-26"} and ahead["b"] == {"12-25"}
    assert any("2 series" in note and "1 series" in note for note in prepared.notes)


def test_orders_name_their_country_too(tmp_path):
    days = pd.date_range("2024-08-01", "2024-12-10")
    lines = [(shop, day, land) for day in days for shop, land in (("a", "Germany"), ("b", "France"))]
    orders = pd.DataFrame(lines, columns=["product_id", "timestamp", "Land"]).assign(quantity=1, unit_price=2.0)
    orders.insert(0, "order_id", range(len(orders)))
    orders.to_csv(tmp_path / "orders.csv", index=False)
    prepared = prepare("own_data", PanelConfig(), 21, path=str(tmp_path / "orders.csv"), country="Land")
    past = holidays_of(build_features(prepared.panel, prepared.meta).frame)
    assert "10-03" in past["a"] and "10-03" not in past["b"] and "11-11" in past["b"]


@pytest.mark.parametrize("wrong", ["Atlantis", "??"])
def test_a_country_that_nobody_knows_is_named_with_its_series(tmp_path, wrong):
    file = shops(tmp_path, a="DE", b=wrong)
    with pytest.raises(ValueError, match=f"{'b'!r}") as error:
        prepare("own_panel", PanelConfig(), 21, path=str(file), country="Land")
    assert repr(wrong) in str(error.value) and "DE-BY" in str(error.value)


@pytest.mark.parametrize("said", ["DE", "DE-BY", "Germany", "Land", "land"])
def test_a_column_or_a_country_passes_before_anything_runs(tmp_path, said):
    values = {"path": str(shops(tmp_path, a="DE")), "country": said, "dataset": "own_panel"}
    assert prepare_values("own_data", values)["country"] == said


@pytest.mark.parametrize("said", ["Atlantis", "Pays", "", "DE-XY"])
def test_what_is_neither_is_refused_with_both_ways(tmp_path, said):
    values = {"path": str(shops(tmp_path, a="DE")), "country": said, "dataset": "own_panel"}
    with pytest.raises(settings.ParameterError, match="country=.*expected.*or a column.*'Land'"):
        prepare_values("own_data", values)
