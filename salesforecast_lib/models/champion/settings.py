"""What a champion is told, and what it consists of (chapter 06)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from salesforecast_lib import CHAMPION, QUANTILES

MODEL = CHAMPION
RULES = ("SeasonalNaive", "WindowAverage", "Theta")  # simple: fitted series by series, known for decades
LEARNED = ("Boosting", "LightGBMDirect", "LightGBM", "Networks")
FEW = ("AutoETS",)  # affordable, and as good as one model for all, where there are few series


@dataclass(frozen=True)
class ChampionConfig:
    """How a champion is made.

    Parameters
    ----------
    budget_minutes : what all fits together may take on one core, about; settings and members follow from it by a fixed
        rule, not by the clock, so that the same call gives the same forecast (`plan_fits`).
    members : names to choose from; empty takes those that fit the data's size and the budget.
    levels : quantile levels of the forecast, rising, 0.5 among them.
    validation : earlier cutoffs on which the members are judged, at most.
    seed, threads : of everything random, and of each fit.

    Raises
    ------
    ValueError
        When a value cannot be used.
    """

    budget_minutes: float = 6.0
    members: tuple[str, ...] = ()
    levels: tuple[float, ...] = QUANTILES
    validation: int = 4
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.budget_minutes > 0:
            raise ValueError(f"budget_minutes={self.budget_minutes}: expected more than 0")
        unknown = [name for name in self.members if name not in (*RULES, *LEARNED, *FEW)]
        if unknown:
            raise ValueError(f"members={unknown}: expected some of {(*RULES, *LEARNED, *FEW)}")
        if self.validation < 0:
            raise ValueError(f"validation={self.validation}: expected a number of cutoffs, 0 for none")
        rising = all(low < high for low, high in zip(self.levels[:-1], self.levels[1:], strict=True))
        if not rising or 0.5 not in self.levels or not 0 < self.levels[0] <= self.levels[-1] < 1:
            raise ValueError(f"levels={self.levels}: expected rising levels between 0 and 1, 0.5 among them")


@dataclass(frozen=True)
class Composition:
    """What the champion consists of at one cutoff; JSON-able with `to_json`.

    Parameters
    ----------
    weights : member → share, adding up to one; members without a share are not in it.
    losses : member → scaled quantile loss on the validation cutoffs; empty where nothing could be validated.
    left_out : member → the reason, with its figure.
    validated_at : earlier cutoffs on which members were judged, ISO dates.
    spread : factor on the distance of the quantiles from the median.
    mean_factor : factor on the mean, from the validation cutoffs.
    committee_loss : loss of the weighted members on cutoffs left out of the learning, in multiples of the best
        member's there; None where nothing could be left out.
    notes : what else a reader should be told, in sentences.
    """

    weights: dict[str, float]
    losses: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    validated_at: tuple[str, ...] = ()
    spread: float = 1.0
    mean_factor: float = 1.0
    committee_loss: float | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Composition:
        """Inverse of `to_json`."""
        return cls(**{**stored, "validated_at": tuple(stored["validated_at"]), "notes": tuple(stored["notes"])})
