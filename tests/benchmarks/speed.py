"""Training and forecasting speed beside a bare loop and neuralforecast: ``python tests/benchmarks/speed.py``.

Parts (``--parts``, separated by commas):

* ``train``: bare loop, window by window, forking and neuralforecast's LSTM with its fastest batch, in interleaved
  repeats, as ratios;
* ``predict``: all series once, and one new day from the carried state;
* ``accuracy``: time until forking reaches the validation loss of neuralforecast's LSTM after ``--nf-steps`` steps, on
  the series of the league's Complete Journey and FreshRetailNet (``--data`` names the folder that holds them);
* ``memory``: peak memory of training beside what the data, the model and one batch need;
* ``features``: lags and rolling windows beside mlforecast's, the same ones, and all of chapter 02's features;
* ``growth``: time for 1, 4 and 16 times the series;
* ``cuda``: bfloat16 on a CUDA device; says so when there is none.

The other parts use made series. With ``--json FILE`` the parts that ran replace those stored there; the book's page is
made from it by ``speed_page.py``. One thread for everything. neuralforecast comes with ``pip install
salesforecast[peers]``; where it is missing, or lives in another environment, ``--peer-python PATH`` names the
interpreter that has it, and its parts run there as a process.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

WINDOW, HORIZON, HIDDEN, SEASON = 56, 28, 64, 7
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
ACCURACY = {"complete_journey": (56, 28), "freshretailnet": (28, 7)}  # window and horizon, days
STRETCH = 96  # days of a stretch in the part accuracy


def use_windows(window: int, horizon: int) -> None:
    """Window and horizon of every part, in periods."""
    global WINDOW, HORIZON
    WINDOW, HORIZON = window, horizon


def made_series(series: int, days: int, seed: int = 0) -> pd.DataFrame:
    """Daily counts with a weekly rhythm and a slow wave."""
    rng = np.random.default_rng(seed)
    ds = pd.date_range("2020-01-06", periods=days)
    week = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(days) % 7)[None] / 7 + rng.random((series, 1)) * 6)
    wave = 1 + 0.3 * np.sin(2 * np.pi * np.arange(days)[None] / 90 + rng.random((series, 1)) * 6)
    y = rng.poisson(rng.gamma(2.0, 6.0, (series, 1)) * week * wave).astype("float32")
    names = pd.Categorical.from_codes(np.repeat(np.arange(series), days), [f"s{n:06d}" for n in range(series)])
    return pd.DataFrame({"unique_id": names, "ds": np.tile(ds, series), "y": y.ravel()})


# --- neuralforecast: also runs by itself, in an environment that has it -------------------------------------------


def neural_model(steps: int, windows: int, seed: int = 0) -> Any:
    """neuralforecast's LSTM of the same size, trained on our quantiles."""
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning")  # advice on data loader workers
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import LSTM

    model = LSTM(
        h=HORIZON,
        input_size=WINDOW,
        loss=MQLoss(quantiles=list(LEVELS)),
        encoder_hidden_size=HIDDEN,
        encoder_n_layers=1,
        max_steps=steps,
        windows_batch_size=windows,
        batch_size=32,
        scaler_type="standard",
        random_seed=seed,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    return NeuralForecast([model], freq="D")


def timed(work: Callable[[], Any]) -> float:
    """Seconds of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def peer(request: dict[str, Any]) -> dict[str, Any]:
    """One measurement of neuralforecast: windows a second, forecast seconds, or forecasts after training."""
    torch.set_num_threads(1)
    use_windows(request["window"], request["horizon"])
    frame = pd.read_parquet(request["data"])
    if request["what"] == "rate":

        def seconds(steps: int) -> float:
            model = neural_model(steps, request["windows"])
            begun = time.perf_counter()
            model.fit(frame)
            return time.perf_counter() - begun

        few, many = 3, 3 + request["steps"]
        short = seconds(few)
        return {"rate": request["steps"] * request["windows"] / (seconds(many) - short)}
    model = neural_model(request["steps"], request["windows"])
    begun = time.perf_counter()
    model.fit(frame)
    fitted = time.perf_counter() - begun
    model.predict()
    forecast = float(np.median([timed(model.predict) for _ in range(9)]))
    if request["what"] == "predict":
        return {"seconds": forecast}
    known = pd.read_parquet(request["validation"])
    origins = pd.DatetimeIndex(request["origins"])
    parts = [model.predict(df=known[known["ds"] <= origin]).assign(cutoff=origin) for origin in origins]
    pd.concat(parts).to_parquet(request["out"])
    return {"fit_seconds": fitted}


def ask_peer(request: dict[str, Any], python: str) -> dict[str, Any]:
    """Run `peer` in the environment that has neuralforecast."""
    command = [python, __file__, "--peer", json.dumps({**request, "window": WINDOW, "horizon": HORIZON})]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            "neuralforecast could not run: install it with 'pip install salesforecast[peers]', or name an interpreter "
            f"that has it with --peer-python\n{done.stderr[-2000:]}"
        )
    return json.loads(done.stdout.splitlines()[-1])


# --- ours ---------------------------------------------------------------------------------------------------------


def table_of(frame: pd.DataFrame, rolling: bool = False) -> Any:
    """Feature table of sales and nothing else; ``rolling`` adds chapter 02's rolling means and deviation of them."""
    from salesforecast_lib.data.features import FeatureTable, build_features

    roles: dict[str, list[str]] = {"static": [], "historical": [], "future": []}
    frame = frame.assign(available=1.0)
    if not rolling:
        return FeatureTable(frame, roles, {}, [])
    table = build_features(frame, {**roles, "freq": "D", "country": "US"})
    names = table.groups["rolling"]
    return FeatureTable(table.frame[[*frame, *names]], {**roles, "historical": names}, {}, names)


class Ours:
    """Both trainers on one tensor."""

    def __init__(
        self,
        frame: pd.DataFrame,
        steps: int = 256,
        stretches: int = 16,
        device: str = "cpu",
        windows: bool = True,
        rolling: bool = False,
    ) -> None:
        from salesforecast_lib.models.training.loop import TrainingConfig, make_optimizer
        from salesforecast_lib.models.windows.loader import WindowLoader
        from salesforecast_lib.models.windows.panel_tensor import PanelTensor
        from salesforecast_lib.models.windows.stretches import StretchLoader
        from salesforecast_lib.models.windows.vocabulary import Vocabulary

        table = table_of(frame, rolling)
        self.vocabulary = Vocabulary.of(table)
        self.tensor = PanelTensor(table.frame, self.vocabulary, WINDOW, HORIZON, SEASON, device)
        last = frame["ds"].max()
        self.origins = self.tensor.origins(frame["ds"].min(), last, WINDOW // 2)
        if windows:
            self.windows = WindowLoader(self.tensor, self.origins, 256)
        self.stretches = StretchLoader(self.tensor, self.origins, stretches, steps=steps)
        self.config, self.device, self._optimizer = TrainingConfig(), device, make_optimizer

    def model(self) -> Any:
        """A fresh network."""
        from salesforecast_lib.models.networks.predictor import SalesPredictor

        torch.manual_seed(0)
        return SalesPredictor(
            self.vocabulary.input_size,
            HIDDEN,
            HORIZON,
            future_size=len(self.vocabulary.future),
            dropout=0.2,
            unit=self.vocabulary.unit,
        ).to(self.device)

    def rate(self, loader: Any, seconds: float) -> float:
        """Trained origins a second through the library's own training step."""
        from salesforecast_lib.models.training.loop import batch_loss

        model = self.model().train()
        optimizer = self._optimizer("adam", model, 1e-3)
        trained, begun = 0.0, None
        while True:
            for number, batch in enumerate(loader):
                loss = batch_loss(model, batch, self.config)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                if begun is None:
                    begun = time.perf_counter() if number >= 1 else None  # two batches to warm up
                    continue
                trained += float(batch.origin.sum()) if hasattr(batch, "origin") else len(batch.scale)
                if time.perf_counter() - begun > seconds:
                    return trained / (time.perf_counter() - begun)

    def bare_rate(self, seconds: float) -> float:
        """The same network on windows gathered beforehand: forward, loss, backward, step and nothing else."""
        rows = torch.as_tensor(self.origins[: 256 * 8])
        ready = [self.tensor.gather(part) for part in rows.split(256)]
        return self.rate(ready, seconds)

    def plain_lstm_rate(self, seconds: float) -> float:
        """``nn.LSTM`` and one linear layer on windows in memory, the loop that most notebooks write."""
        lstm = torch.nn.LSTM(self.vocabulary.input_size, HIDDEN, batch_first=True)
        head = torch.nn.Linear(HIDDEN, HORIZON * len(LEVELS))
        optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()])
        tau, begun, trained = torch.tensor(LEVELS), time.perf_counter(), 0
        rows = torch.as_tensor(self.origins[: 256 * 8])
        ready = [self.tensor.gather(part) for part in rows.split(256)]
        while time.perf_counter() - begun < seconds:
            for batch in ready:
                forecast = head(lstm(batch.history)[0][:, -1]).view(-1, HORIZON, len(LEVELS))
                error = (batch.target / batch.scale)[..., None] - forecast
                loss = torch.maximum(tau * error, (tau - 1) * error).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                trained += len(batch.scale)
        return trained / (time.perf_counter() - begun)


def train_part(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Origins a second, interleaved so that other load on the machine hits all alike."""
    ours = Ours(pd.read_parquet(data))
    tried: dict[int, list[float]] = {windows: [] for windows in (64, 128, 256, 512, 1024)}
    for _ in range(3):
        for windows, found in tried.items():
            found.append(ask_peer(peer_rate(data, windows), arguments.peer_python)["rate"])
    sizes = {windows: float(np.median(found)) for windows, found in tried.items()}
    best = max(sizes, key=lambda windows: sizes[windows])
    ways: dict[str, Callable[[], float]] = {
        "bare loop, plain nn.LSTM": lambda: ours.plain_lstm_rate(arguments.seconds),
        "bare loop, our network": lambda: ours.bare_rate(arguments.seconds),
        "window by window": lambda: ours.rate(ours.windows, arguments.seconds),
        "forking": lambda: ours.rate(ours.stretches, arguments.seconds),
        "neuralforecast LSTM": lambda: ask_peer(peer_rate(data, best), arguments.peer_python)["rate"],
    }
    rates_of: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.repeats):
        for name, way in ways.items():
            rates_of[name].append(way())
    rate = {name: float(np.median(values)) for name, values in rates_of.items()}

    def paired(ours_name: str, other: str) -> float:
        """Median over the repeats of the ratio within each."""
        return float(np.median(np.divide(rates_of[ours_name], rates_of[other])))

    return {
        "origins_per_second": rate,
        "all_repeats": rates_of,
        "neuralforecast_windows_batch_size": best,
        "neuralforecast_by_windows_batch_size": sizes,
        "forking_over_neuralforecast": paired("forking", "neuralforecast LSTM"),
        "window_by_window_over_bare_loop": paired("window by window", "bare loop, our network"),
    }


def peer_rate(data: Path, windows: int) -> dict[str, Any]:
    """Request for a rate over at least 4,096 windows."""
    return {"what": "rate", "data": str(data), "windows": windows, "steps": max(16, 4096 // windows)}


def predict_part(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Seconds to forecast all series, and for one new day."""
    from salesforecast_lib.models.forecaster.carried import carried_forecast, carry_day, carry_history
    from salesforecast_lib.models.forecaster.forecast import Forecaster

    frame = pd.read_parquet(data)
    ours = Ours(frame)
    forecaster = Forecaster(ours.model().eval(), ours.vocabulary, {}, WINDOW, HORIZON, SEASON, "D", {})
    stretch = replace(forecaster, reach=256)  # as a network trained by forking reads
    rows, last = table_of(frame).frame, frame["ds"].max()
    steps = pd.date_range(last, periods=HORIZON + 2)[1:]
    future = pd.MultiIndex.from_product([frame["unique_id"].unique(), steps], names=["unique_id", "ds"]).to_frame(False)
    tomorrow = rows[rows["ds"] == last].assign(ds=steps[0])
    state = carry_history(forecaster, rows, last)

    def seconds(work: Callable[[], Any]) -> float:
        work()
        return float(np.median([timed(work) for _ in range(9)]))

    request = {"what": "predict", "data": str(data), "windows": arguments.windows, "steps": 5}
    result = {
        "all series": seconds(lambda: forecaster(rows, future, last)),  # neuralforecast reads 56 days too
        "all series, 256 days read": seconds(lambda: stretch(rows, future, last)),
        "one new day": seconds(lambda: carry_day(forecaster, state, tomorrow)),
        "forecast from the carried state": seconds(lambda: carried_forecast(forecaster, state, future)),
        "neuralforecast predict": ask_peer(request, arguments.peer_python)["seconds"],
    }
    return {"seconds": result, "ours_over_neuralforecast": result["all series"] / result["neuralforecast predict"]}


def accuracy_part(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """`time_to_accuracy` on the series of two tasks of the league."""
    from league_tasks import TASKS

    result, given = {}, (WINDOW, HORIZON)
    for name, (window, horizon) in ACCURACY.items():
        use_windows(window, horizon)
        file = data.with_name(f"{name}.parquet")
        TASKS[name](arguments.data).panel[["unique_id", "ds", "y"]].astype({"unique_id": str}).to_parquet(file)
        result[name] = time_to_accuracy(arguments, file)
    use_windows(*given)
    return result


def time_to_accuracy(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Wall time to the validation loss at which neuralforecast's LSTM ends.

    Both see sales only; ours also reads their rolling means and deviation, whose making counts. Validation: pinball
    loss over the window's mean, at every seventh origin of the last weeks.
    """
    from salesforecast_lib.models.networks.predictor import pinball_loss
    from salesforecast_lib.models.training.loop import batch_loss, evaluate
    from salesforecast_lib.models.windows.loader import WindowLoader
    from salesforecast_lib.models.windows.stretches import StretchLoader

    frame = pd.read_parquet(data)
    cutoff = frame["ds"].max() - pd.Timedelta(days=2 * HORIZON)
    training = data.with_name("training.parquet")
    frame[frame["ds"] <= cutoff].to_parquet(training)
    origins = pd.date_range(cutoff + pd.Timedelta(days=7), frame["ds"].max() - pd.Timedelta(days=HORIZON), freq="7D")
    out = data.with_name("peer.parquet")
    request = {
        "what": "accuracy",
        "data": str(training),
        "validation": str(data),
        "origins": [str(origin) for origin in origins],
        "windows": arguments.windows,
        "steps": arguments.nf_steps,
        "out": str(out),
    }
    peer_seconds = ask_peer(request, arguments.peer_python)["fit_seconds"]
    begun = time.perf_counter()
    ours, first, last = Ours(frame, windows=False, rolling=True), frame["ds"].min(), cutoff - pd.Timedelta(days=HORIZON)
    trained = ours.tensor.origins(first, last, WINDOW // 2)
    loader = StretchLoader(ours.tensor, trained, 16, steps=STRETCH)  # short ones: more steps of the optimiser a second
    model, spent = ours.model(), time.perf_counter() - begun
    optimizer, curve, batches = ours._optimizer("adam", model, 0.004), [(spent, np.inf)], 0
    rows = np.flatnonzero(np.isin(frame["ds"].to_numpy(), origins.to_numpy()))
    batch = ours.tensor.gather(torch.as_tensor(rows))
    table = pd.read_parquet(out)
    columns = [name for name in table if name.startswith("LSTM")]
    names = sorted(columns, key=_level_of)
    table = table.set_index(["unique_id", "cutoff"]).sort_index()
    keys = frame.iloc[rows][["unique_id", "ds"]].itertuples(index=False)
    theirs = torch.as_tensor(np.stack([table.loc[tuple(key), names].to_numpy("float32") for key in keys]))
    weight = batch.weight * batch.scale**0.5
    goal = float(pinball_loss(theirs / batch.scale[:, :, None], batch.target / batch.scale, weight, LEVELS))
    check = WindowLoader(ours.tensor, rows, 1024, shuffle=False, steps=STRETCH - WINDOW // 2)
    while curve[-1][1] > goal and spent <= peer_seconds:
        for stretch in loader:
            begun = time.perf_counter()
            model.train()
            loss = batch_loss(model, stretch, ours.config)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            spent, batches = spent + time.perf_counter() - begun, batches + 1
            if batches % 20 == 0:  # looking is not training: it does not count
                curve.append((spent, evaluate(model, check)))
                if curve[-1][1] <= goal:
                    break
        loader.epoch += 1
    return {
        "neuralforecast": {"loss": goal, "seconds": peer_seconds, "steps": arguments.nf_steps},
        "ours": {"loss": curve[-1][1], "seconds": spent, "reached": curve[-1][1] <= goal},
        "seconds_over_neuralforecast": spent / peer_seconds,
    }


def _level_of(column: str) -> float:
    """Quantile level of a neuralforecast column such as ``LSTM-median`` or ``LSTM-lo-90.0``."""
    _, *rest = column.split("-")
    if rest[0] == "median":
        return 0.5
    share = float(rest[1]) / 100
    return 0.5 - share / 2 if rest[0] in ("lo", "ql") else 0.5 + share / 2


def memory_part(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Peak memory of preparing and training, in a process of its own."""
    request = {"series": arguments.memory_series, "days": arguments.memory_days, "batches": arguments.memory_batches}
    done = subprocess.run(
        [sys.executable, __file__, "--memory-job", json.dumps(request)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def resident(name: str) -> float:
    """Megabytes from /proc: VmRSS now, VmHWM the peak since its reset; where there is none, the peak of all time."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def reset_peak() -> None:
    """Let VmHWM begin anew, so that training's peak is told from that of preparing (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        print(f"the peak cannot be reset ({error}): that of training includes preparing", file=sys.stderr)


def memory_job(request: dict[str, Any]) -> dict[str, Any]:
    """Train on made series and report megabytes.

    ``share``: peak of training over what is needed: what the process held before (interpreter and libraries), the panel
    tensor, model and optimiser, and one batch's activations, taken from a first batch on a panel of 32 series.
    """
    from salesforecast_lib.models.training.loop import batch_loss

    def train(ours: Ours, batches: int) -> None:
        model = ours.model().train()
        optimizer = ours._optimizer("adam", model, 1e-3)
        done = 0
        while done < batches:
            ours.stretches.epoch = done
            for stretch in ours.stretches:
                optimizer.zero_grad(set_to_none=True)
                batch_loss(model, stretch, ours.config).backward()
                optimizer.step()
                done += 1
                if done >= batches:
                    break

    torch.set_num_threads(1)
    train(Ours(made_series(32, request["days"]), windows=False), 10)  # libraries, model, optimiser, activations
    without_data = resident("VmHWM")
    begun = time.perf_counter()
    frame = made_series(request["series"], request["days"])
    ours = Ours(frame, windows=False)
    del frame, ours.origins
    prepared, seconds = resident("VmHWM"), time.perf_counter() - begun
    reset_peak()
    begun = time.perf_counter()
    train(ours, request["batches"])
    held = [value for value in vars(ours.tensor).values() if isinstance(value, torch.Tensor)]
    storages = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in held}
    tensor, peak = (sum(storages.values()) + ours.tensor.ds.nbytes) / 2**20, resident("VmHWM")
    return {
        **request,
        "tensor_mb": tensor,
        "without_data_mb": without_data,
        "peak_of_preparing_mb": prepared,
        "peak_of_training_mb": peak,
        "share": peak / (tensor + without_data),
        "seconds_of_preparing": seconds,
        "seconds_of_training": time.perf_counter() - begun,
    }


def features_part(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Seconds for the features that both have, medians of five, and for everything that chapter 02 builds."""
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd

    from salesforecast_lib.data.features import PastWindows, build_features

    frame = pd.read_parquet(data)
    lags, means = [1, 7, 14, 28], [7, 28, 56]

    def ours() -> pd.DataFrame:
        past = PastWindows(frame, frame["y"])
        columns = {f"lag_{k}": past.lag(k) for k in lags} | {f"mean_{k}": past.mean(k) for k in means}
        return frame.assign(**columns, std_28=past.std(28))

    windows = [*(RollingMean(k, min_samples=1) for k in means), RollingStd(28, min_samples=2)]
    peer = MLForecast(models=[], freq="D", lags=lags, lag_transforms={1: windows}, num_threads=1)
    found, theirs = ours(), peer.preprocess(frame, static_features=[], dropna=False)
    mine, their = found.groupby("unique_id")["mean_28"].shift(1), theirs["rolling_mean_lag1_window_size28_min_samples1"]
    assert np.nanmax(np.abs(mine - their)) < 1e-4, "the two libraries' rolling means differ"
    meta = {"freq": "D", "country": "US", "static": [], "historical": [], "future": []}
    seconds = {
        "ours": float(np.median([timed(ours) for _ in range(5)])),
        "mlforecast": float(np.median([timed(lambda: peer.preprocess(frame, static_features=[], dropna=False))
                                       for _ in range(5)])),
        "all of chapter 02": float(np.median([timed(lambda: build_features(frame.assign(available=1.0), meta))
                                              for _ in range(5)])),
    }  # fmt: skip
    return {"rows": len(frame), "seconds": seconds, "ours_over_mlforecast": seconds["ours"] / seconds["mlforecast"]}


def growth_part(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Seconds of one epoch for 1, 4 and 16 times the series."""
    rows = []
    Ours(made_series(2, 100))  # imports and first calls
    for factor in (1, 4, 16):
        begun = time.perf_counter()
        ours = Ours(made_series(arguments.growth_series * factor, 300))
        prepared = time.perf_counter()
        rate = ours.rate(ours.stretches, arguments.seconds)
        rows.append(
            {
                "series": arguments.growth_series * factor,
                "origins": len(ours.origins),
                "prepare_seconds": prepared - begun,
                "epoch_seconds": len(ours.origins) / rate,
            }
        )
    return {"rows": rows, "exponent": float(np.log(rows[2]["epoch_seconds"] / rows[0]["epoch_seconds"]) / np.log(16))}


def cuda_part(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Rates on a CUDA device with the data resident on it, bfloat16 and float32."""
    if not torch.cuda.is_available():
        return {"skipped": "torch sees no CUDA device on this machine"}
    ours, result = Ours(pd.read_parquet(data), stretches=64, device="cuda"), {}
    for half in (True, False):
        ours.config = replace(ours.config, autocast=half)
        name = "bfloat16" if half else "float32"
        result[f"forking, {name}"] = ours.rate(ours.stretches, arguments.seconds)
        result[f"window by window, {name}"] = ours.rate(ours.windows, arguments.seconds)
        result[f"bare loop, {name}"] = ours.bare_rate(arguments.seconds)
    return {"device": torch.cuda.get_device_name(), "origins_per_second": result}


PARTS = {
    "train": train_part,
    "predict": predict_part,
    "accuracy": accuracy_part,
    "memory": memory_part,
    "features": features_part,
    "growth": growth_part,
    "cuda": cuda_part,
}


def main() -> None:
    """Run the chosen parts, print them and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated")
    parser.add_argument("--data", type=Path, default=None, help="folder with the league's data, for the part accuracy")
    parser.add_argument("--json", type=Path, default=None, help="file whose results these parts replace or join")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has neuralforecast")
    parser.add_argument("--repeats", type=int, default=7, help="interleaved measurements of the part train")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement of ours")
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--windows", type=int, default=128, help="neuralforecast's batch for predict and accuracy")
    parser.add_argument("--nf-steps", type=int, default=1000)
    parser.add_argument("--window", type=int, default=WINDOW, help="history of both networks, periods")
    parser.add_argument("--horizon", type=int, default=HORIZON, help="periods to forecast")
    parser.add_argument("--growth-series", type=int, default=200)
    parser.add_argument("--memory-series", type=int, default=30_000)
    parser.add_argument("--memory-days", type=int, default=1900)
    parser.add_argument("--memory-batches", type=int, default=2000)
    parser.add_argument("--peer", default="", help=argparse.SUPPRESS)
    parser.add_argument("--memory-job", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(peer(json.loads(arguments.peer))))
        return
    if arguments.memory_job:
        print(json.dumps(memory_job(json.loads(arguments.memory_job))))
        return
    use_windows(arguments.window, arguments.horizon)
    unknown = sorted(set(arguments.parts.split(",")) - set(PARTS))
    if unknown:
        parser.error(f"--parts: {unknown[0]!r} is none of {list(PARTS)}")
    if "accuracy" in arguments.parts.split(",") and arguments.data is None:
        parser.error(
            "the part accuracy reads the league's data: give its folder with --data DIR, or name other --parts"
        )
    torch.set_num_threads(1)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "series.parquet"
        made_series(arguments.series, arguments.days).astype({"unique_id": str}).to_parquet(data)
        results: dict[str, Any] = {"threads": 1, "torch": torch.__version__}
        for name in arguments.parts.split(","):
            results[name] = PARTS[name](arguments, data)
            print(name, json.dumps(results[name], indent=2), flush=True)
    if arguments.json:
        from salesforecast_lib.files import read_json, write_json

        stored = read_json(arguments.json) if arguments.json.is_file() else {}
        write_json(stored | results, arguments.json)


if __name__ == "__main__":
    main()
