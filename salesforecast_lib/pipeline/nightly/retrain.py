"""New models on the longer history, and whether they may replace those that serve."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import checksums, read_json, write_json
from salesforecast_lib.pipeline.nightly.config import RETRAIN, NightlyConfig
from salesforecast_lib.pipeline.nightly.history import Shop
from salesforecast_lib.pipeline.nightly.usual import write_usual
from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS
from salesforecast_lib.pipeline.runs.given import CHAMPION_STAGE
from salesforecast_lib.production import registry
from salesforecast_lib.production.version_log import MODELS, has_live
from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.models.champion import StoredChampion
    from salesforecast_lib.pipeline.batch import NewData

CHALLENGER, MODEL = ".challenger", ".model"
AGAIN = 7  # days after a training before alarms ask for another one: what it did not mend, the next would not either


@dataclass(frozen=True)
class Retrained:
    """What came of it: a sentence, the version if there is one, whether it is to serve, the reason and the figures."""

    says: str
    version: str = ""
    promoted: bool = False
    why: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


def serving(shop: Shop) -> tuple[StoredChampion, str]:
    """The champion that serves and its version: the registry's current one, else the run's own, called "run"."""
    from salesforecast_lib.pipeline.batch.table import stored_champion

    version = registry.current(shop.run)
    return stored_champion(shop.run, registry.model_folder(shop.run) if version else shop.run), version or "run"


def due(
    config: NightlyConfig, champion: StoredChampion, last: pd.Timestamp, alarms: int, tried: str = ""
) -> tuple[bool, str]:
    """Whether the models should be trained again tonight, and why, or why not in spite of alarms; else empty.

    Parameters
    ----------
    tried : the night that trained last (ISO date), whether or not its models serve: what was refused on one night would
        be on the next.
    """
    import pandas as pd

    age = (last - champion.cutoff).days
    waited = (last - pd.Timestamp(tried)).days if tried else age
    if config.retrain == "never" or age <= 0:
        return False, ""
    if config.retrain == "alarm":
        if alarms and tried and waited < AGAIN:
            following = (pd.Timestamp(tried) + pd.Timedelta(days=AGAIN)).date()
            return False, f"the models were trained again on {tried}; alarms ask for it again from {following} on"
        return bool(alarms), counted(alarms, "alarm") if alarms else ""
    if min(age, waited) < RETRAIN[config.retrain]:
        return False, ""
    return True, f"the models are {age} days old"


def train(shop: Shop, sales: Path, config: NightlyConfig) -> Path:
    """Run the stages up to the champion on all sales in a folder of its own; what was begun is gone on with."""
    from salesforecast_lib.pipeline.parameters import all_parameters
    from salesforecast_lib.pipeline.runner import run
    from salesforecast_lib.pipeline.runs.choice import GOAL_VALUES

    folder = shop.place / CHALLENGER
    given = {**shop.as_read(), **GOAL_VALUES["plan"], "path": str(sales), "plan_file": str(config.plan or "")}
    usual = {name: each.default for name, each in all_parameters().items()}
    values = {name: value for name, value in given.items() if name in usual and value != usual[name]}
    run(values, folder, jobs=config.jobs, verbose=0, goal="plan", to_stage=CHAMPION_STAGE)  # no later one is needed
    return folder


def retrain(
    shop: Shop,
    config: NightlyConfig,
    champion: StoredChampion,
    new: NewData,
    sales: Path,
    night: str,
    fitted: Any = train,
) -> Retrained:
    """Train, hold the new models against those that serve on the same latest window, and publish them.

    Both are scored on the horizon before the end of the data, from what was known at its beginning. Models that serve
    and were fitted later than that have seen it, which is to their advantage. Nothing serves yet: `settle` does that,
    once what came of it is on the disk.
    """
    from salesforecast_lib.production.export import GateError

    folder = fitted(shop, sales, config)
    rival, mine, cutoff = _figures(folder, champion, new)
    good, why = config.gate.judge(rival, mine, fresher=True)
    model = shop.place / MODEL
    told = {
        "challenger": rival.to_json(),
        "champion": mine.to_json(),
        "window_after": str(cutoff.date()),
        "night": night,
    }
    try:
        _model_folder(folder, model, config.live, {"metrics": told})
    except GateError as error:  # of the live network only; hours of training later, the night still ends well
        return Retrained(f"new models could not be published: {error}", why=str(error), figures=told)
    version = registry.publish(shop.run, model, figures=told)
    said = f"new models {version} {'serve from now on' if good else 'were refused'}: {why}"
    served = [name for name in registry.versions(shop.run) if has_live(shop.run / MODELS / name)]
    if good and served and not config.live:
        said += "; a server goes on with older ones, since 'live: false' leaves its network out"
    return Retrained(said, version, good, why, told)


def settle(shop: Shop, config: NightlyConfig, outcome: Retrained) -> None:
    """Let the new models serve, or write down that they do not; the same again changes nothing."""
    if outcome.promoted:
        registry.promote(shop.run, outcome.version, why=outcome.why, figures=outcome.figures)
        registry.retain(shop.run, config.keep)
        return
    done = [entry for entry in registry.entries(shop.run) if entry.get("model") == outcome.version]
    if not done or done[-1].get("what") != "refused":
        registry.refuse(shop.run, outcome.version, outcome.why, figures=outcome.figures)


def _figures(
    folder: Path, champion: StoredChampion, new: NewData
) -> tuple[registry.Figures, registry.Figures, pd.Timestamp]:
    """Figures of the new models and of those that serve, on the last window that both can be asked about."""
    import pandas as pd

    from salesforecast_lib.decisions.driving import CHAMPION
    from salesforecast_lib.pipeline.batch import NewData, forecast_data

    table = pd.read_parquet(folder / CHAMPION_FORECASTS)
    scored = table[(table["model"] == CHAMPION) & table["y"].notna()]
    if scored.empty:
        raise ValueError(f"{folder}: the new models have no scored window; give the run at least two cutoffs")
    cutoff = scored["cutoff"].max()
    rows = scored[scored["cutoff"] == cutoff]
    past = new.panel[new.panel["ds"] <= cutoff].reset_index(drop=True)
    ahead = new.panel.loc[new.panel["ds"] > cutoff, ["unique_id", "ds", *new.meta["future"]]]  # was known ahead
    mine = forecast_data(champion, NewData(past, new.meta, ahead, new.quarantine)).table
    keys = ["unique_id", "ds"]
    both = rows[keys].merge(mine[keys])
    return (
        registry.figures_of(rows.merge(both), new.panel),
        registry.figures_of(mine.merge(both), new.panel),
        cutoff,
    )


def _model_folder(folder: Path, target: Path, live: bool, told: dict[str, Any]) -> None:
    """A model folder of the new models; without the live network it holds the champion only, and cannot be served."""
    shutil.rmtree(target, ignore_errors=True)
    if live:
        from salesforecast_lib.production.export import write_model_folder

        write_model_folder(folder, target, told=told)
        info = read_json(target / registry.DESCRIPTION)
    else:
        shutil.copytree(folder / "champion", target / "champion")
        cutoff = read_json(folder / "champion" / "champion.json")["cutoff"]
        info = {"format": 1, "cutoff": cutoff, "live": None, **told}
    write_usual(folder, target)
    (target / registry.DESCRIPTION).unlink(missing_ok=True)
    write_json({**info, "files": checksums(target)}, target / registry.DESCRIPTION)
