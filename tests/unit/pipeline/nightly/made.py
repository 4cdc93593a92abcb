"""A small shop of order lines, the run made of it, and files that come in night by night."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import ahead_features, build_features, load_features, save_features
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare, save_prepared
from salesforecast_lib.evaluation.champion import write_champion
from salesforecast_lib.files import write_json
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts
from salesforecast_lib.models.ensembles.members import read_known

HORIZON, DAYS, FIRST = 7, 98, pd.Timestamp("2024-01-01")
CONFIG = ChampionConfig(budget_minutes=0.05, members=("LightGBMDirect",), validation=1)
VALUES = {
    "dataset": "own_data", "level": "product_id", "freq": "D", "horizon": HORIZON, "country": "DE", "static": ["kind"],
    "columns": {"quantity": "Qty"}, "lead_time": 2, "review_period": 3,
}  # fmt: skip


def lines(first: int, days: int, factor: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Order lines of six products from day number ``first`` on, one a day and product, under the shop's own names."""
    rows = []
    for day in range(first, first + days):
        rng = np.random.default_rng([seed, day])
        for number in range(6):
            week = 1 + 0.3 * np.sin(2 * np.pi * day / 7)
            sold = int(rng.poisson(8 * (1 + number) * week * factor)) or 1
            when = FIRST + pd.Timedelta(days=day)
            rows.append((f"o{day}-{number}", f"p{number}", when.date(), sold, 2.0 + number, "ab"[number % 2]))
    return pd.DataFrame(rows, columns=["order_id", "product_id", "timestamp", "Qty", "unit_price", "kind"])


def run_on(path: Path, folder: Path, columns: dict[str, str]) -> Path:
    """What the stages up to the champion leave of a file, without notebooks."""
    from salesforecast_lib.data.reading import ReadOptions

    prepared = prepare(
        "own_data", PanelConfig("product_id", "D"), HORIZON, path=str(path), country="DE",
        reading=ReadOptions(columns=columns), static=("kind",),
    )  # fmt: skip
    save_prepared(prepared, folder)
    panel, meta = prepared.panel, prepared.meta
    save_features(build_features(panel, meta), meta, folder, ahead_features(panel, meta))
    table, described = load_features(folder)
    last = panel["ds"].max()
    cutoffs = [last - pd.Timedelta(days=HORIZON * k) for k in (2, 1, 0)]
    champion = champion_forecasts(table, read_known(folder, table), described, cutoffs, CONFIG)
    write_champion(champion, CONFIG, panel, folder)
    write_json({**VALUES, "path": str(path), "columns": columns}, folder / "parameters.json")
    return folder


def shop(place: Path) -> Path:
    """A folder with a run, an inbox, a stock file and ``night.yml``; returns the latter."""
    place.mkdir(parents=True, exist_ok=True)
    lines(0, DAYS).to_csv(place / "orders.csv", index=False)
    run_on(place / "orders.csv", place / "run", {"quantity": "Qty"})
    (place / "inbox").mkdir()
    pd.DataFrame({"unique_id": [f"p{k}" for k in range(6)], "stock": 20.0}).to_csv(place / "stock.csv", index=False)
    (place / "night.yml").write_text("run: run\nnew: inbox/*.csv\nstock: stock.csv\nlive: false\n")
    return place / "night.yml"


def quick(made: object, sales: Path, config: object) -> Path:
    """Stands for the training of a night."""
    return run_on(sales, made.place / ".challenger", {})  # type: ignore[attr-defined]


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but locks, with its bytes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".state" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != ".lock"}
