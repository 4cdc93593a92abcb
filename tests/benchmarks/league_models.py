"""Peers of the league and our single network: ``fit(view)`` gives a function from a later view to its forecast.

The champion and its members are the library's; `league_champion` calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.preprocessing import OneHotEncoder
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, SeasonalNaive, SeasonalWindowAverage, Theta, WindowAverage

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.data.calendar import inner_season
from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.networks.heads import quantile_mean
from salesforecast_lib.models.peers.baselines import fitting_history, pooled_quantiles, tidy
from salesforecast_lib.models.peers.origins import OriginRows
from salesforecast_lib.models.peers.recursive import lightgbm_forecasts
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts
from salesforecast_lib.models.training.loop import TrainingConfig
from tests.benchmarks.league_tasks import Task, View

Forecast = Callable[[View], pd.DataFrame]


@dataclass(frozen=True)
class Entry:
    """One row of the league.

    Parameters
    ----------
    kind : "peer" or "network" (ours alone).
    refit : fitted at every cutoff; else at the first, and only its inputs move on.
    settings : everything that changes the forecast; part of the name under which it is stored.
    """

    name: str
    kind: str
    fit: Callable[[View], Forecast]
    refit: bool
    words: str
    settings: dict[str, Any] = field(default_factory=dict)


def observed(view: View, strict: bool) -> View:
    """With ``strict``, a partly available period counts as unavailable: its sales are below the demand."""
    if not strict:
        return view
    available = view.panel["available"]
    return View(view.panel.assign(available=(available >= 1).astype(float).where(available.notna())), view.meta,
                view.cutoff)  # fmt: skip


# Statistical peers: one model a series -----------------------------------------------------------------------------

_LEVELS = {90: ("q0.05", "q0.95"), 80: ("q0.1", "q0.9"), 50: ("q0.25", "q0.75")}


def statistical(make: Callable[[int], Any], season: int, strict: bool) -> Callable[[View], Forecast]:
    """A statsforecast model with its own intervals, refitted at the view's cutoff."""

    def forecast(view: View) -> pd.DataFrame:
        view = observed(view, strict)
        history = fitting_history(view.panel, view.cutoff, season)[["unique_id", "ds", "y"]]
        long = history.groupby("unique_id")["ds"].transform("size") >= 2 * season
        parts = []
        for rows, cycle in ((history[long], season), (history[~long], 1)):
            if len(rows):
                runner = StatsForecast([make(cycle)], freq=view.meta["freq"], fallback_model=SeasonalNaive(1))
                parts.append(runner.forecast(df=rows, h=len(view.steps), level=list(_LEVELS)))
        wide = pd.concat(parts, ignore_index=True)
        name = str(make(season))
        middle = wide[name].clip(lower=0.0)
        table = wide[["unique_id", "ds"]].assign(cutoff=view.cutoff, model=name, mean=middle, **{"q0.5": middle})
        for level, (low, high) in _LEVELS.items():
            table[low] = wide[f"{name}-lo-{level}"].fillna(middle)  # too short for an interval
            table[high] = wide[f"{name}-hi-{level}"].fillna(middle)
        return tidy(table)

    return lambda first: forecast


def window_average(season: int, cycles: int, strict: bool) -> Callable[[View], Forecast]:
    """Mean of the last ``cycles`` periods of the same phase; quantiles from its errors one horizon earlier."""
    make = WindowAverage(cycles) if season == 1 else SeasonalWindowAverage(season, cycles)

    def forecast(view: View) -> pd.DataFrame:
        view = observed(view, strict)
        history = fitting_history(view.panel, view.cutoff, season)

        def point(past: pd.DataFrame) -> pd.DataFrame:
            size = past.groupby("unique_id")["ds"].transform("size")
            parts = []
            for rows, model in ((past[size >= season * cycles], make), (past[size < season * cycles], None)):
                if len(rows) and model is not None:
                    runner = StatsForecast([model], freq=view.meta["freq"])
                    table = runner.forecast(df=rows[["unique_id", "ds", "y"]], h=len(view.steps))
                    parts.append(table.rename(columns={str(model): "mean"}))
                elif len(rows):
                    level = rows.groupby("unique_id")["y"].mean().rename("mean").reset_index()
                    steps = pd.date_range(rows["ds"].max(), periods=len(view.steps) + 1, freq=view.meta["freq"])[1:]
                    parts.append(level.merge(pd.DataFrame({"ds": steps}), how="cross"))
            return pd.concat(parts, ignore_index=True)

        table = point(history).assign(cutoff=view.cutoff, model="WindowAverage")
        return pooled_quantiles(table, history, view.cutoff, len(view.steps), view.meta["freq"], point)

    return lambda first: forecast


# Peers that learn from all series ----------------------------------------------------------------------------------


def lightgbm_peer(strict: bool) -> Callable[[View], Forecast]:
    """LightGBM through mlforecast with our known-ahead covariates."""

    def forecast(view: View) -> pd.DataFrame:
        view = observed(view, strict)
        return lightgbm_forecasts(view.panel, view.meta, view.cutoff)

    return lambda first: forecast


def fracast_zero_shot(strict: bool, batch: int = 64) -> Callable[[View], Forecast]:
    """The pretrained model, unavailable periods masked; its nine levels 0.1 … 0.9 give ours.

    0.25 and 0.75 lie half-way between neighbours; 0.05 and 0.95 extend the distance of 0.1 and 0.9 from the median as
    a normal distribution would.
    """

    def fit(first: View) -> Forecast:
        FracastModel = _peer("fracast").FracastModel
        model = FracastModel.from_pretrained(weights="fp32")

        def forecast(view: View) -> pd.DataFrame:
            view = observed(view, strict)
            past = view.panel[view.panel["ds"] <= view.cutoff]
            wide = past.assign(y=past["y"].where(past["available"] > 0)).pivot(index="unique_id", columns="ds")["y"]
            filled = fitting_history(view.panel, view.cutoff, int(view.meta["season_length"]))
            filled = filled.pivot(index="unique_id", columns="ds", values="y").reindex_like(wide)
            context = wide.where(wide.notna().sum(axis=1) >= 16, filled).to_numpy("float32")
            parts = [model.forecast_batch(context[k : k + batch], horizon=len(view.steps))
                     for k in range(0, len(context), batch)]  # fmt: skip
            values = np.sort(np.concatenate(parts).reshape(-1, 9), axis=1)  # (rows, levels)
            reach = 1.6449 / 1.2816
            middle = values[:, 4]
            columns = [
                middle + reach * (values[:, 0] - middle), values[:, 0], (values[:, 1] + values[:, 2]) / 2, middle,
                (values[:, 6] + values[:, 7]) / 2, values[:, 8], middle + reach * (values[:, 8] - middle),
            ]  # fmt: skip
            grid = pd.MultiIndex.from_product([wide.index, view.steps], names=["unique_id", "ds"]).to_frame(index=False)
            table = grid.assign(cutoff=view.cutoff, model="fracast", mean=middle)
            return tidy(table.assign(**dict(zip(QUANTILE_COLUMNS, columns, strict=True))))

        return forecast

    return fit


def _peer(name: str) -> Any:
    """Import an optional peer, or say how to install it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{name} is not installed; the league's peers come with: pip install -e .[peers]") from error


def features_of(view: View, strict: bool) -> FeatureTable:
    """Chapter 02's features of a view; with ``strict`` a partly available period counts as not observed."""
    return build_features(observed(view, strict).panel, view.meta)


class StaticEncoder:
    """Categories as a neuralforecast network takes them: embeddings, or indicators for TFT, which has none.

    Indicators stand for the 15 most frequent values of a column; the others share one.
    """

    def __init__(self, table: FeatureTable, kind: str) -> None:
        self.names, self.indicators = table.roles["static"], None
        values = self._values(table)
        if kind != "TFT":
            self.arguments: dict[str, Any] = {
                "cat_exog_list": self.names,
                "categorical_cardinalities": {name: int(values[name].nunique()) + 1 for name in self.names},
                "stat_exog_list": self.names,
            }
            return
        self.indicators = OneHotEncoder(max_categories=16, handle_unknown="ignore", sparse_output=False)
        self.indicators.set_output(transform="pandas").fit(values[self.names])
        self.arguments = {"stat_exog_list": list(self.indicators.get_feature_names_out())}

    def _values(self, table: FeatureTable) -> pd.DataFrame:
        return table.frame.groupby("unique_id", as_index=False)[self.names].first()

    def __call__(self, table: FeatureTable) -> pd.DataFrame | None:
        """One row a series with what the network reads; None where there is no category."""
        if not self.names:
            return None
        values = self._values(table)
        if self.indicators is None:
            return values
        return pd.concat([values[["unique_id"]], self.indicators.transform(values[self.names])], axis=1)


def neural_peer(kind: str, settings: dict[str, Any], strict: bool) -> Callable[[View], Forecast]:
    """A neuralforecast network: quantile loss at our levels, our covariates and categories, masked as ours."""

    def prepare(view: View) -> tuple[FeatureTable, pd.DataFrame, pd.DataFrame]:
        table = features_of(view, strict)
        filled = fitting_history(observed(view, strict).panel, view.cutoff, int(view.meta["season_length"]))
        frame = table.frame[["unique_id", "ds", *table.roles["historical"], *table.roles["future"]]].copy()
        past = frame[frame["ds"] <= view.cutoff].merge(filled[["unique_id", "ds", "y", "available"]])
        mask = (past["available"] > 0).astype(float)
        past = past.drop(columns="available").assign(available_mask=mask)
        return table, past.fillna(0.0), frame

    def fit(first: View) -> Forecast:
        nf, models, losses = (
            _peer("neuralforecast"),
            _peer("neuralforecast.models"),
            _peer("neuralforecast.losses.pytorch"),
        )
        import logging

        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # its device report at every call
        table, past, _ = prepare(first)
        levels = [float(name[1:]) for name in QUANTILE_COLUMNS]
        encoder = StaticEncoder(table, kind)
        network = getattr(models, kind)(
            h=len(first.steps),
            loss=losses.MQLoss(quantiles=levels),
            futr_exog_list=table.roles["future"],
            hist_exog_list=table.roles["historical"],
            **encoder.arguments,
            start_padding_enabled=True,
            enable_progress_bar=False,
            logger=False,
            enable_checkpointing=False,
            accelerator="cpu",
            **settings,
        )
        runner = nf.NeuralForecast(models=[network], freq=first.meta["freq"])
        runner.fit(past, static_df=encoder(table))

        def forecast(view: View) -> pd.DataFrame:
            table, past, frame = prepare(view)
            future = frame.loc[frame["ds"] > view.cutoff, ["unique_id", "ds", *table.roles["future"]]]
            wide = runner.predict(past, static_df=encoder(table), futr_df=future)
            names = [name for name in wide.columns if name not in ("unique_id", "ds")]
            out = wide[["unique_id", "ds"]].assign(cutoff=view.cutoff, model=kind)
            values = np.sort(wide[names].to_numpy("float64"), axis=1)
            out = out.assign(**{name: values[:, k] for k, name in enumerate(QUANTILE_COLUMNS)})
            ordered = torch.as_tensor(values)
            return tidy(out.assign(mean=quantile_mean(ordered, QUANTILES).numpy()))  # as ours compute it

        return forecast

    return fit


# Ours alone --------------------------------------------------------------------------------------------------------


def network(config: NetworkConfig, strict: bool) -> Callable[[View], Forecast]:
    """Our network through `fit_network`, fitted where the view says."""

    def fit(first: View) -> Forecast:
        table, meta = features_of(first, strict), first.meta
        forecaster = fit_network(table, meta, first.cutoff, config).forecaster

        def forecast(view: View) -> pd.DataFrame:
            frame = features_of(view, strict).frame
            return forecaster(frame, frame[frame["ds"] > view.cutoff], view.cutoff)

        return forecast

    return fit


def direct_lightgbm(
    config: DirectConfig, strict: bool, rows_of: type[OriginRows] = OriginRows
) -> Callable[[View], Forecast]:
    """One LightGBM for each quantile over pairs of origin and step, with our network's covariates (chapter 06)."""

    def forecast(view: View) -> pd.DataFrame:
        table, meta = features_of(view, strict), view.meta
        ahead, season = table.frame[table.frame["ds"] > view.cutoff], inner_season(meta["freq"])
        told = (table, ahead, view.cutoff, len(view.steps), meta["freq"], season)
        return direct_lightgbm_forecasts(*told, config, rows_of)

    return lambda first: forecast


MODELS = (
    "SeasonalNaive",
    "WindowAverage",
    "AutoETS",
    "Theta",
    "LightGBM",
    "LightGBMDirect",
    "LightGBMShort",
    "fracast",
    "NF-LSTM",
    "NF-NHITS",
    "NF-TFT",
    "LSTM",
)
# What `league_search` found on the validation cutoffs; elsewhere the first settings. The window is the history that
# gives a series' level.
WINDOWS = {"complete_journey": 224, "online_retail_ii": 52}
NETWORK: dict[str, dict[str, Any]] = {
    "complete_journey": {"min_history": 28},
    "online_retail_ii": {"min_history": 13, "hidden_size": 128, "dropout": 0.5},
}


def first_window(task: Task) -> int:
    """Periods of history where nothing was searched: a month of a short past, else eight weeks or half a year."""
    daily = task.meta["freq"] == "D"
    return 28 if len(task.panel["ds"].unique()) < 120 else 56 if daily else 26


def network_config(task: Task) -> NetworkConfig:
    """Our single network."""
    training = TrainingConfig(max_epochs=12, patience=3)
    window, chosen = WINDOWS.get(task.name, first_window(task)), NETWORK.get(task.name, {})
    return NetworkConfig(window, forking=True, learning_rate=0.004, training=training, **chosen)


def registry(task: Task) -> dict[str, Entry]:
    """Every model but the champion, with the settings for this task."""
    daily, strict = task.meta["freq"] == "D", task.fully_available
    season = 7 if daily else 1
    short = len(task.panel["ds"].unique()) < 120
    cycles = 4 if short else 8
    read = first_window(task)
    # 32 series a step; of long ones with many covariates 8 give windows enough, at a quarter of the time to cut them
    budget = {"max_steps": 1000, "input_size": read, "batch_size": 32, "random_seed": 1}
    fewer = {"batch_size": 8} if daily and not short else {}
    both = {"strict": strict}
    found: dict[str, Entry] = {}

    def add(name: str, kind: str, fit: Any, refit: bool, words: str, **settings: Any) -> None:
        found[name] = Entry(name, kind, fit, refit, words, {**both, **settings})

    naive = season if daily else 52 if task.name == "online_retail_ii" else 1
    # a year of weeks where the series have one before the first cutoff, as in chapter 07
    add("SeasonalNaive", "peer", statistical(SeasonalNaive, naive, strict), True, "statsforecast", season=naive)
    add("WindowAverage", "peer", window_average(season, cycles, strict), True, "statsforecast, pooled intervals",
        season=season, cycles=cycles)  # fmt: skip
    add("AutoETS", "peer", statistical(lambda s: AutoETS(s), season, strict), True, "statsforecast", season=season)
    theta = statistical(lambda s: Theta(s, decomposition_type="additive"), season, strict)
    add("Theta", "peer", theta, True, "statsforecast", season=season)
    add(
        "LightGBM",
        "peer",
        lightgbm_peer(strict),
        True,
        "mlforecast, recursive, known-ahead covariates, pooled intervals",
    )
    rows = {"window": WINDOWS.get(task.name, read)}
    add("LightGBMDirect", "peer", direct_lightgbm(DirectConfig(**rows), strict), True,
        "one LightGBM a quantile, all covariates of our network", **rows)  # fmt: skip
    if task.name in WINDOWS:  # so that no peer is the weaker for our search
        rows = {"window": read}
        add("LightGBMShort", "peer", direct_lightgbm(DirectConfig(**rows), strict), True,
            f"LightGBMDirect with a level over {read} periods", **rows)  # fmt: skip
    add("fracast", "peer", fracast_zero_shot(strict), True, "zero-shot, weights of its wheel")
    for kind, own in (
        ("LSTM", {"encoder_hidden_size": 64, "encoder_n_layers": 1, "decoder_hidden_size": 64,
                  "windows_batch_size": 256,
                  "inference_windows_batch_size": 1024}),
        ("NHITS", {**fewer, "windows_batch_size": 256, "scaler_type": "robust"}),
        ("TFT", {**fewer, "hidden_size": 64, "windows_batch_size": 64}),  # the slowest: up to 3 s a step
    ):  # fmt: skip
        settings = {**budget, **own}
        add(f"NF-{kind}", "peer", neural_peer(kind, settings, strict), False,
            "neuralforecast, MQLoss at our levels, our covariates", **settings)  # fmt: skip
    config = network_config(task)
    add("LSTM", "network", network(config, strict), False, "ours, forking sequences, one seed",
        config=asdict(config), seeds=[config.training.seed])  # fmt: skip
    return found


def entries(names: list[str] | None, task: Task) -> list[Entry]:
    """Entries by name, all of the task by default; raises ValueError that lists the names."""
    known = registry(task)
    names = [name for name in MODELS if name in known] if names is None else names
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"models {unknown}: expected some of {', '.join([*known, 'Champion'])}")
    return [known[name] for name in names]
