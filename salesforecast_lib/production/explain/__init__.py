"""Chapter 16, why this forecast: what each driver adds, in units of sales, and how far to believe it.

- `champion_reasons`: Reasons of all forecasts of the champion in one pass, at its own cutoff or of later data.
- `Reasons`: What each driver adds; usual, drivers and the rest of the committee add up to the forecast.
- `why`: The card of one product in a planner's words.
- `Why`: The card: its bars, its sentence, and how sure it is.
- `run_parts`: A finished run's champion, features and forecasts, with its trees taken apart.
- `run_reasons`: Reasons of a finished run, the noun of its periods, and how far its totals miss.
- `write_reasons`: Writes ``reasons.csv`` and ``trust.json``.
- `integrated_gradients`: What each input adds to a network's forecast, by captum.
- `permutation_importance`: Points of WAPE that the error grows by when a driver is shuffled.
- `curves`: Partial dependence and the lines of single rows.
- `attention_of`: Where an attention network looks, and what other weights would change.
- `known_market`: A simulated market whose true drivers are known.
- `agreement`: Rank correlation over products of attributed and true effects.
"""

from salesforecast_lib.production.explain.attention import attention_of
from salesforecast_lib.production.explain.card import Why, why
from salesforecast_lib.production.explain.committee import Reasons, champion_reasons
from salesforecast_lib.production.explain.dependence import curves
from salesforecast_lib.production.explain.gradients import integrated_gradients
from salesforecast_lib.production.explain.permutation import permutation_importance
from salesforecast_lib.production.explain.store import run_parts, run_reasons, write_reasons
from salesforecast_lib.production.explain.truth import agreement, known_market

__all__ = [
    "champion_reasons",
    "Reasons",
    "why",
    "Why",
    "run_parts",
    "run_reasons",
    "write_reasons",
    "integrated_gradients",
    "permutation_importance",
    "curves",
    "attention_of",
    "known_market",
    "agreement",
]
