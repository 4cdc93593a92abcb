"""What the tests of production share: a small finished run, and an untrained live network for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from salesforecast_lib import QUANTILES, quantile_columns
from salesforecast_lib.data.features import FeatureTable, ahead_features, build_features, load_features, save_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.files import write_json, write_parquet
from salesforecast_lib.models.forecaster import Forecaster, architecture_of
from salesforecast_lib.models.networks import SalesPredictor
from salesforecast_lib.models.windows import Vocabulary
from salesforecast_lib.production.export import live_config

LENGTHS = {"D": (150, 150, 40, 5), "W": (70, 70, 20, 3), "M": (40, 40, 15, 2)}


def made_panel(freq: str, seed: int = 0) -> tuple[pd.DataFrame, dict]:
    """Series of several ages with stock-outs, closed periods, a promotion known ahead, and categories."""
    rng, parts = np.random.default_rng(seed), []
    alias = check_freq(freq).alias
    for number, length in enumerate(LENGTHS[freq[0]]):
        ds = pd.date_range(end=pd.Timestamp("2024-06-30"), periods=length, freq=alias)
        frame = pd.DataFrame({"unique_id": f"s{number}", "ds": ds})
        frame["promo"] = (rng.random(length) < 0.2) * 3.0
        frame["open"] = (ds.dayofweek < 6).astype(float) if freq == "D" else 1.0
        level = 20.0 * (number + 1) * (1 + 0.5 * np.sin(np.arange(length))) * (1 + 0.3 * (frame["promo"] > 0))
        frame["available"] = frame["open"] * (rng.random(length) > 0.1)
        frame["y"] = rng.poisson(level) * frame["available"]
        parts.append(frame.assign(price=2.0 + rng.random(length), brand=f"b{number % 2}", group=f"g{number // 3}"))
    meta = {"freq": alias, "horizon": 8, "season_length": check_freq(freq).season, "country": "US", "dataset": "made"}
    roles = {"static": ["brand", "group"], "historical": ["price"], "future": ["open", "promo"]}
    return pd.concat(parts, ignore_index=True), {**meta, **roles}


def made_run(folder: Path, freq: str = "D") -> Path:
    """The files of a finished run that an export reads."""
    panel, meta = made_panel(freq)
    table = build_features(panel, meta)
    save_features(table, meta, folder, ahead_features(panel, meta))
    cutoff = panel["ds"].max()
    told = {"cutoff": str(cutoff), "config": {"levels": list(QUANTILES)}, "composition": {"weights": {"Theta": 1.0}}}
    write_json({**told, "shares": [["Theta", 1.0]], "format": 1, "files": {}}, folder / "champion" / "champion.json")
    steps = check_freq(freq).after(cutoff, meta["horizon"])
    rows = pd.DataFrame({"unique_id": "s0", "ds": steps, "cutoff": cutoff, "model": "Champion", "mean": 1.0, "y": 1.0})
    write_parquet(rows.assign(**dict.fromkeys(quantile_columns(QUANTILES), 1.0)), folder / "champion_forecasts.parquet")
    return folder


def made_live(table: FeatureTable, meta: dict, *, seed: int = 0, **changes: object) -> Forecaster:
    """A live network with weights of ``seed``, none of them zero; ``changes`` of its architecture."""
    config = live_config(table, meta, hidden_size=16)
    words = Vocabulary.of(table, config.without)
    architecture = architecture_of(words, int(meta["horizon"]), config) | changes
    torch.manual_seed(seed)
    model = SalesPredictor(**architecture)
    with torch.no_grad():
        model.local.weight.normal_(0, 0.3)
    told = int(meta["horizon"]), check_freq(str(meta["freq"])).cycle, str(meta["freq"])
    causal = model.encoder.causal
    reach = config.reach if causal else None
    return Forecaster(model.eval(), words, architecture, config.window, *told, {"seed": seed}, reach)


def read_run(folder: Path) -> tuple[FeatureTable, dict, pd.DataFrame]:
    """Features, their description, and what is known ahead, of a made run."""
    table, meta = load_features(folder)
    return table, meta, pd.read_parquet(folder / "ahead.parquet")
