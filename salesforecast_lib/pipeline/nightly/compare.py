"""What came, held against what was forecast, and whether the data or the forecasts have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from salesforecast_lib.files import read_json
from salesforecast_lib.pipeline.nightly.history import Shop
from salesforecast_lib.pipeline.nightly.usual import followed, reference_of, watch_of
from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.pipeline.batch import NewData
    from salesforecast_lib.production.monitoring import ForecastWatch


@dataclass(frozen=True)
class Compared:
    """``watch`` with tonight's figures; ``alarms`` as of `data_drift`, those that rang only; ``scored`` rows."""

    watch: ForecastWatch
    alarms: pd.DataFrame
    scored: int


def compare(shop: Shop, new: NewData, version: str, lines: pd.DataFrame | None = None) -> Compared:
    """Update the watch with the periods that came in, and look for changes; in order lines, for many new buyers.

    A period is held against the forecast of the last night before it came; before the first night, against the run's.
    What is usual is what ``version``, which serves, was trained on.

    Parameters
    ----------
    lines : all order lines so far, under our names; None where the data are a panel.
    """
    import pandas as pd

    from salesforecast_lib.decisions.driving import CHAMPION
    from salesforecast_lib.production.monitoring import ForecastWatch, data_drift

    done, last = shop.nights(), new.panel["ds"].max()
    if done:
        watch = ForecastWatch.from_json(read_json(done[-1] / "watch.json"))
        before = pd.read_parquet(done[-1] / "forecast.parquet")
        since = before["cutoff"].max()
        if shop.state().get("version", version) != version:  # somebody went back, or exported
            watch = followed(watch, shop, version, last)
    else:
        watch = watch_of(shop, version)
        made = pd.read_parquet(shop.run / CHAMPION_FORECASTS)
        made = made[made["model"] == CHAMPION]
        since = made["cutoff"].max()
        before = made[made["cutoff"] == since]
    came = new.panel[new.panel["ds"] > since]
    scored = watch.update(before.drop(columns="y", errors="ignore"), came) if len(came) else 0
    signals = [watch.alarms()]
    reference = reference_of(shop, version)
    if last > pd.Timestamp(reference.last):
        signals.append(data_drift(reference, new.panel, shop.meta))
    if lines is not None:
        signals.append(_new_buyers(lines, str(shop.values.get("level", "product_id")), last))
    table = pd.concat([each for each in signals if len(each)] or signals, ignore_index=True)
    return Compared(watch, table[table["alarm"].astype(bool)].reset_index(drop=True), scored)


def _new_buyers(lines: pd.DataFrame, level: str, last: pd.Timestamp) -> pd.DataFrame:
    """`newcomer_alarms` of the shop's products; nothing where lines name no customer."""
    import pandas as pd

    from salesforecast_lib.production.monitoring.newcomers import newcomer_alarms

    named = "customer_id" in lines and level in lines
    table = lines if named else pd.DataFrame({level: [], "customer_id": [], "timestamp": pd.DatetimeIndex([])})
    told = table[[level, "customer_id", "timestamp"]].rename(columns={level: "series"})
    told = told.assign(timestamp=pd.to_datetime(told["timestamp"], errors="coerce"))
    return newcomer_alarms(told[told["timestamp"].notna()], last)
