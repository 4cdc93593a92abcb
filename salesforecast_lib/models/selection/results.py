"""What one or several searches found: their trials, the winners and how much they promise (chapter 05)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.trial import TrialState

from salesforecast_lib.models.forecaster.fit import NetworkConfig
from salesforecast_lib.models.selection.space import SearchSpace, with_values
from salesforecast_lib.models.selection.tuning import DONE


def trials_table(study: optuna.Study) -> pd.DataFrame:
    """Finished trials: ``number, state, score, best, epochs``, then one column per searched field.

    ``number`` counts finished trials from 1, ``score`` is missing where a trial was pruned, ``best`` is the lowest
    score so far and ``epochs`` the number trained.
    """
    rows = [
        {
            "state": trial.state.name.lower(),
            "score": trial.value,
            "epochs": len(trial.intermediate_values),
            **trial.params,
        }
        for trial in study.get_trials(deepcopy=False, states=DONE)
    ]
    table = pd.DataFrame(rows)
    table["score"] = table["score"].where(table["state"] == "complete").astype(float)
    table.insert(0, "number", np.arange(1, len(table) + 1))
    table.insert(3, "best", table["score"].cummin().ffill())
    return table


def best_values(study: optuna.Study, space: SearchSpace) -> dict[str, Any]:
    """Values of the best trial by field name."""
    return space.values(study.best_trial.params)


def importances(study: optuna.Study, seed: int = 0) -> pd.Series:
    """Share of the score's variance that each field explains, by functional ANOVA (Hutter et al. 2014).

    Only complete trials count; empty with fewer than two of them.
    """
    if len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < 2:
        return pd.Series(dtype=float)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return pd.Series(optuna.importance.get_param_importances(study, evaluator=evaluator), dtype=float)


def search_summary(trials: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a search from its `trials_table`: ``trials, pruned, epochs, best score``."""
    rows = {
        name: {
            "trials": len(table),
            "pruned": int((table["state"] == "pruned").sum()),
            "epochs": int(table["epochs"].sum()),
            "best score": table["score"].min(),
        }
        for name, table in trials.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def winners(base: NetworkConfig, studies: Mapping[str, optuna.Study], space: SearchSpace) -> dict[str, NetworkConfig]:
    """The defaults, and the best configuration of each search as "best of …"; one that came before is left out."""
    found = {"default": base}
    for name, study in studies.items():
        config = with_values(base, best_values(study, space))
        if config not in found.values():
            found[f"best of {name}"] = config
    return found


def promised_gains(
    studies: Mapping[str, optuna.Study], configs: Mapping[str, NetworkConfig], default_score: float
) -> dict[str, float]:
    """Gain over the defaults in per cent that each search reported for its winner among ``configs``."""
    scores = {f"best of {name}": study.best_value for name, study in studies.items()}
    return {name: 100 * (1 - scores[name] / default_score) for name in configs if name in scores}
