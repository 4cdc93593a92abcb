"""Chapter 16b on data of other shapes: own order lines by week, and a panel without lines, prices and customers."""

from pathlib import Path

import pandas as pd
import pytest

from salesforecast_lib.data.features import ahead_features, build_features, load_features, save_features
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import load_panel, prepare, save_prepared
from salesforecast_lib.files import read_json, write_parquet
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts, save_champion
from tests.unit.chain import make_chain
from tests.unit.chapters import run_chapters
from tests.unit.production.robustness.made import made_lines

SMALL = {"attacked_products": 2, "group_replicates": 60, "tested_products": 3, "membership_trials": 4}


def made_run(folder: Path, dataset: str, path: Path, freq: str, horizon: int) -> Path:
    """What chapters 01, 02 and 06b leave, with one small member."""
    prepared = prepare(dataset, PanelConfig(freq=freq), horizon, path=str(path), country="DE")
    save_prepared(prepared, folder)
    panel, meta = load_panel(folder)
    save_features(build_features(panel, meta), meta, folder, ahead_features(panel, meta, prepared.plan))
    table, described = load_features(folder)
    ahead = pd.read_parquet(folder / "ahead.parquet")
    known = pd.concat([table.frame[["unique_id", "ds", *table.roles["future"]]], ahead], ignore_index=True)
    days = sorted(panel["ds"].unique())
    cutoffs = [pd.Timestamp(days[-1 - k * horizon]) for k in (2, 1, 0)]
    config = ChampionConfig(0.2, members=("LightGBMDirect",), validation=0)
    made = champion_forecasts(table, known, described, cutoffs, config)
    save_champion(made.stored, folder / "champion")
    forecasts = made.forecasts.merge(panel[["unique_id", "ds", "y"]], on=["unique_id", "ds"], how="left")
    write_parquet(forecasts, folder / "champion_forecasts.parquet")
    return folder


@pytest.mark.slow
def test_the_chapter_runs_on_own_lines_by_week(tmp_path):
    made_lines(products=12, days=420).drop(columns="row").to_csv(tmp_path / "orders.csv", index=False)
    run = made_run(tmp_path / "run", "own_data", tmp_path / "orders.csv", "W", 4)
    told = {**SMALL, "path": str(tmp_path / "orders.csv"), "level": "product_id"}
    left = run_chapters(run, "16b", **told)["16b"]
    found = read_json(run / "robustness.json")
    assert found["real_lines"] and len(left["attacks"]) == 18 and not left["people"]
    assert left["book"].lines["customer_id"].str.fullmatch("c[0-9a-f]{20}").all()
    assert set(left["of"]) >= {"size"} and {row["attack"] for row in found["account"]} == {"one line", "split"}


@pytest.mark.slow
def test_the_chapter_runs_on_a_panel_without_order_lines_and_says_so(tmp_path):
    make_chain(6, 250).to_csv(tmp_path / "chain.csv", index=False)
    run = made_run(tmp_path / "run", "own_panel", tmp_path / "chain.csv", "auto", 14)
    left = run_chapters(run, "16b", **SMALL)["16b"]
    found = read_json(run / "robustness.json")
    assert not found["real_lines"] and found["membership"] == [] and not left["people"] and not len(left["shown"])
    assert {row["disturbance"] for row in found["inputs"]} == {"noise on sales", "no covariates"}
    assert found["mitigation"] == ["Too few products to make groups of them."]
