"""What a run forecasts with: several models, judged on earlier cutoffs of the same data, as one (chapter 06).

- `ChampionConfig`: Seed, threads, quantile levels and the time that the models may take.
- `champion_forecasts`: One call from a feature table to the forecast table at every cutoff.
- `Champion`: The forecasts, those of the members, and what the champion consists of at each cutoff.
- `Composition`: Members, weights, losses and what was left out at one cutoff.
- `StoredChampion`: The fitted models of the last cutoff: they forecast again under another plan.
- `save_champion`: Writes it to a folder.
- `load_champion`: Reads it back, checked.
- `MODEL`: Its name in forecast tables.

Members are in `members`, their settings by size and budget in `plan`, weights in `weights`, the mean in `means`,
limits in `guard`.
"""

from salesforecast_lib.models.champion.champion import champion_forecasts
from salesforecast_lib.models.champion.persistence import load_champion, save_champion
from salesforecast_lib.models.champion.settings import MODEL, ChampionConfig, Composition
from salesforecast_lib.models.champion.stored import Champion, StoredChampion

__all__ = [
    "ChampionConfig",
    "champion_forecasts",
    "Champion",
    "Composition",
    "MODEL",
    "StoredChampion",
    "load_champion",
    "save_champion",
]
