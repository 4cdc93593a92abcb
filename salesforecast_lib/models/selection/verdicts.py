"""What a search and a comparison of networks found, in sentences that are computed (chapter 05)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from salesforecast_lib.wording import listed

ABOUT_LEVEL = 0.5  # per cent of a score: two processors train networks that differ by up to so much
SAME_LOSS = 1.0  # points of what a disturbance takes


@dataclass(frozen=True)
class SettingsChoice:
    """Which settings a shop should train with: ``name`` of the configuration, and why, in one sentence."""

    name: str
    sentence: str


def choose_settings(
    promised: Mapping[str, float], validation: pd.DataFrame, later: pd.DataFrame, default: str = "default"
) -> SettingsChoice:
    """Take searched settings only if their gain is sure with new seeds, and is still a gain on the later horizon.

    Parameters
    ----------
    promised : gain over the defaults that the search reported, in per cent, by configuration.
    validation, later : `paired_gains` over the defaults with new seeds, at the search's origins and on the horizon
        kept apart.

    Returns
    -------
    The configuration whose gain at the validation origins is surest if both hold, else ``default``.
    """
    if not len(validation):
        return SettingsChoice(default, "the search found nothing but the defaults: default kept")
    name = str(validation["low"].fillna(float("-inf")).idxmax())
    sure, after = bool(validation.loc[name, "low"] > 0), float(later.loc[name, "gain"])
    taken = sure and after > 0
    new = validation.loc[name]
    words = f"{abs(after):.1f} % {'better' if after > 0 else 'worse'}"
    sentence = (
        f"the searched settings promised {promised[name]:.1f} %; with new seeds {new['gain']:.1f} % is left, "
        f"{'which is sure' if sure else 'which is not sure'}; on the later horizon they were {words}: "
        f"{'searched settings taken' if taken else 'default kept'}"
    )
    return SettingsChoice(name if taken else default, sentence)


def differences_found(gains: pd.DataFrame, reference: str) -> str:
    """Which configurations differ from the reference for sure; ``gains`` as of `paired_gains`."""
    better, worse = gains.index[gains["low"] > 0], gains.index[gains["high"] < 0]
    return (
        f"surely better than {reference}: {listed(better)}; surely worse: {listed(worse)}; "
        f"not to be told apart from it: {len(gains) - len(better) - len(worse)} of {len(gains)}"
    )


def stopping_found(best: float, last: float, close: float = ABOUT_LEVEL) -> str:
    """What keeping the best epoch did to the score, against the last epoch; about level below ``close`` per cent."""
    gain = 100 * (1 - best / last)
    if abs(gain) < close:
        return f"early stopping alone changes the error by less than {close} %: about level"
    return f"early stopping alone {'lowers' if gain > 0 else 'raises'} the error by {abs(gain):.0f} %"


def robustness_found(table: pd.DataFrame, disturbance: str, remedies: Sequence[str], none: str = "none") -> str:
    """How much a disturbance takes from a network without any remedy, and which remedy loses least.

    Parameters
    ----------
    table : as of `robustness`, by configuration.
    """
    lost = table[f"lost to {disturbance} (%)"]
    least = str(lost[list(remedies)].idxmin())
    saved = lost[none] - lost[least]
    words = f"least with {least}" if saved >= SAME_LOSS else f"no remedy saves more than {SAME_LOSS:.0f} point of that"
    return f"{disturbance} takes {lost[none]:.0f} % from a network without remedies; {words}"
