"""AutoETS at several cutoffs: the form is chosen at the first, its parameters are fitted anew at each (chapter 07).

Forms are a dictionary by series, which `ets_at` reads and adds to; `forms_table` stores them, `forms_of` reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILES, quantile_columns
from salesforecast_lib.models.peers.baselines import fitting_history, interval_ends, tidy

MODEL = "AutoETS"


@dataclass(frozen=True)
class Form:
    """Error, trend and season of exponential smoothing, each A (additive), M (multiplicative) or N (none)."""

    letters: str
    damped: bool
    season: int

    def suits(self, season: int, least: float) -> bool:
        """Whether it can be fitted to a history of this season whose smallest value is ``least``."""
        return self.season == season and ("M" not in self.letters or least > 0)


def ets_forecasts(
    panel: pd.DataFrame,
    cutoffs: Sequence[pd.Timestamp],
    horizon: int,
    freq: str,
    season: int,
    n_jobs: int = 1,
    levels: Sequence[float] = QUANTILES,
) -> pd.DataFrame:
    """AutoETS (Hyndman et al. 2002) at each cutoff, fitted on rows up to it.

    At the first cutoff every form is fitted to every series, and the one with the lowest AICc is taken. At a later one
    that form alone is fitted, which takes a tenth of the time; all are tried again where it cannot be fitted any more,
    and for a series that the first cutoff did not have. The first cutoff's numbers are those of
    `statistical_forecasts`.

    Returns
    -------
    The forecast table, model "AutoETS".
    """
    chosen: dict[Any, Form] = {}
    return pd.concat(
        [ets_at(panel, cutoff, horizon, freq, season, n_jobs, levels, chosen) for cutoff in sorted(cutoffs)],
        ignore_index=True,
    )


def ets_at(
    panel: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    season: int,
    n_jobs: int,
    levels: Sequence[float],
    chosen: dict[Any, Form],
    usual: Sequence[Form] = (),
) -> pd.DataFrame:
    """The forecasts of one cutoff: of a series in ``chosen`` with that form; forms that are found are added to it.

    Parameters
    ----------
    usual : a series without a form that suits it takes the first of these that does; without one all are tried.
    """
    from statsforecast import StatsForecast  # imported late: it takes seconds, and a network does without
    from statsforecast.models import AutoETS, SeasonalNaive

    history = fitting_history(panel, cutoff, season)[["unique_id", "ds", "y"]]
    inner = season if season <= 24 else 1
    series = history.groupby("unique_id")["y"].agg(["size", "min", "max"])
    flat = series.index[series["min"] == series["max"]]  # says nothing on the form
    ways: dict[tuple[int, Form | None], list[Any]] = {}
    for row in series.itertuples():
        cycle = inner if row.size >= 2 * inner else 1
        own = [chosen[row.Index]] if row.Index in chosen else []
        others = usual if row.min < row.max else ()
        form = next((each for each in (*own, *others) if each.suits(cycle, row.min)), None)
        ways.setdefault((cycle, form), []).append(row.Index)
    ends, parts = interval_ends(levels), []
    widths = sorted({width for _, width in ends.values()})
    for (cycle, form), names in ways.items():
        model = AutoETS(cycle, form.letters, form.damped) if form else AutoETS(cycle)
        runner = StatsForecast(models=[model], freq=freq, n_jobs=n_jobs, fallback_model=SeasonalNaive(1))
        runner.fit(history[history["unique_id"].isin(names)])
        parts.append(runner.predict(horizon, level=widths))
        if form is None:
            chosen |= {name: found for name, found in _forms(runner, cycle).items() if name not in flat}
    wide = pd.concat(parts, ignore_index=True).sort_values(["unique_id", "ds"], ignore_index=True)
    table = wide[["unique_id", "ds"]].assign(cutoff=cutoff, model=MODEL, mean=wide[MODEL])
    middle = wide[MODEL].clip(lower=0.0)
    for level, name in zip(levels, quantile_columns(levels), strict=True):
        side, width = ends.get(level, ("", 0))
        table[name] = (wide[f"{MODEL}-{side}-{width}"] if side else middle).fillna(middle)  # too short for an interval
    return tidy(table)


def forms_table(chosen: Mapping[Any, Form]) -> pd.DataFrame:
    """Forms as a table ``unique_id, letters, damped, season``."""
    rows = [(str(name), form.letters, form.damped, form.season) for name, form in chosen.items()]
    return pd.DataFrame(rows, columns=["unique_id", "letters", "damped", "season"])


def forms_of(table: pd.DataFrame) -> tuple[dict[Any, Form], list[Form]]:
    """Inverse of `forms_table`, for series whose names are text; and the forms alone, the most frequent first."""
    told = list(table.itertuples(index=False))
    forms = [Form(str(row.letters), bool(row.damped), int(row.season)) for row in told]
    chosen = {row.unique_id: form for row, form in zip(told, forms, strict=True)}
    return chosen, [form for form, _ in Counter(forms).most_common()]


def numbered(table: pd.DataFrame, names: pd.Index) -> pd.DataFrame:
    """A table of forms whose series go by their place in ``names``, -1 for those that are not there."""
    return table.assign(unique_id=names.get_indexer(table["unique_id"]))


def _forms(runner: Any, season: int) -> dict[Any, Form]:
    """The forms that a runner has chosen, by series; none where the naive forecast stood in."""
    found = {}
    for name, (fitted,) in zip(np.asarray(runner.uids), runner.fitted_, strict=True):
        letters = fitted.model_.get("components")
        if letters:
            found[name] = Form(letters[:3], letters[3] != "N", season)
    return found
