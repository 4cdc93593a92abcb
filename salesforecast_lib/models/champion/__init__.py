"""What a run forecasts with: several models, judged on earlier cutoffs of the same data, as one (chapter 06).

- `ChampionConfig`: Seed, threads, quantile levels and the time that the models may take.
- `champion_forecasts`: One call from a feature table to the forecast table at every cutoff.
- `Champion`: The forecasts, those of the members, and what the champion consists of at each cutoff.
- `Composition`: Members, weights, losses and what was left out at one cutoff.
- `MODEL`: Its name in forecast tables.
"""

from salesforecast_lib.models.champion.champion import (
    MODEL,
    Champion,
    ChampionConfig,
    Composition,
    champion_forecasts,
)

__all__ = ["ChampionConfig", "champion_forecasts", "Champion", "Composition", "MODEL"]
