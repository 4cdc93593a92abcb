"""Which feature groups help: leave one out, before the test months (chapter 02)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.windows.vocabulary import plain_names
from salesforecast_lib.spread import side_by_side

MOST_ROWS = 300_000  # series and periods that are looked at: of a larger table, every so many series


def ablate(
    table: FeatureTable,
    horizon: int,
    cutoff: pd.Timestamp,
    freq: str,
    seeds: Iterable[int] = (0, 1, 2),
    origins: int = 4,
) -> pd.DataFrame:
    """WAPE of the horizon's total with all features, and with one group left out.

    Parameters
    ----------
    cutoff : first cutoff of the evaluation; no target after it is looked at.
    seeds : of the repetitions; without any nothing is measured.
    origins : validation origins, the last one a horizon before the cutoff; training targets end before the first.

    Returns
    -------
    DataFrame ``without, wape, gain, spread``: mean over seeds, gain against all features, its standard deviation.
    """
    seeds = list(seeds)
    if not seeds or table.frame.empty:
        return pd.DataFrame(columns=["without", "wape", "gain", "spread"])
    frame = table.frame[table.frame["ds"] <= cutoff]
    number = frame.groupby("unique_id", sort=True, observed=True).ngroup()
    frame = frame[number % -(-len(frame) // MOST_ROWS) == 0].reset_index(drop=True)
    groups = frame["unique_id"]
    future = table.roles["future"]
    reverse = frame.iloc[::-1]
    ahead = reverse.groupby("unique_id", sort=False)[["y", *future]].rolling(horizon).mean().droplevel(0)
    ahead = ahead.reindex(frame.index).groupby(groups).shift(-1)
    level = frame.groupby("unique_id")["y"].transform(lambda y: y.rolling(2 * horizon, min_periods=1).mean()) + 0.1
    inputs = pd.concat(
        [
            frame[table.roles["historical"]],
            ahead[future].add_prefix("ahead_"),
            frame[table.roles["static"]].astype("category"),
        ],
        axis=1,
    )
    for name in table.in_units:
        inputs[name] = inputs[name] / level
    named = plain_names(inputs)
    inputs = inputs.rename(columns=named)
    step = check_freq(freq).offset
    validate = [cutoff - (horizon + k * max(horizon // 4, 1)) * step for k in range(origins)]
    known = ahead["y"].notna()
    train = known & (frame["ds"] <= min(validate) - horizon * step)
    test = known & frame["ds"].isin(validate)
    if not train.any() or not test.any():
        return pd.DataFrame(columns=["without", "wape", "gain", "spread"])
    rows = np.flatnonzero(train)[::3]  # neighbouring origins say nearly the same
    told = _Told(
        inputs.iloc[rows], (ahead["y"] / level).iloc[rows], level.iloc[rows],
        inputs[test], level[test], ahead.loc[test, "y"], tuple(seeds),
    )  # fmt: skip
    left_out = {"nothing": set[str]()}
    for group, names in table.groups.items():
        left_out[group] = {named[each] for name in names for each in (name, f"ahead_{name}") if each in named}
    tasks = [[c for c in inputs if c not in out] for out in left_out.values()]
    found = np.array(side_by_side(_wape, tasks, [[f"without {group}"] for group in left_out], (told,)))
    gains = found - found[0]
    scored = [
        (group, scores.mean(), gain.mean(), gain.std() if group != "nothing" else scores.std())
        for group, scores, gain in zip(left_out, found, gains, strict=True)
    ]
    result = pd.DataFrame(scored, columns=["without", "wape", "gain", "spread"])
    return result.sort_values("gain", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True)
class _Told:
    """Rows that a model is fitted on, and those that it is scored on."""

    inputs: pd.DataFrame
    target: pd.Series
    weight: pd.Series
    asked: pd.DataFrame
    level: pd.Series
    truth: pd.Series
    seeds: tuple[int, ...]


def _wape(columns: list[str], told: _Told) -> np.ndarray:
    """WAPE of a model on some of the columns, (seeds,): the rows are binned once for all seeds."""
    settings = {
        "objective": "l1",
        "learning_rate": 0.05,
        "num_leaves": 31,
        "num_threads": 1,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
        "deterministic": True,
        "force_col_wise": True,
        "data_random_seed": 1,  # the same bins for every seed
        "verbosity": -1,
    }
    rows = lgb.Dataset(told.inputs[columns], told.target, weight=told.weight, params=settings, free_raw_data=False)
    scores = []
    for seed in told.seeds:
        model = lgb.train({**settings, "seed": seed}, rows, num_boost_round=150)
        forecast = model.predict(told.asked[columns]) * told.level
        scores.append(float((forecast - told.truth).abs().sum() / told.truth.sum()))
    return np.array(scores)


def ablate_stretches(
    table: FeatureTable, horizon: int, cutoff: pd.Timestamp, freq: str, seeds: Sequence[int], stretches: int = 2
) -> pd.DataFrame:
    """`ablate` on stretches of the history whose targets do not overlap, the last one first.

    Each stretch ends two horizons before the next; a stretch without enough history before it is left out.

    Returns
    -------
    DataFrame ``stretch`` (its last period), ``without, wape, gain``, ``half`` (of the gain's 95 % interval over seeds,
    see `half_width`; missing with one seed) and ``verdict``: "helps", "harms" or "not told apart".
    """
    step = check_freq(freq).offset
    parts = []
    for number in range(stretches):
        end = cutoff - 2 * number * horizon * step
        result = ablate(table, horizon, end, freq, seeds)
        if not result.empty:
            parts.append(result.assign(stretch=end, half=half_width(result["spread"], len(seeds))))
    columns = ["stretch", "without", "wape", "gain", "half"]
    if not parts:
        return pd.DataFrame(columns=[*columns, "verdict"])
    both = pd.concat(parts, ignore_index=True)[columns]
    sides = [both["gain"] > both["half"], both["gain"] < -both["half"]]  # a missing half is on neither side
    return both.assign(verdict=np.select(sides, ["helps", "harms"], "not told apart"))


def half_width(spread: pd.Series, seeds: int) -> pd.Series:
    """Half of the 95 % interval of a mean over seeds, by Student's t with ``seeds - 1`` degrees of freedom.

    The interval holds the luck of training only, not that of the stretch.

    Parameters
    ----------
    spread : standard deviation over seeds with divisor n, as `ablate` gives it; so its root of n - 1 is divided by.
    """
    if seeds < 2:
        return spread * np.nan
    return stats.t.ppf(0.975, seeds - 1) * spread / np.sqrt(seeds - 1)


def groups_always(ablation: pd.DataFrame, verdict: str) -> list[str]:
    """Groups with this verdict in every stretch of `ablate_stretches`; with a single stretch, none."""
    if ablation["stretch"].nunique() < 2:
        return []
    always = (ablation["verdict"] == verdict).groupby(ablation["without"], sort=False).all()
    return sorted(always.index[always & (always.index != "nothing")])


def ablation_decision(ablation: pd.DataFrame) -> str:
    """What follows from `ablate_stretches` for the feature table, as a sentence."""
    if ablation.empty:
        return "Not measured: all groups stay."
    if ablation["stretch"].nunique() < 2:
        return "Too little history for two stretches: all groups stay."
    if ablation["half"].isna().all():
        return "One seed tells nothing apart: all groups stay."
    harmful = groups_always(ablation, "harms")
    if not harmful:
        return "No group harms in every stretch: all groups stay."
    return f"In every stretch these harm: {', '.join(harmful)}. Candidates to leave out; ask the network before."
