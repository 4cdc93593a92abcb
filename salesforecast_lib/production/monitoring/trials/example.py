"""A small shop with a finished run and an inbox, so that a night can be played from the command line (chapter 15)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from salesforecast_lib.data.features import ahead_features, build_features, load_features, save_features
from salesforecast_lib.data.marketplace import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare, save_prepared
from salesforecast_lib.evaluation.champion import write_champion
from salesforecast_lib.files import write_json, write_text
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts
from salesforecast_lib.models.ensembles.members import read_known

HORIZON, DAYS = 7, 140
COLUMNS = ["order_id", "product_id", "timestamp", "quantity", "unit_price", "category"]


def example_lines(seed: int = 0, products: int = 8) -> pd.DataFrame:
    """Order lines of a quiet simulated market, `DAYS` and two weeks more."""
    config = MarketplaceConfig(
        products=products, days=DAYS + 14, units=products * (DAYS + 14) * 20.0, seed=seed, categories=2,
        launch_share=0.0, delisting_share=0.0, regime_share=0.0, intermittent_share=0.0, stock_cover=0.0,
        promotion_share=0.0, season=0.0, shock_sd=0.1,
    )  # fmt: skip
    return simulate_marketplace(config).lines[COLUMNS]


def example_shop(folder: Path, seed: int = 0) -> Path:
    """A run on the first `DAYS`, an empty ``inbox`` and ``night.yml`` in ``folder``; returns the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = example_lines(seed)
    first = lines["timestamp"].min().normalize()
    orders, run = folder / "orders.csv", folder / "run"
    lines[lines["timestamp"] < first + pd.Timedelta(days=DAYS)].to_csv(orders, index=False)
    told = {"path": str(orders), "country": "CN", "static": ("category",)}
    prepared = prepare("own_data", PanelConfig("product_id", "D"), HORIZON, **told)  # type: ignore[arg-type]
    save_prepared(prepared, run)
    panel, meta = prepared.panel, prepared.meta
    save_features(build_features(panel, meta), meta, run, ahead_features(panel, meta))
    table, described = load_features(run)
    ends = [panel["ds"].max() - pd.Timedelta(days=HORIZON * k) for k in (3, 2, 1, 0)]
    config = ChampionConfig(0.05, ("LightGBMDirect",), validation=1, seed=seed)
    champion = champion_forecasts(table, read_known(run, table), described, ends, config)
    write_champion(champion, config, panel, run)
    values = {"dataset": "own_data", "level": "product_id", "freq": "D", "horizon": HORIZON}
    write_json({**values, **told, "static": ["category"], "lead_time": 2, "review_period": 3}, run / "parameters.json")
    (folder / "inbox").mkdir(exist_ok=True)
    write_text("run: run\nnew: inbox/*.csv\nlive: false\n", folder / "night.yml")
    return folder / "night.yml"


def deliver(folder: Path, week: int, seed: int = 0, divided_by: float = 1.0) -> Path:
    """The file of a week (0 or 1) after the run arrives in the inbox; quantities may come in other units."""
    lines = example_lines(seed)
    begins = lines["timestamp"].min().normalize() + pd.Timedelta(days=DAYS + 7 * week)
    part = lines[(lines["timestamp"] >= begins) & (lines["timestamp"] < begins + pd.Timedelta(days=7))].copy()
    if divided_by != 1:
        part["quantity"] = part["quantity"] / divided_by
    file = folder / "inbox" / f"week{week}.csv"
    part.to_csv(file, index=False)
    return file
