"""Forms of the live network beside each other: ``python -m tests.benchmarks.export_table RUN [TEACHER.parquet]``.

File, time to load, times of a call and error of torch, ONNX in 32 and 8 bits, a pruned and a distilled network, and
the champion itself. All are trained until the first of three cutoffs that lie before the months a run is scored on, and
judged on the horizons after these; nothing is chosen here on scored months. The teacher's forecasts, which take
minutes, are kept in TEACHER.parquet.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.data.features import load_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts
from salesforecast_lib.models.ensembles.members import read_known
from salesforecast_lib.production import export
from salesforecast_lib.production.export import compress, study
from salesforecast_lib.production.export.backtest import forecasts_at
from salesforecast_lib.production.export.folder import unpublished

BACK = (28, 42, 56, 70, 84)  # periods before the first judged cutoff at which the teacher forecasts; of days


def main(run: Path, kept: Path | None) -> pd.DataFrame:
    """The table, indexed by form."""
    torch.set_num_threads(1)
    table, meta = load_features(run)
    known, today = read_known(run, table), table.frame["ds"].max()
    horizon, freq = int(meta["horizon"]), check_freq(str(meta["freq"]))
    judged = export.earlier_cutoffs(table.frame, today, str(meta["freq"]), horizon)
    earlier = [judged[0] - max(horizon, round(back * horizon / 28)) * freq.offset for back in BACK]
    begun = time.perf_counter()
    if kept is not None and kept.is_file():
        champion, seconds = pd.read_parquet(kept), np.nan
    else:
        made = champion_forecasts(table, known, meta, [*earlier, *judged], ChampionConfig(3.0, validation=2))
        champion, seconds = made.forecasts, (time.perf_counter() - begun) / len([*earlier, *judged])
        if kept is not None:
            champion.to_parquet(kept)
    config = export.live_config(table, meta)
    plain = export.fit_live_network(table, meta, judged[0], config)
    lesson = compress.teach(plain, table, champion[champion["cutoff"].isin(earlier)], judged[0])
    steps = 4 * (config.training.epoch_steps or 50)
    networks = {
        "distilled": compress.retrain(plain, table, judged[0], config, steps=steps, teaching=lesson),
        "trained on as long": compress.retrain(plain, table, judged[0], config, steps=steps),
    }
    folder = Path(tempfile.mkdtemp())
    model = unpublished(plain, run, folder)
    exact = folder / "network.onnx"
    small = export.quantise_graph(exact, folder / "int8.onnx")
    thin = study.pruned(plain, table, judged[0], config, 0.5)
    others = {name: export.write_window_graph(made, folder / f"{name}.onnx") for name, made in networks.items()}
    compared = study.compare(study.Forms(plain, thin, exact, small), model, table.frame, known, judged, others)
    graphs = {study.EXACT: exact, study.SMALL: small, study.THIN: folder / "pruned.onnx", **others}
    parts = [forecasts_at(model.reading(path), table.frame, known, judged, name) for name, path in graphs.items()]
    parts.append(champion[champion["cutoff"].isin(judged)].assign(model="champion"))
    rows = scored_rows(pd.concat(parts, ignore_index=True), table.frame)
    score = evaluate(rows, table.frame, int(meta["season_length"])).set_index("model")
    compared["WAPE %"], compared["quantile loss"] = 100 * score["wape"], score["scaled_quantile_loss"]
    compared.loc[study.TORCH, ["WAPE %", "quantile loss"]] = compared.loc[study.EXACT, ["WAPE %", "quantile loss"]]
    ours = score.loc["champion"]
    compared.loc["champion", ["WAPE %", "quantile loss"]] = 100 * ours["wape"], ours["scaled_quantile_loss"]
    compared.loc["champion", "KB"] = sum(p.stat().st_size for p in (run / "champion").rglob("*") if p.is_file()) / 1e3
    compared.loc["champion", f"p50 ms, {study.LARGE:,}"] = 1e3 * seconds  # fits included, all series of the run
    return compared.round({"KB": 1, "KB packed": 1, "WAPE %": 3, "quantile loss": 5})


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None).to_string())
