"""Chapters 01 and 02, data: from order lines to a panel with features that do not look ahead.

- `load`: Order lines of a data set by its name, with the cleaning that fits them.
- `read_orders`: Read a shop's file of order lines for sure, or say what is not.
- `CleaningConfig`: Switches of the cleaning steps; every step can be turned off.
- `clean`: Run the cleaning steps in order; each line is kept, quarantined with a reason or cancelled.
- `PanelConfig`: How order lines become series: level, frequency, number of series, stock-outs.
- `build_panel`: Aggregate clean order lines to the regular panel ``unique_id, ds, y, available`` + covariates.
- `prepare`: From a data set's name to its panel in one call, as chapter 01 runs it.
- `load_panel`: Read a run's panel and its description.
- `extend_panel`: Append the periods after the end of the data, with what is told and what is usual.
- `cutoffs_within`: Last known periods of consecutive test horizons, as many as a history has room for.
- `inner_season`: Cycle inside a window of history: 7 days, 4 weeks or 3 months.
- `FeatureTable`: One row per series and period, with the role and the group of each feature.
- `build_features`: Build every feature of the book from a panel.
- `load_features`: Read a run's feature table and its description.
- `find_leaks`: Tripwire: names of features that know something after the cutoff.
"""

from salesforecast_lib.data.calendar import cutoffs_within, inner_season
from salesforecast_lib.data.cleaning import CleaningConfig, clean
from salesforecast_lib.data.features import FeatureTable, build_features, load_features
from salesforecast_lib.data.leaks import find_leaks
from salesforecast_lib.data.loaders import load
from salesforecast_lib.data.panel import PanelConfig, build_panel, extend_panel
from salesforecast_lib.data.prepare import load_panel, prepare
from salesforecast_lib.data.reading import read_orders

__all__ = [
    "load",
    "read_orders",
    "CleaningConfig",
    "clean",
    "PanelConfig",
    "build_panel",
    "prepare",
    "load_panel",
    "extend_panel",
    "cutoffs_within",
    "inner_season",
    "FeatureTable",
    "build_features",
    "load_features",
    "find_leaks",
]
