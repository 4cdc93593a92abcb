"""Whether a challenger may replace the champion: both scored on the same latest windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Figures:
    """How a model did on some windows.

    Parameters
    ----------
    loss : mean pinball loss over the levels, in shares of what was sold.
    bias : forecast minus sold, in shares of what was sold.
    coverage : share of rows within the outermost quantiles, and ``nominal`` what it should be.
    rows : scored rows.
    """

    loss: float
    bias: float
    coverage: float
    nominal: float
    rows: int

    def to_json(self) -> dict[str, float]:
        """Rounded, for the log."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Gate:
    """What a challenger has to show.

    Parameters
    ----------
    margin : share of the champion's loss by which the challenger has to be better; one that is fresher may be as much
        worse as that.
    bias, coverage : by how much its distance from 0, and from what the interval promises, may be larger.
    """

    margin: float = 0.01
    bias: float = 0.05
    coverage: float = 0.05

    def __post_init__(self) -> None:
        for name in ("margin", "bias", "coverage"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"gate: {name}={getattr(self, name)}: expected a share from 0 to below 1")

    @classmethod
    def of(cls, told: Mapping[str, float]) -> Gate:
        """From a mapping; raises ValueError on a name that it does not know."""
        odd = sorted(set(told) - {"margin", "bias", "coverage"})
        if odd:
            raise ValueError(f"gate: {odd[0]!r} is not known; expected margin, bias or coverage")
        return cls(**{name: float(value) for name, value in told.items()})

    def judge(self, challenger: Figures, champion: Figures | None, fresher: bool) -> tuple[bool, str]:
        """Whether the challenger passes, and why, in a sentence with the figures."""
        if champion is None:
            return True, f"it is the first: loss {challenger.loss:.4f}"
        told = f"loss {challenger.loss:.4f} against {champion.loss:.4f}"
        if not challenger.loss >= 0:
            return False, f"its loss is not a number ({told})"
        if abs(challenger.bias) > abs(champion.bias) + self.bias:
            return False, f"its bias is {challenger.bias:+.3f}, the champion's {champion.bias:+.3f} ({told})"
        apart = [abs(each.coverage - each.nominal) for each in (challenger, champion)]
        if apart[0] > apart[1] + self.coverage:
            return False, f"its interval covers {challenger.coverage:.0%} instead of {challenger.nominal:.0%} ({told})"
        if challenger.loss <= (1 - self.margin) * champion.loss:
            return True, f"it is better by more than {self.margin:.1%}: {told}"
        if fresher and challenger.loss <= (1 + self.margin) * champion.loss:
            return True, f"it is as good and has seen newer data: {told}"
        return False, f"it is not better by {self.margin:.1%}: {told}"


def figures_of(forecasts: pd.DataFrame, actuals: pd.DataFrame) -> Figures:
    """Score a forecast table on what came.

    Parameters
    ----------
    actuals : ``unique_id, ds, y, available``; rows with nothing available do not count.

    Raises
    ------
    ValueError
        When not one row can be scored.
    """
    import numpy as np

    from salesforecast_lib import levels_of, quantile_columns

    seen = actuals.loc[actuals["available"] > 0, ["unique_id", "ds", "y"]]
    both = forecasts.drop(columns="y", errors="ignore").merge(seen, on=["unique_id", "ds"])
    if both.empty:
        raise ValueError("gate: no forecast of these windows has come true yet; nothing can be scored")
    levels = np.array(levels_of(both))
    y, quantiles = both["y"].to_numpy("float64"), both[list(quantile_columns(levels.tolist()))].to_numpy("float64")
    apart = y[:, None] - quantiles
    sold = max(float(np.abs(y).sum()), 1e-9)
    loss = np.maximum(levels * apart, (levels - 1) * apart).mean(1).sum() / sold
    inside = (y >= quantiles[:, 0]) & (y <= quantiles[:, -1])
    bias = float((both["mean"].to_numpy() - y).sum()) / sold
    return Figures(float(loss), bias, float(inside.mean()), float(levels[-1] - levels[0]), len(both))
