"""The comparison with the best peer, and what chapter 07 leaves to the pages of the book (``metrics.json``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib.evaluation.metrics import evaluate
from salesforecast_lib.evaluation.significance import BlockBootstrap, diebold_mariano_table, differences


class Comparison(NamedTuple):
    """Every model against the peer with the lowest loss: ``tables`` of `differences`, one a kind of resampling."""

    metric: str
    reference: str
    loss: float
    tables: dict[str, pd.DataFrame]


def compare_with_best_peer(
    rows: pd.DataFrame,
    panel: pd.DataFrame,
    season: int,
    own: Sequence[str],
    replicates: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Intervals of each model's loss against the best peer, drawing series, periods and both.

    The loss is the scaled quantile loss, or the scaled CRPS where some model's sales never change and leave no scale.
    ``own`` models are no peers. The best peer is known only afterwards, which is hard on the own models.
    """
    table = evaluate(rows, panel, season).set_index("model")
    metric = "scaled_quantile_loss" if table["scaled_quantile_loss"].notna().all() else "scaled_crps"
    reference = str(table[metric].drop(list(own)).idxmin())
    tables = {
        kind: differences(rows, panel, season, reference, metric, BlockBootstrap(kind, 0, replicates, seed=seed))
        for kind in ("series", "periods", "both")
    }
    return Comparison(metric, reference, float(table[metric][reference]), tables)


def p_values_by_span(rows: pd.DataFrame, panel: pd.DataFrame, season: int, reference: str) -> pd.DataFrame:
    """P-values of the Diebold-Mariano test in CRPS: index ``model``, a column a span of periods that stay alike.

    Spans are a period, a week and two of daily data, or 1, 2 and 4 weeks; those that the scored periods hold thrice.
    With fewer than three periods there is none, and the table is empty.
    """
    spans = [span for span in ((1, 7, 14) if season == 7 else (1, 2, 4)) if 3 * span <= rows["ds"].nunique()]
    if not spans:
        return pd.DataFrame(index=pd.Index([], name="model"))
    tests = pd.concat([diebold_mariano_table(rows, panel, season, reference, "crps", span) for span in spans])
    return tests.pivot(index="model", columns="horizon", values="p_value")


def evaluation_report(
    table: pd.DataFrame,
    by_cutoff: pd.DataFrame,
    comparison: Comparison,
    p_values: pd.DataFrame,
    calibration_error: pd.Series,
    series: int,
    horizon: int,
) -> dict[str, Any]:
    """Content of ``metrics.json``: metrics by model and cutoff, winners, intervals, tests and calibration.

    Parameters
    ----------
    table, by_cutoff : of `evaluate`, over all rows and by cutoff.
    p_values : of `p_values_by_span`.
    calibration_error : by model, mean distance of observed shares from their levels.
    """
    wape, loss = (table.set_index("model")[name] for name in ("wape", "scaled_quantile_loss"))
    return {
        "models": table.set_index("model").replace({np.nan: None}).to_dict("index"),
        "by_cutoff": {
            str(end.date()): part.set_index("model")["wape"].to_dict() for end, part in by_cutoff.groupby("cutoff")
        },
        "winner": {
            "wape": wape.idxmin(),
            "scaled_quantile_loss": loss.idxmin() if loss.notna().any() else "not defined",
        },
        "gain_over_seasonal_naive": {
            name: float(1 - value / wape["SeasonalNaive"]) for name, value in wape.items() if name != "SeasonalNaive"
        },
        "series": series,
        "cutoffs": [str(end.date()) for end in sorted(by_cutoff["cutoff"].unique())],
        "horizon": horizon,
        "significance": {
            "reference": comparison.reference,
            "metric": comparison.metric,
            "bootstrap": {
                kind: part.drop(columns="value").set_index("model").to_dict("index")
                for kind, part in comparison.tables.items()
            },
            "diebold_mariano": {
                "metric": "crps",
                "p_value": {str(span): values.to_dict() for span, values in p_values.items()},
            },
        },
        "calibration_error": calibration_error.to_dict(),
    }


def closest_to_levels(reliable: pd.DataFrame) -> pd.Series:
    """Mean distance of observed shares from their levels, by model, least first; from a table of `reliability`."""
    distance = (reliable["observed"] - reliable["level"]).abs()
    return distance.groupby(reliable["model"]).mean().sort_values()


def read_verdicts(values: Mapping[str, str]) -> str:
    """Models grouped by what was said of them: "too narrow: a and b; honest: c"."""
    groups: dict[str, list[str]] = {}
    for name in sorted(values):
        groups.setdefault(values[name], []).append(name)
    return "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in sorted(groups.items())) or "too few periods"
