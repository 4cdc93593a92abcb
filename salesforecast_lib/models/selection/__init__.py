"""Chapter 05, model selection: rolling validation, and a search of settings that can be stopped and resumed.

- `Choice`: One of a few values; values that are no scalars (feature groups) are named by their JSON.
- `Range`: Numbers from ``low`` to ``high``, whole ones when both are, on a logarithmic scale if ``log``.
- `SearchSpace`: Fields of `NetworkConfig` that are searched; a dot leads into a nested configuration
  (``training.clip``).
- `with_values`: The configuration with other values; a dot in a name leads into a nested one.
- `Objective`: Mean score of a configuration over the validation origins; reports every epoch, so that a trial can be
  pruned.
- `Search`: How to search.
- `run_search`: Search until ``search.trials`` configurations are finished, or go on with a search that was stopped.
- `best_values`: Values of the best trial by field name.
- `importances`: Share of the score's variance that each field explains, by functional ANOVA (Hutter et al. 2014).
- `trials_table`: Finished trials: ``number, state, score, best, epochs``, then one column per searched field.
- `OriginScore`: Scaled quantile loss of a network's forecasts from one origin, whatever its window or loss.
- `Protocol`: Origins at which a network is trained anew on what came before, and scored on the horizon after.
- `compare`: Train every configuration with every seed at every origin, on the same split, and score it.
- `rolling_validation`: The last ``origins`` validation origins, a horizon apart, whose targets end ``keep`` horizons
  before the test.
- `sample_series`: At most ``number`` series, evenly spread from the best to the worst selling by what is known at
  ``last``.
"""

from salesforecast_lib.models.selection.space import Choice, Range, SearchSpace, with_values
from salesforecast_lib.models.selection.tuning import (
    Objective,
    Search,
    best_values,
    importances,
    run_search,
    trials_table,
)
from salesforecast_lib.models.selection.validation import (
    OriginScore,
    Protocol,
    compare,
    rolling_validation,
    sample_series,
)

__all__ = [
    "Choice",
    "Range",
    "SearchSpace",
    "with_values",
    "Objective",
    "Search",
    "run_search",
    "best_values",
    "importances",
    "trials_table",
    "OriginScore",
    "Protocol",
    "compare",
    "rolling_validation",
    "sample_series",
]
