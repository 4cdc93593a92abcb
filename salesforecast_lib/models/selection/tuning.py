"""Grid, random and Bayesian search over network configurations, stopped and resumed at will (chapter 05)."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import torch
from optuna.trial import TrialState

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.files import resolve
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.selection.space import SearchSpace, with_values
from salesforecast_lib.models.selection.validation import OriginScore, Protocol, until

SAMPLERS = ("grid", "random", "tpe")
PRUNERS = ("median", "hyperband", "none")
DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Search:
    """How to search.

    Parameters
    ----------
    sampler : "grid" (in random order), "random" (Bergstra & Bengio 2012) or "tpe", the tree-structured Parzen estimator
        (Bergstra et al. 2011).
    trials : configurations tried in all, those of a stopped search included; a grid may be smaller.
    startup : trials before "tpe" and the pruner look at what came before; until then "tpe" tries what "random" does.
    pruner : "median" gives a trial up when its best score so far is worse than the median of the earlier ones at that
        epoch, from the end of the first origin on: before, a small learning rate looks worse than it is. "hyperband"
        halves the trials successively over several budgets of epochs (Li et al. 2018), "none" gives none up.
    workers : processes that share the storage. With more than one the order of trials, and so "tpe" and every pruner,
        depend on timing: the same seed does not give the same search twice.
    """

    sampler: str = "tpe"
    trials: int = 30
    seed: int = 0
    startup: int = 8
    pruner: str = "median"
    workers: int = 1

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS or self.pruner not in PRUNERS:
            raise ValueError(f"sampler={self.sampler!r}, pruner={self.pruner!r}: expected {SAMPLERS}, {PRUNERS}")
        if min(self.trials, self.startup, self.workers) < 1:
            raise ValueError(f"{self}: expected trials, startup and workers of at least 1")


class Objective:
    """Mean score of a configuration over the validation origins; reports every epoch, so that a trial can be pruned.

    Reported is the mean of the origins so far as a share of the seasonal naive's at the same origins: an origin that is
    hard for everyone makes no trial look bad. Rows after the last validation target are dropped before anything runs.
    """

    def __init__(
        self,
        table: FeatureTable,
        meta: dict[str, Any],
        protocol: Protocol,
        space: SearchSpace,
        base: NetworkConfig,
        device: str = "cpu",
    ) -> None:
        self.table, self.meta, self.protocol = until(table, protocol.last), dict(meta), protocol
        self.space, self.base, self.device = space, base, device
        epochs = space.ranges.get("training.max_epochs")
        self.epochs = base.training.max_epochs if epochs is None else max(epochs.grid())  # at most, at each origin
        self._scores: dict[tuple[Any, ...], OriginScore] = {}

    def key(self) -> str:
        """Changes with every row, the protocol, the space, the base configuration and the code of the models."""
        rows = pd.util.hash_pandas_object(self.table.frame, index=False).to_numpy().tobytes()
        code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py")))
        declared = [asdict(self.protocol), self.space.to_dict(), asdict(self.base), list(self.table.frame), self.meta]
        text = json.dumps(declared, sort_keys=True, default=str)
        return hashlib.sha256(rows + code + text.encode()).hexdigest()[:16]

    def score(self, config: NetworkConfig, trial: optuna.Trial | None = None) -> float:
        """Mean over origins of the scaled quantile loss at each origin's best epoch.

        Raises
        ------
        optuna.TrialPruned
            When ``trial`` is given and the pruner gives it up.
        """
        scores: list[float] = []
        naive: list[float] = []
        for number, origin in enumerate(self.protocol.origins):
            of = self._origin_score(origin, config)
            naive.append(of.naive)

            def report(epoch: int, model: SalesPredictor, of: OriginScore = of, number: int = number) -> None:
                if trial is not None:
                    share = (sum(scores) + of(model)) / sum(naive)
                    trial.report(share, number * self.epochs + epoch)
                    if trial.should_prune():
                        raise optuna.TrialPruned()

            fit = fit_network(self.table, self.meta, origin, config, device=self.device, refit=False, on_epoch=report)
            scores.append(of(fit.forecaster.model))
        if trial is not None:
            trial.set_user_attr("scores", scores)
        return float(np.mean(scores))

    def _origin_score(self, origin: pd.Timestamp, config: NetworkConfig) -> OriginScore:
        """The score at an origin; trials that read the same windows share it."""
        same = (origin, config.window, config.without, config.reach)
        if same not in self._scores:
            self._scores[same] = OriginScore(self.table, self.protocol, origin, config)
        return self._scores[same]

    def __call__(self, trial: optuna.Trial) -> float:
        """Train and score what the sampler suggests."""
        return self.score(with_values(self.base, self.space.suggest(trial)), trial)


def run_search(objective: Objective, search: Search, storage: str | Path) -> optuna.Study:
    """Search until ``search.trials`` configurations are finished, or go on with a search that was stopped.

    Trial n draws from a generator of its own, seeded by (seed, n), and sees only the trials before it. So a search that
    was killed goes on to the same trials as one that was not: what was running is marked failed and drawn again.

    Parameters
    ----------
    storage : SQLite file; the study in it is named after sampler, seed and the objective's key. One call at a time may
        work on a study.

    Raises
    ------
    ValueError
        When a configuration cannot be trained (a window that does not fit, say): from `fit_network`, unchanged.
    """
    path = resolve(storage)
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = [search.sampler, search.seed, search.startup, search.pruner]
    name = f"{search.sampler}-{hashlib.sha256(json.dumps([*settings, objective.key()]).encode()).hexdigest()[:16]}"
    grid = objective.space.grid() if search.sampler == "grid" else []
    trials = min(search.trials, len(grid)) if grid else search.trials
    with _quiet():
        study = _study(path, name, objective, search)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)  # its process is gone
        if grid:
            _enqueue(study, [grid[k] for k in np.random.default_rng(search.seed).permutation(len(grid))[:trials]])
        left = trials - len(study.get_trials(deepcopy=False, states=DONE))
        if search.workers == 1 or left <= 1:
            _work(path, name, objective, search, max(left, 0), 0)
        else:
            shares = [len(part) for part in np.array_split(np.arange(left), min(search.workers, left))]
            with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as pool:
                jobs = [pool.submit(_work, path, name, objective, search, n, k) for k, n in enumerate(shares)]
                for job in jobs:
                    job.result()
        return _study(path, name, objective, search)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's line per trial out of notebooks; warnings stay."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _study(path: Path, name: str, objective: Objective, search: Search) -> optuna.Study:
    steps = len(objective.protocol.origins) * objective.epochs
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    first = objective.epochs - 1
    if search.pruner == "median":
        pruner = optuna.pruners.MedianPruner(n_startup_trials=search.startup, n_warmup_steps=first)
    elif search.pruner == "hyperband":
        pruner = optuna.pruners.HyperbandPruner(min_resource=2, max_resource=max(steps, 2))
    engine = {"connect_args": {"timeout": 60}}  # seconds to wait for another worker's write
    store = optuna.storages.RDBStorage(f"sqlite:///{path.as_posix()}", engine_kwargs=engine)
    return optuna.create_study(storage=store, study_name=name, pruner=pruner, load_if_exists=True)


def _enqueue(study: optuna.Study, wanted: list[dict[str, Any]]) -> None:
    kept = [t for t in study.get_trials(deepcopy=False) if t.state != TrialState.FAIL]
    taken = [t.system_attrs.get("fixed_params", t.params) for t in kept]
    for labels in wanted:
        if labels not in taken:
            study.enqueue_trial(labels)


def _work(path: Path, name: str, objective: Objective, search: Search, trials: int, worker: int) -> None:
    """Run ``trials`` trials; a process of its own when there are several workers."""
    with _quiet():
        study = _study(path, name, objective, search)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # workers share the cores; also the digits do not depend on the machine's
        try:
            for _ in range(trials):
                kept = [t for t in study.get_trials(deepcopy=False) if t.state != TrialState.FAIL]
                seed = int(np.random.SeedSequence((search.seed, len(kept), worker)).generate_state(1)[0])
                study.sampler = (
                    optuna.samplers.TPESampler(n_startup_trials=search.startup, seed=seed)
                    if search.sampler == "tpe"
                    else optuna.samplers.RandomSampler(seed=seed)
                )
                study.optimize(objective, n_trials=1)
        finally:
            torch.set_num_threads(threads)
