"""Windows over the past of each series, which leave out what is not known (chapter 02)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from coreforecast.grouped_array import GroupedArray
from coreforecast.lag_transforms import RollingMean, RollingStd


class PastWindows:
    """Windows over the past of each series of one column, the row itself included; rows sorted by series and period.

    Missing values are left out of a window. Where it holds nothing else, the last window that did counts.
    """

    def __init__(self, frame: pd.DataFrame, values: pd.Series) -> None:
        self.values, self.ids = values.astype("float64"), frame["unique_id"]
        self.groups = self._grouped(self.values)
        ids = pd.factorize(self.ids)[0]
        self.starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1], [True]])).astype("int32")
        self.known = self.values.notna() if self.values.isna().any() else None

    def lag(self, periods: int) -> pd.Series:
        return self.groups.shift(periods)

    def mean(self, periods: int) -> pd.Series:
        if self.known is None:
            return self._rolling(RollingMean(0, periods, min_samples=1), self.values)
        return self._last_known(self._share(self.values.fillna(0.0), periods) / self._seen(periods))

    def std(self, periods: int) -> pd.Series:
        """Standard deviation, 0 before the second known row of a series."""
        if self.known is None:
            return self._rolling(RollingStd(0, periods, min_samples=2), self.values).fillna(0.0)
        rows = self._grouped(self.values).cumcount() + 1
        count = (self._seen(periods) * np.minimum(rows, periods)).round()
        filled = self.values.fillna(0.0)
        mean, square = self._share(filled, periods), self._share(filled**2, periods)
        variance = (square / self._seen(periods) - (mean / self._seen(periods)) ** 2).clip(lower=0.0)
        spread = np.sqrt(variance * count / (count - 1).where(count > 1))
        whole = count == np.minimum(rows, periods)  # the closed days of others change no digit
        plain = self._rolling(RollingStd(0, periods, min_samples=2), filled)
        return self._last_known(spread.where(~whole, plain)).fillna(0.0)

    def median(self, periods: int) -> pd.Series:
        rolled = self.groups.rolling(periods, min_periods=1).median()  # group by group, as the rows are
        return pd.Series(rolled.to_numpy(), index=self.values.index)

    def smoothed(self, halflife: float) -> pd.Series:
        return pd.Series(self.groups.ewm(halflife=halflife).mean().to_numpy(), index=self.values.index)

    def _grouped(self, values: pd.Series) -> Any:
        return values.groupby(self.ids, sort=False, observed=True)

    def _rolling(self, transform: RollingMean | RollingStd, values: pd.Series) -> pd.Series:
        array = GroupedArray(values.to_numpy("float64"), self.starts)
        return pd.Series(transform.transform(array), index=values.index)

    def _share(self, values: pd.Series, periods: int) -> pd.Series:
        return self._rolling(RollingMean(0, periods, min_samples=1), values)

    def _seen(self, periods: int) -> pd.Series:
        """Share of a window's rows that are known, missing where none is; sums of ones stay exact enough to tell."""
        assert self.known is not None
        share = self._share(self.known.astype("float64"), periods)
        return share.where(share > 1e-9)

    def _last_known(self, values: pd.Series) -> pd.Series:
        return self._grouped(values).ffill()
