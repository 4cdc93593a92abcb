"""One call from a feature table to the forecast table (chapter 06)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.files import read_json, write_json, write_parquet
from salesforecast_lib.models.champion import guard, means, weights
from salesforecast_lib.models.champion.members import Task
from salesforecast_lib.models.champion.plan import Size, plan_fits
from salesforecast_lib.models.champion.settings import FEW, RULES, ChampionConfig, Composition
from salesforecast_lib.models.champion.side_by_side import Fitted, Spread, fitted_members
from salesforecast_lib.models.champion.stored import Champion, StoredChampion, composed
from salesforecast_lib.models.peers.shelf import Shelf

_LOCAL = {*RULES, *FEW}  # fitted series by series
_DEFAULT = ChampionConfig()


def champion_forecasts(
    table: FeatureTable,
    known: pd.DataFrame,
    meta: dict[str, Any],
    cutoffs: Sequence[pd.Timestamp],
    config: ChampionConfig = _DEFAULT,
    *,
    store: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
    spread: Spread | None = None,
) -> Champion:
    """Forecast from each cutoff with what was known there.

    Every member forecasts each cutoff, and earlier ones a horizon apart. At a cutoff the weights come from the latest
    earlier cutoffs whose horizon had ended by then. Periods known to be closed are forecast as zero.

    Parameters
    ----------
    table : features of the whole panel; rows after a cutoff are not looked at, but for the future columns.
    known : ``unique_id, ds`` and the future columns of all periods, those after the end of the data included.
    meta : ``features.json``: freq, horizon, season_length and roles.
    store : folder in which each member's forecasts are kept, so that a stopped call goes on; the models are not kept.
    say : told what is being fitted.
    spread : fits members and cutoffs side by side: ``run_tasks`` of an engine (chapter 18); without ``store`` only.

    Raises
    ------
    ValueError
        When no cutoff is given, a member is not known, or not one member can forecast.
    """
    cutoffs = sorted(set(map(pd.Timestamp, cutoffs)))
    if not cutoffs:
        raise ValueError("cutoffs: none given; expected at least one last known period")
    freq, horizon = check_freq(str(meta["freq"])), int(meta["horizon"])
    periods = table.frame.loc[table.frame["ds"] <= cutoffs[0], "ds"].nunique()
    size = Size.of(table.frame, cutoffs[-1], horizon, str(meta["freq"]))
    fits = plan_fits(size, len(cutoffs), periods, config)
    earlier = list(pd.date_range(end=cutoffs[0], periods=fits.validation * horizon + 1, freq=freq.alias)[:-1:horizon])
    task, every = Task(table, known, meta, fits, config), [*earlier, *cutoffs]
    seconds: dict[str, float] = {}
    failed, parts, shelf = dict(fits.left_out), {}, Shelf()
    for name, made in _fitted(task, every, shelf, store, say, spread):
        if isinstance(made, Exception):
            failed[name] = f"it failed: {made}"
        else:
            parts[name], seconds[name] = made
    if not parts:
        raise ValueError(f"no member can forecast: {failed}")
    members = pd.concat(parts.values(), ignore_index=True)
    tables, compositions = [], {}
    shares: dict[str, float] = {}
    for cutoff in cutoffs:
        over = [c for c in every if c + horizon * freq.offset <= cutoff][-max(config.validation, 1) :]
        forecast, composition, shares = _at(task, members, cutoff, over, failed)
        tables.append(forecast)
        compositions[str(cutoff.date())] = composition
    stored = (
        None if store else StoredChampion.of(task, cutoffs[-1], compositions[str(cutoffs[-1].date())], shares, shelf)
    )
    return Champion(pd.concat(tables, ignore_index=True), members, compositions, seconds, stored)


def _at(
    task: Task,
    members: pd.DataFrame,
    cutoff: pd.Timestamp,
    over: list[pd.Timestamp],
    failed: dict[str, str],
) -> tuple[pd.DataFrame, Composition, dict[str, float]]:
    """The champion of one cutoff, judged on the cutoffs ``over``; and its members' shares, not rounded."""
    names = list(members["model"].unique())
    now = {name: members[(members["model"] == name) & (members["cutoff"] == cutoff)] for name in names}
    sold, enough, left_out = guard.sizes(task.table.frame, cutoff), 8 * check_freq(task.freq).inner, dict(failed)
    limit, ever = (guard.limit_of(sold, enough, column) for column in ("largest", "ever"))
    for name in names:
        reason = guard.unusable(now[name], ever)
        if reason:
            left_out[name] = reason
    losses: dict[str, float] = {}
    lag = {"D": 7, "W": 1, "M": 1}[check_freq(task.freq).kind]
    names = [name for name in names if name not in left_out] or names
    known = weights.validated(members, names, task.table.frame, over, lag) if over else None
    if known is not None and known.weight.sum() > 0:
        losses = weights.losses(known)
        left_out |= guard.out_of_proportion(losses, _LOCAL)
        names = [name for name in names if name not in left_out]
        shares, spread, factor, loss = _choose(known.only(names).levelled())
    else:
        learned = [name for name in names if name not in _LOCAL] or names
        before = {name: weights.PRIOR.get(name, 1.0) for name in learned}
        shares = {name: value / sum(before.values()) for name, value in before.items()}
        spread, factor, loss = weights.WIDER if len(shares) > 1 else 1.0, 1.0, None
    table, cut = composed(now, shares, spread, factor, limit)
    dates = tuple(str(when.date()) for when in over) if losses else ()
    notes = (cut,) if cut else ()
    if not losses:
        notes = (*notes, "the history leaves no room for a back-test: fixed weights of the models that learn")
    composition = Composition(
        {name: round(share, 4) for name, share in shares.items()},
        losses, left_out, dates, spread, factor, None if loss is None else loss / len(over), notes,
    )  # fmt: skip
    return table, composition, shares


def _choose(known: weights.Validated) -> tuple[dict[str, float], float, float, float | None]:
    """Shares by name, factors on the spread and on the mean, and the loss on left-out cutoffs.

    The best simple rule alone is taken where nothing beats it.

    Parameters
    ----------
    known : levelled, so that the best member's loss is one at each cutoff.
    """
    learnt = weights.learn(known)
    losses = weights.losses(known)
    rules = {name: loss for name, loss in losses.items() if name in _LOCAL}
    together = learnt.loss
    if together is None:
        forecast = weights.widened(weights.mixed(learnt.shares, known.values), known.levels, learnt.factor)
        together = float(weights.pinball(forecast, known.y, known.levels) @ known.weight)
    learned = min((loss for name, loss in losses.items() if name not in _LOCAL), default=np.inf)
    better = min(rules.values(), default=np.inf) <= (1 - weights.margin(known.cells)) * min(together, learned)
    if better or not np.isfinite(learned):
        known = known.only([min(rules, key=lambda name: rules[name])])
        learnt = weights.learn(known)
    mean = means.committee_mean(learnt.shares, known.names, known.values, known.levels)
    shares = {name: float(s) for name, s in zip(known.names, learnt.shares, strict=True) if s > 0}
    return shares, learnt.factor, means.mean_factor(mean, known), learnt.loss


def _fitted(
    task: Task,
    cutoffs: list[pd.Timestamp],
    shelf: Shelf,
    store: Path | None,
    say: Callable[[str], None],
    spread: Spread | None,
) -> Iterator[tuple[str, Fitted | Exception]]:
    """`fitted_members`; those of which ``store`` holds the same forecast are read back."""
    if store is None:
        yield from fitted_members(task, task.fits.members, cutoffs, shelf, say, spread)
        return
    for name in task.fits.members:
        digest = _digest(task, name, cutoffs)
        file, clock = store / f"{name}-{digest}.parquet", store / f"{name}-{digest}.json"
        if file.is_file() and clock.is_file():
            yield name, (pd.read_parquet(file), float(read_json(clock)["seconds"]))
            continue
        for _, made in fitted_members(task, [name], cutoffs, shelf, say):
            if not isinstance(made, Exception):
                write_parquet(made[0], file)
                write_json({"seconds": round(made[1], 1)}, clock)
            yield name, made


def _digest(task: Task, name: str, cutoffs: list[pd.Timestamp]) -> str:
    """Changes with everything that changes a member's forecasts: data, what is known ahead, and settings."""
    settings = asdict(task.fits) if name not in _LOCAL else {}
    settings = {key: value for key, value in settings.items() if key not in ("validation", "left_out", "members")}
    rows = [pd.util.hash_pandas_object(frame, index=False).to_numpy() for frame in (task.table.frame, task.known)]
    data = [hashlib.sha256(each.tobytes()).hexdigest() for each in rows]
    words = [name, data, task.meta, settings, task.config.levels, task.config.seed, [str(when) for when in cutoffs]]
    return hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()[:12]
