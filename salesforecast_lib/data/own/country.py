"""In which country each series sells: one code for all, or a column that names it (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from salesforecast_lib.countries import country_code
from salesforecast_lib.wording import first_names


@dataclass(frozen=True)
class Country:
    """What the user said: a code or the name of a country, or, where ``columns`` are allowed, that of a column."""

    said: str
    columns: bool = False

    def __post_init__(self) -> None:
        if not self.code and not self.columns:
            raise ValueError(f"country={self.said!r}: expected a country code of two letters such as US, DE or DE-BY")

    @property
    def code(self) -> str:
        """The country of all series; empty where a column names it."""
        return country_code(self.said)

    @property
    def column(self) -> str:
        """The column that names it; empty where one country is said for all."""
        return "" if self.code else self.said

    @property
    def default(self) -> str:
        """A code, for what needs one before the column was read."""
        return self.code or "US"


def settle_country(panel: pd.DataFrame, column: str, said: str, source: str) -> tuple[pd.DataFrame, str, list[str]]:
    """The panel with codes in the country's column, the most frequent code, and what was said.

    Raises
    ------
    ValueError
        When a series has no country, or one whose holidays are not known.
    """
    first = panel.drop_duplicates("unique_id").set_index("unique_id")[column].astype(str)
    codes = first.map(country_code)
    if (codes == "").any():
        name = first.index[codes == ""][0]
        raise ValueError(
            f"{source}: country={said}: {first[name]!r} of series {name!r} is no country whose holidays are known; "
            "expected codes such as DE, US or DE-BY"
        )
    counts = codes.value_counts()
    note = f"holidays of {first_names(f'{code} ({count} series)' for code, count in counts.items())}"
    return panel.assign(**{column: panel["unique_id"].map(codes)}), str(counts.index[0]), [note]
