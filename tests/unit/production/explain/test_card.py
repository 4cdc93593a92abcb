"""The card of a product, the file of a run's reasons, and what they may be used for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.evaluation.reasons import current_reasons, read_reasons
from salesforecast_lib.files import read_json, write_text
from salesforecast_lib.production.explain import why, write_reasons
from salesforecast_lib.production.explain.card import reasons_table, usual_miss
from salesforecast_lib.production.explain.figures import draw_waterfall
from tests.unit.production.explain.made import hand_made


def test_the_sentence_adds_up_in_whole_units_and_names_dates():
    card = why(hand_made(), "=A1", "day", pd.Series({"=A1": 0.2}))
    assert card.sentence == (
        "The next 14 days: 118 units, 12 more than its usual 106: the promotion of 3 May +9, the season +5, "
        "the price \N{MINUS SIGN}2."
    )
    assert "within 20% of their forecast" in card.certainty and "the promotion of 3 May moved it" in card.certainty
    assert card.rest == pytest.approx(-0.4) and [row.sure for row in card.rows] == [True, False, False]


def test_what_is_small_is_left_out_and_fewer_promotions_have_no_date():
    assert why(hand_made(), "007", "week").sentence == "The next 14 weeks: 50 units, about its usual 50."
    tea = why(hand_made(), "Tea", "day")
    assert "9.0 units, 1.0 more than its usual 8.0" in tea.sentence
    assert "less promotion than usual \N{MINUS SIGN}1.5" in tea.sentence and "No earlier total" in tea.certainty


def test_an_unknown_product_is_refused_with_names():
    with pytest.raises(ValueError, match="product='coffee'.*'=A1'"):
        why(hand_made(), "coffee", "day")


def test_reasons_come_back_as_they_were_and_add_up(tmp_path):
    written = write_reasons(tmp_path, hand_made(), "day", pd.Series(dtype=float))
    back = read_reasons(tmp_path)
    assert list(back["unique_id"].unique()) == ["=A1", "007", "Tea"], "a name is no formula and no number"
    assert np.allclose(
        back.groupby("unique_id")["units"].sum(), back.groupby("unique_id")["forecast"].first(), atol=5e-3
    )
    assert back["sure"].tolist() == written["sure"].tolist() and back["sure"].dtype == bool
    assert read_json(tmp_path / "trust.json")["with_a_sure_reason"] == 2


@pytest.mark.parametrize("column", ["driver", "units", "why"])
def test_a_file_without_a_column_is_refused(tmp_path, column):
    reasons_table(hand_made(), "day").drop(columns=column).to_csv(tmp_path / "reasons.csv", index=False)
    with pytest.raises(ValueError, match=f"no column '{column}'; run chapter 16 again"):
        read_reasons(tmp_path)


def test_a_number_that_is_none_is_refused_with_its_row(tmp_path):
    table = reasons_table(hand_made(), "day").astype({"units": object})
    table.loc[3, "units"] = "many"
    write_text(table.to_csv(index=False), tmp_path / "reasons.csv")
    with pytest.raises(ValueError, match="row 5, units: 'many'"):
        read_reasons(tmp_path)


def test_a_champion_made_anew_has_no_reasons_until_they_are_told_again(tmp_path):
    write_reasons(tmp_path, hand_made(), "day", pd.Series(dtype=float))
    reasons = read_reasons(tmp_path)
    rows = pd.DataFrame({"unique_id": ["=A1", "007", "Tea"], "cutoff": pd.Timestamp("2024-05-01")})
    same = rows.assign(mean=[118.0, 50.0, 9.0])
    assert len(current_reasons(reasons, same)) == len(reasons)
    other = rows.assign(mean=[118.0, 51.0, 9.0])
    assert set(current_reasons(reasons, other)["unique_id"]) == {"=A1", "Tea"}
    assert current_reasons(reasons, same.assign(cutoff=pd.Timestamp("2024-05-08"))).empty
    assert current_reasons(reasons.iloc[:0], same).empty and read_reasons(tmp_path / "none").empty


def test_the_usual_miss_is_that_of_whole_earlier_totals_of_the_same_size():
    rows = []
    for cutoff, factor in (("2024-01-01", 1.1), ("2024-02-01", 0.8), ("2024-03-01", None)):
        for name, size in (("small", 1.0), ("middle", 10.0), ("large", 100.0)):
            for step in range(2):
                y = np.nan if factor is None else size * (factor if name != "large" else 1.0)
                rows.append((name, pd.Timestamp(cutoff), "Champion", step, size, y))
    table = pd.DataFrame(rows, columns=["unique_id", "cutoff", "model", "ds", "mean", "y"])
    miss = usual_miss(table, "Champion")
    assert miss["large"] == pytest.approx(0.0) and miss["small"] == pytest.approx(np.quantile([0.1, 0.2], 0.8))
    assert usual_miss(table[table["y"].isna()], "Champion").empty


def test_the_waterfall_ends_at_the_forecast():
    ax = draw_waterfall(why(hand_made(), "=A1", "day"))
    bars = ax.patches
    assert bars[0].get_width() == 106 and bars[-1].get_width() == 118 and len(bars) == 6
    assert bars[-2].get_x() + bars[-2].get_width() == pytest.approx(118)
    assert "does not begin at zero" in ax.get_xlabel()
