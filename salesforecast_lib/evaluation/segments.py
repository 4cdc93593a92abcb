"""Groups of series in which errors differ: demand class, volume, age (chapter 07)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.evaluation.metrics import evaluate

CLASSES = ("smooth", "erratic", "intermittent", "lumpy")
FROM_THE_START = "since the data begin"


def demand_classes(panel: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Class of each series from rows up to ``cutoff``: ``unique_id, adi, cv2, demand_class``.

    ``adi`` is the mean number of available periods between sales, ``cv2`` the squared coefficient of variation of the
    non-zero sales; the borders 1.32 and 0.49 are those of Syntetos, Boylan & Croston (2005).
    """
    past = panel[(panel["ds"] <= cutoff) & (panel["available"] > 0)]
    groups = past.groupby("unique_id")
    sold = past[past["y"] > 0].groupby("unique_id")["y"]
    table = pd.DataFrame(
        {"adi": groups.size() / sold.size().reindex(groups.size().index), "cv2": (sold.std(ddof=0) / sold.mean()) ** 2}
    )
    table = table.fillna({"adi": np.inf, "cv2": 0.0})
    often, steady = table["adi"] < 1.32, table["cv2"] < 0.49
    table["demand_class"] = np.select([often & steady, often & ~steady, ~often & steady], CLASSES[:3], CLASSES[3])
    return table.reset_index()


def volume_groups(panel: pd.DataFrame, cutoff: pd.Timestamp, count: int = 10) -> pd.DataFrame:
    """Deciles of volume from rows up to ``cutoff``: ``unique_id, volume, volume_group``, 1 holds the smallest series.

    ``volume`` is the mean of ``y`` over available periods, so that a young series is not small for being young. Ties
    are broken by name, so that groups differ by one series at most whatever the volumes are.

    Raises ValueError when there are fewer series than groups.
    """
    past = panel[(panel["ds"] <= cutoff) & (panel["available"] > 0)]
    table = past.groupby("unique_id")["y"].mean().rename("volume").reset_index()
    if not 1 <= count <= len(table):
        raise ValueError(f"count={count}: expected 1 to {len(table)}, the series with a row up to {cutoff.date()}")
    rank = table.sort_values(["volume", "unique_id"]).reset_index().reset_index().set_index("index")["level_0"]
    table["volume_group"] = 1 + rank.sort_index().to_numpy() * count // len(table)
    return table


def age_bands(
    panel: pd.DataFrame,
    cutoffs: Iterable[pd.Timestamp],
    edges: Sequence[int] = (28, 91, 182, 365),
    grace: int = 28,
) -> pd.DataFrame:
    """Age of each series alive at each cutoff: ``unique_id, cutoff, age, age_band``.

    ``age`` counts the periods from the first sale to the cutoff. The panel begins a series with its first sale; when
    that lies within ``grace`` periods of the beginning of the data, the launch was probably earlier, and the band is
    `FROM_THE_START` whatever the age.

    Parameters
    ----------
    edges : upper ends of the bands, in periods; a last band is open.

    Raises
    ------
    ValueError
        When the edges do not rise.
    """
    if list(edges) != sorted(set(edges)) or not edges:
        raise ValueError(f"edges={list(edges)}: expected rising numbers of periods")
    calendar = pd.Index(np.sort(panel["ds"].unique()))
    span = panel.groupby("unique_id")["ds"].agg(["min", "max"])
    first = calendar.get_indexer(pd.Index(span["min"]))
    names = [f"up to {edges[0]}", *(f"{low + 1} to {high}" for low, high in zip(edges[:-1], edges[1:], strict=True))]
    names += [f"over {edges[-1]}", FROM_THE_START]
    parts = []
    for cutoff in cutoffs:
        age = int(np.searchsorted(calendar, cutoff, side="right")) - first  # the launch itself is age 1
        band = np.where(first < grace, len(names) - 1, np.searchsorted(np.asarray(edges), age, side="left"))
        part = pd.DataFrame({"unique_id": span.index, "cutoff": cutoff, "age": age})
        part["age_band"] = pd.Categorical.from_codes(band, categories=names, ordered=True)
        parts.append(part[(age >= 1) & (span["max"] >= cutoff).to_numpy()])
    return pd.concat(parts, ignore_index=True)


def product_groups(panel: pd.DataFrame, rows: pd.DataFrame, meta: Mapping[str, Any], count: int = 10) -> pd.DataFrame:
    """Group of each series of the groups with most sales in ``rows``: ``unique_id, group``, largest group first.

    The group is the last static column of the panel; without one each series is a group of its own. ``group`` is an
    ordered category.
    """
    name = meta["static"][-1] if meta["static"] else "unique_id"
    labels = panel[["unique_id"]].assign(group=panel[name]).drop_duplicates("unique_id")
    largest = rows[["unique_id", "y"]].merge(labels).groupby("group")["y"].sum().nlargest(count).index
    labels = labels[labels["group"].isin(largest)]
    return labels.assign(group=pd.Categorical(labels["group"], list(largest), ordered=True)).reset_index(drop=True)


def wape_by(rows: pd.DataFrame, labels: pd.DataFrame, panel: pd.DataFrame, season: int, by: str) -> pd.DataFrame:
    """WAPE by group and model: index ``by``, a column a model.

    ``labels`` has the column ``by`` and those of ``unique_id, cutoff, ds`` that a label depends on; rows without a
    label are left out.
    """
    keys = [name for name in ("unique_id", "cutoff", "ds") if name in labels]
    table = evaluate(rows.merge(labels[[*keys, by]], on=keys), panel, season, [by])
    return table.pivot(index=by, columns="model", values="wape")


def spread_over_volume(volumes: pd.DataFrame, ids: Iterable[str], count: int) -> list[str]:
    """``count`` of the series ``ids``, evenly from the largest to the smallest volume; from `volume_groups`."""
    order = volumes[volumes["unique_id"].isin(list(ids))].sort_values("volume", ascending=False)["unique_id"].to_numpy()
    return list(order[np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)])
