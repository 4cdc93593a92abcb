"""Chapter 05, model selection: rolling validation, a search that can be stopped and resumed, and fair comparisons.

- `rolling_validation`: The last validation origins, a horizon apart, that end well before the test.
- `sample_series`: A few series, evenly spread from the best to the worst selling.
- `OriginScore`: Scaled quantile loss of a network's forecasts from one origin, whatever its window or loss.
- `Choice`: One of a few values of a field.
- `Range`: Numbers from ``low`` to ``high``, on a logarithmic scale if asked for.
- `SearchSpace`: Fields of `NetworkConfig` that are searched; a dot leads into a nested configuration.
- `with_values`: The configuration with other values of some fields.
- `Objective`: Mean score of a configuration over the validation origins; a trial can be pruned.
- `Search`: How to search: sampler, number of trials, pruner.
- `run_search`: Search, or go on with a search that was stopped.
- `trials_table`: The finished trials of a search.
- `Disturbance`: Noise on the sales, or an attack, before anything is derived from them.
- `compare`: Every configuration trained with every seed on the same split, and scored.
- `summarise`: Mean and spread over seeds of what `compare` found.
- `paired_gains`: Gain over a reference, paired by seed, with Student's interval.

What searches found is in `results`, sentences about the findings are in `verdicts`.
"""

from salesforecast_lib.models.selection.comparison import compare, paired_gains, summarise
from salesforecast_lib.models.selection.disturbance import Disturbance
from salesforecast_lib.models.selection.results import trials_table
from salesforecast_lib.models.selection.space import Choice, Range, SearchSpace, with_values
from salesforecast_lib.models.selection.tuning import Objective, Search, run_search
from salesforecast_lib.models.selection.validation import OriginScore, rolling_validation, sample_series

__all__ = [
    "rolling_validation",
    "sample_series",
    "OriginScore",
    "Choice",
    "Range",
    "SearchSpace",
    "with_values",
    "Objective",
    "Search",
    "run_search",
    "trials_table",
    "Disturbance",
    "compare",
    "summarise",
    "paired_gains",
]
