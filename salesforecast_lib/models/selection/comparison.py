"""Networks trained side by side on the same split and with the same seeds: score, spread and gain (chapter 05)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from scipy.stats import t as student

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.networks.encoders import ENCODERS
from salesforecast_lib.models.networks.parametric import HEADS
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.selection.disturbance import Disturbance
from salesforecast_lib.models.selection.validation import OriginScore, Protocol, until


def variants(base: NetworkConfig, windows: Iterable[int]) -> dict[str, NetworkConfig]:
    """The defaults, and networks that differ from them in one thing: size, layers, window, encoder or head."""
    networks = {"default": base, "2 layers": replace(base, num_layers=2)}
    networks |= {f"hidden {size}": replace(base, hidden_size=size) for size in (16, 128)}
    networks |= {f"window {periods}": replace(base, window=periods) for periods in windows}
    networks |= {name: replace(base, encoder=name) for name in ENCODERS}
    networks |= {name: replace(base, head=name) for name in HEADS}
    return {name: each for name, each in networks.items() if name == "default" or each != base}


def compare(
    table: FeatureTable,
    meta: dict[str, Any],
    protocol: Protocol,
    configs: Mapping[str, NetworkConfig],
    seeds: Iterable[int] = range(5),
    disturbances: Mapping[str, Disturbance] | None = None,
    refit: bool = False,
    device: str = "cpu",
) -> pd.DataFrame:
    """Train every configuration with every seed at every origin, on the same split, and score it.

    Parameters
    ----------
    disturbances : what is done to the sales before each network is scored, by name; nothing by default ("clean").
    refit : train again on everything before the origin, as `fit_network` does for a forecast that is used.

    Returns
    -------
    DataFrame ``config, seed, origin, history, score, parameters, epochs, last_score, seconds``; ``history`` is the name
    of the disturbance, ``last_score`` the score after the last epoch instead of the best one (undisturbed), ``seconds``
    the time in training.
    """
    seeds, rows, scores = list(seeds), [], {}
    disturbances = disturbances or {"clean": Disturbance()}
    known = until(table, protocol.last)
    for name, config in configs.items():
        for origin in protocol.origins:
            same = (origin, config.window, config.without, config.reach)  # what reads the same windows shares them
            if same not in scores:
                scores[same] = OriginScore(known, protocol, origin, config)
            score = scores[same]
            for seed in seeds:
                seeded = replace(config, training=replace(config.training, seed=seed))
                curve: list[float] = []

                def follow(_: int, model: SalesPredictor, of: OriginScore = score, to: list[float] = curve) -> None:
                    to.append(of(model))

                fit = fit_network(known, meta, origin, seeded, device=device, refit=refit, on_epoch=follow)
                model = fit.forecaster.model
                seconds = sum(fit.search.seconds) + (0.0 if fit.final is None else sum(fit.final.seconds))
                row = {
                    "config": name,
                    "seed": seed,
                    "origin": origin,
                    "parameters": sum(p.numel() for p in model.parameters()),
                    "epochs": fit.search.best_epoch + 1,
                    "last_score": curve[-1],
                    "seconds": seconds,
                }
                rows += [{**row, "history": k, "score": score(model, how, seed)} for k, how in disturbances.items()]
    columns = ["config", "seed", "origin", "history", "score", "parameters", "epochs", "last_score", "seconds"]
    return pd.DataFrame(rows)[columns]


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Mean over origins, then mean and standard deviation over seeds, of each configuration and kind of history.

    Returns
    -------
    DataFrame ``config, history, score, spread, seeds, parameters, epochs, seconds``, best score first.
    """
    keys = ["config", "history"]
    seeds = results.groupby([*keys, "seed"], sort=False)[["score", "parameters", "epochs", "seconds"]].mean()
    groups = seeds.groupby(keys, sort=False)
    table = groups.mean().assign(spread=groups["score"].std(ddof=1), seeds=groups.size())
    table = table.astype({"parameters": int}).reset_index().sort_values("score", kind="stable", ignore_index=True)
    return table[[*keys, "score", "spread", "seeds", "parameters", "epochs", "seconds"]]


def paired_gains(results: pd.DataFrame, reference: str, level: float = 0.95) -> pd.DataFrame:
    """Per cent by which each configuration's score is lower than the reference's, paired by seed.

    Few seeds make a wide interval: it is Student's, with one degree of freedom less than there are seeds, and it holds
    for all rows together (Bonferroni): the chance that any of them misses is at most ``1 - level``.

    Parameters
    ----------
    results : rows of `compare` with one kind of history.

    Returns
    -------
    DataFrame ``gain, spread, low, high`` by configuration: mean and standard deviation over seeds, and the interval of
    the mean; without bounds when there is one seed only.
    """
    by_seed = results.groupby(["config", "seed"], sort=False)["score"].mean().unstack("seed")
    gains = (100 * (1 - by_seed / by_seed.loc[reference])).drop(reference)
    seeds, tail = gains.shape[1], (1 - level) / 2 / max(len(gains), 1)
    table = pd.DataFrame({"gain": gains.mean(axis=1), "spread": gains.std(axis=1, ddof=1)})
    reach = float(student.ppf(1 - tail, seeds - 1)) * table["spread"] / seeds**0.5 if seeds > 1 else float("nan")
    return table.assign(low=table["gain"] - reach, high=table["gain"] + reach)


def gains_at(
    table: FeatureTable,
    meta: dict[str, Any],
    protocols: Mapping[str, Protocol],
    configs: Mapping[str, NetworkConfig],
    seeds: Iterable[int],
    reference: str = "default",
    device: str = "cpu",
) -> dict[str, pd.DataFrame]:
    """`paired_gains` over the reference under each protocol, by its name."""
    seeds = list(seeds)
    compared = {name: compare(table, meta, each, configs, seeds, device=device) for name, each in protocols.items()}
    return {name: paired_gains(results, reference) for name, results in compared.items()}


def robustness(results: pd.DataFrame, clean: str = "clean") -> pd.DataFrame:
    """Mean score of each configuration by kind of history, and per cent lost to each disturbance.

    Returns
    -------
    DataFrame by configuration: ``last epoch``, one column for each history, and ``lost to …`` for each disturbance.
    """
    order = list(dict.fromkeys(results["config"]))
    histories = list(dict.fromkeys(results["history"]))
    table = summarise(results).pivot(index="config", columns="history", values="score").loc[order, histories]
    lost = {f"lost to {name} (%)": 100 * (table[name] / table[clean] - 1) for name in histories if name != clean}
    last = results[results["history"] == clean].groupby("config")["last_score"].mean()
    table.insert(0, "last epoch", last.reindex(order))
    return table.assign(**lost).rename_axis(columns=None)
