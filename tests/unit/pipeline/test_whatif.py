"""salesforecast whatif: another plan against a run's own, with its stored champion."""

import re
import shutil

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.data.features import ahead_features, build_features, load_features, save_features
from salesforecast_lib.evaluation.champion import write_champion
from salesforecast_lib.files import write_csv, write_json, write_parquet
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts
from salesforecast_lib.models.ensembles.members import read_known
from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.whatif import compare_plans
from tests.unit.models.champion.made import META, make_panel

CONFIG = ChampionConfig(budget_minutes=0.05, members=("LightGBMDirect",), validation=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of six products as its chapters leave it, with stock."""
    folder = tmp_path_factory.mktemp("run")
    panel = make_panel(6, 126, ahead=0).assign(price=10.0, buyers=3.0)
    panel.loc[panel["unique_id"] == "s00", "promo"] = 0.0  # never promoted
    meta = {**META, "historical": ["price", "buyers"], "static": ["kind"]}
    write_parquet(panel, folder / "panel.parquet")
    write_json(meta, folder / "panel.json")
    write_parquet(panel[["unique_id", "ds"]].head(0), folder / "plan.parquet")
    save_features(build_features(panel, meta), meta, folder, ahead_features(panel, meta))
    table, described = load_features(folder)
    last = panel["ds"].max()
    cutoffs = [last - pd.Timedelta(days=14), last]
    champion = champion_forecasts(table, read_known(folder, table), described, cutoffs, CONFIG)
    write_champion(champion, CONFIG, panel, folder)
    stock = pd.DataFrame({"unique_id": [f"s{k:02d}" for k in range(6)], "stock": 10.0, "stock_source": "stock_file"})
    write_csv(stock.drop(index=5), folder / "replenishment.csv")
    write_json({"lead_time": 2, "review_period": 3}, folder / "parameters.json")
    return folder


def plan_file(folder, name="plan.csv", **columns):
    last = pd.read_parquet(folder / "panel.parquet")["ds"].max()
    begin, end = last + pd.Timedelta(days=1), last + pd.Timedelta(days=7)
    rows = {"unique_id": ["s03"], "ds": [begin.date()], "end": [end.date()], **columns}
    path = folder / name
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def call(*words):
    return CliRunner().invoke(app, ["whatif", *map(str, words)])


def test_a_promotion_moves_its_product_and_days_only_and_nothing_is_trained(run, monkeypatch):
    def no_fit(*told, **named):
        raise AssertionError("a what-if must not train")

    monkeypatch.setattr(lgb, "train", no_fit)
    found = compare_plans(run, plan_file(run, promo=[1]), {"lead_time": 2, "review_period": 3}, 0.5)
    table = found.table.set_index("unique_id")
    moved = table.index[table["units_difference"].abs() > 1e-9]
    assert list(moved) == ["s03"] and table.loc["s03", "units_difference"] > 0
    assert table.loc["s03", "money_difference"] == pytest.approx(10 * table.loc["s03", "units_difference"])
    assert table.loc["s03", "margin_difference"] == pytest.approx(5 * table.loc["s03", "units_difference"])
    assert table.loc["s03", "support"] == "tried" and (table.drop("s03")["support"] == "unchanged").all()
    apart = (found.before["mean"] - found.after["mean"]).abs() > 1e-9
    assert found.before.loc[apart, "ds"].nunique() <= 7
    assert table.loc["s03", "order_difference"] > 0 and (table.drop(["s03", "s05"])["order_difference"] == 0).all()
    assert np.isnan(table.loc["s05", "order_difference"])  # its stock is not known
    assert found.projection is not None and set(found.projection) >= {"stock_before", "stock_after"}


def test_the_run_s_own_plan_gives_the_run_s_own_forecast(run):
    found = compare_plans(run, plan_file(run, promo=[1]), {})
    stored = pd.read_parquet(run / "champion_forecasts.parquet")
    own = stored[(stored["model"] == "Champion") & (stored["cutoff"] == stored["cutoff"].max())]
    both = own.merge(found.before, on=["unique_id", "ds"], suffixes=("_run", ""))
    assert len(both) == len(found.before) and np.allclose(both["mean_run"], both["mean"], atol=1e-6, rtol=0)


def test_a_promotion_that_a_product_never_had_is_called_a_guess(run):
    path = plan_file(run, unique_id=["s00"], promo=[1])
    done = call(run, "--plan", path)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(run / "whatif" / "plan" / "difference.csv").set_index("unique_id")
    assert table.loc["s00", "support"] == "by others" and "other products of its group" in table.loc["s00", "why"]
    page = (run / "whatif" / "plan" / "index.html").read_text(encoding="utf-8")
    assert "other products of its group only" in page and "window.shopWhatif" in page
    asked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(asked) == 6 and all((run / "whatif" / "plan" / name).resolve().is_file() for name in asked)
    names = {path.name for path in (run / "whatif" / "plan").iterdir()}
    assert names == {"difference.csv", "support.csv", "periods.csv", "stock.csv", "index.html"}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"promo": [0]}, "tells nothing else than the run's plan"),
        ({"price": [9.0]}, "only observed in this run"),
        ({"weather": [1]}, "none of its columns"),
        ({"unique_id": ["nobody"], "promo": [1]}, "none of its products"),
    ],
)
def test_a_plan_that_cannot_be_compared_is_refused_with_what_to_do(run, columns, words):
    if columns == {"promo": [0]}:  # what is usual of the product, told
        usual = pd.read_parquet(run / "ahead.parquet")
        assert (usual.loc[usual["unique_id"] == "s03", "promo"] == 0).all()
    done = call(run, "--plan", plan_file(run, "bad.csv", **columns))
    assert done.exit_code == 1 and words in done.output.replace("\n", " "), done.output
    assert not (run / "whatif" / "bad").exists()


def test_wrong_words_are_refused_before_any_data_are_read(run, tmp_path):
    plan = plan_file(run, promo=[1])
    for words, told in (
        ((tmp_path / "no", "--plan", plan), "no such folder"),
        ((run, "--plan", tmp_path / "no.csv"), "no such file"),
        ((run, "--plan", plan, "--cost-share", "1.5"), "--cost-share 1.5"),
        ((run, "--plan", plan, "--name", "../x"), "--name"),
        ((tmp_path, "--plan", plan), "has stored no champion"),
    ):
        done = call(*words)
        assert done.exit_code == 1 and told in done.output.replace("\n", " "), done.output


def test_columns_of_the_plan_may_have_other_names(run):
    path = plan_file(run, "theirs.csv", promo=[1])
    renamed = pd.read_csv(path).rename(columns={"promo": "Aktion", "unique_id": "Artikel"})
    renamed.to_csv(path, index=False)
    done = call(run, "--plan", path, "--column", "unique_id=Artikel", "--column", "promo=Aktion", "--name", "other")
    assert done.exit_code == 0, done.output
    assert (run / "whatif" / "other" / "difference.csv").is_file()


def test_without_stock_the_orders_are_left_out_and_it_is_said(run):
    (run / "replenishment.csv").rename(run / "away.csv")
    try:
        found = compare_plans(run, plan_file(run, promo=[1]), {})
    finally:
        (run / "away.csv").rename(run / "replenishment.csv")
    assert "order_difference" not in found.table and any("replenishment.csv" in note for note in found.notes)


def test_closed_days_of_another_plan_sell_nothing(run):
    found = compare_plans(run, plan_file(run, "shut.csv", open=[0]), {})
    shut = found.after[(found.after["unique_id"] == "s03")].sort_values("ds")
    assert (shut["mean"].head(7) == 0).all() and (shut["mean"].tail(7) > 0).all()


def test_another_shop_finds_no_stored_champion_and_no_what_if_of_this_one(run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(run, folder)
    (folder / "whatif").mkdir(exist_ok=True)
    (folder / "mine.txt").write_text("no part of a run")
    runs.clear(folder)
    left = {path.name for path in folder.iterdir()}
    assert not left & {"champion", "whatif", "champion_forecasts.parquet"} and "mine.txt" in left
