"""Demand classes of Syntetos, Boylan and Croston (chapter 07)."""

from __future__ import annotations

import numpy as np
import pandas as pd

CLASSES = ("smooth", "erratic", "intermittent", "lumpy")


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
