"""salesforecast forecast: new data with the stored champion, read as the run's own."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.models.peers import smoothing
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.peers.smoothing import Form, forms_table
from salesforecast_lib.pipeline.batch import forecast_data, read_new
from salesforecast_lib.pipeline.batch.table import stored_champion
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.production.distributed.engine import InPlace
from tests.unit.pipeline.nightly.made import DAYS, lines, shop


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop")).parent


def call(place, file, out, *more):
    told = ["forecast", str(place / "run"), "--orders", str(file), "--out", str(out), *map(str, more)]
    done = CliRunner().invoke(app, told)
    return done.exit_code, done.output


def written(place, table, name="new.csv"):
    table.to_csv(place / name, index=False)
    return place / name


@pytest.mark.parametrize("file", ["orders.csv", "run/panel.parquet"])
def test_the_run_s_own_data_give_the_run_s_own_forecast_and_nothing_is_trained(place, tmp_path, monkeypatch, file):
    def no_fit(*told, **named):
        raise AssertionError("new data must not be trained on")

    monkeypatch.setattr(lgb, "train", no_fit)
    code, said = call(place, place / file, tmp_path / "out.parquet")
    assert code == 0, said
    found = pd.read_parquet(tmp_path / "out.parquet")
    stored = pd.read_parquet(place / "run" / "champion_forecasts.parquet")
    own = stored[(stored["model"] == "Champion") & (stored["cutoff"] == stored["cutoff"].max())]
    own = own.drop(columns="y").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, own[list(found)], rtol=0, atol=0)


def test_later_data_with_new_products_categories_and_bad_rows_are_forecast_and_everything_is_said(place, tmp_path):
    table = lines(0, DAYS + 5)
    new = table[table["product_id"] == "p1"].tail(3).assign(product_id="p9", kind="zzz")
    new["order_id"] += "-new"
    bad = table.tail(2).assign(Qty="many", order_id=["x1", "x2"])
    file = written(place, pd.concat([table[table["product_id"] != "p0"], new, bad]), "later.csv")
    code, said = call(place, file, tmp_path / "out.csv")
    assert code == 0, said
    found = pd.read_csv(tmp_path / "out.csv", parse_dates=["ds", "cutoff"])
    assert set(found["unique_id"]) == {"p1", "p2", "p3", "p4", "p5", "p9"}
    assert (found["cutoff"] == pd.Timestamp("2024-04-12")).all() and np.isfinite(found["mean"]).all()
    flat = " ".join(said.split())
    assert "1 series with a kind that the models do not know: zzz" in flat
    assert "1 series with less than two seasons of history: p9" in flat and "models of 2024-04-07" in flat
    refused = pd.read_csv(tmp_path / "out.quarantine.csv")
    assert list(refused["column"]) == ["quantity", "quantity"]
    assert call(place, place / "orders.csv", tmp_path / "out.csv")[0] == 0  # nothing is refused now
    assert not (tmp_path / "out.quarantine.csv").exists()


def test_a_column_that_the_new_data_lack_is_said_and_taken_as_unknown(place, tmp_path):
    file = written(place, lines(0, DAYS).assign(weather="sun").drop(columns="kind"), "nokind.csv")
    code, said = call(place, file, tmp_path / "out.csv")
    assert code == 1 and "kind" in said  # the run declares it: order lines without it are another file
    panel = pd.read_parquet(place / "run" / "panel.parquet").drop(columns=["kind", "buyers"], errors="ignore")
    panel.to_csv(place / "panel.csv", index=False)
    code, said = call(place, place / "panel.csv", tmp_path / "out.csv")
    assert code == 0, said
    assert "the new data have no kind, which the models know: taken as 'unknown'" in " ".join(said.split())


@pytest.mark.parametrize("days", [2, 9, 40])
def test_a_file_that_holds_the_last_days_only_is_enough(place, tmp_path, days):
    code, said = call(place, written(place, lines(DAYS - days, days), "last.csv"), tmp_path / "out.csv")
    assert code == 0, said
    found = pd.read_csv(tmp_path / "out.csv")
    assert len(found) == 6 * 7 and np.isfinite(found["mean"]).all()


def test_no_number_depends_on_the_blocks(place):
    champion, new = stored_champion(place / "run"), read_new(place / "run", place / "orders.csv")
    whole, blocks = forecast_data(champion, new), forecast_data(champion, new, 1, rows=150, many=100)
    pd.testing.assert_frame_equal(whole.table, blocks.table, rtol=1e-9)
    assert whole.notes == blocks.notes
    spent = forecast_data(champion, new, rows=150, many=100, engine=InPlace(), spent=True)
    pd.testing.assert_frame_equal(blocks.table, spent.table)
    assert new.panel.empty, "its rows are gone with the last block"


def test_forms_of_smoothing_follow_their_series_into_the_blocks(place, monkeypatch):
    """Blocks number their series; each has its form all the same, and one without has the most frequent."""
    champion, new = stored_champion(place / "run"), read_new(place / "run", place / "orders.csv")
    forms = {f"p{k}": Form("ANA" if k < 3 else "AAN", False, 7) for k in range(5)}
    models = {**champion.shelf.models, "AutoETS/forms": forms_table(forms)}
    smooth = replace(champion, shares={"AutoETS": 1.0}, shelf=Shelf(models, closed=True))
    monkeypatch.setattr(smoothing, "_forms", lambda *told: pytest.fail("a form was searched"))
    found = [forecast_data(smooth, new, 1, rows=150, many=many, engine=InPlace()).table for many in (10**6, 100)]
    whole, blocks = found
    pd.testing.assert_frame_equal(whole, blocks, rtol=1e-9)
    moves = whole.groupby("unique_id")["mean"].apply(lambda mean: mean.diff().diff().abs().max())
    assert (moves[["p3", "p4"]] < 1e-6).all(), "a trend without season is a line"
    assert (moves[["p0", "p1", "p2", "p5"]] > 0.1).all(), "a season is none"


def test_with_a_stock_file_it_says_what_to_order(place, tmp_path):
    code, said = call(place, place / "orders.csv", tmp_path / "out.csv", "--stock", place / "stock.csv")
    assert code == 0, said
    orders = pd.read_csv(tmp_path / "out.orders.csv")
    assert set(orders["unique_id"]) == {f"p{k}" for k in range(6)} and orders["order_quantity"].sum() > 0


def test_a_plan_is_read_as_the_run_s(place, tmp_path):
    days = pd.DataFrame({"unique_id": "*", "ds": ["2024-04-09"], "open": [0]})
    code, said = call(place, place / "orders.csv", tmp_path / "o.csv", "--plan", written(place, days, "plan.csv"))
    assert code == 0, said
    found = pd.read_csv(tmp_path / "o.csv")
    assert (found.loc[found["ds"].str[:10] == "2024-04-09", "mean"] == 0).all() and (found["mean"] > 0).sum() == 6 * 6


@pytest.mark.parametrize(
    ("orders", "out", "words"),
    [
        ("none.csv", "o.csv", "no such file"),
        ("orders.csv", "o.xlsx", "ends in .csv or .parquet"),
        ("orders.csv", "../orders.csv", "is one of the files that are read"),
        ("broken.parquet", "o.csv", "not a Parquet file"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(place, orders, out, words):
    (place / "broken.parquet").write_text("no")
    code, said = call(place, place / orders, (place / "run" / out).resolve())
    assert code == 1 and words in " ".join(said.split())
