"""In which country a shop is likely to be: a proposal from its addresses, marketplace, currency or language."""

from __future__ import annotations

import re

import pandas as pd

from salesforecast_lib.countries import country_code
from salesforecast_lib.data.reading.guess.evidence import text_of
from salesforecast_lib.data.reading.guess.headers import (
    CHANNEL_COUNTRY,
    CURRENCY_COUNTRY,
    LANGUAGES,
    ROLES,
    plain,
)
from salesforecast_lib.data.reading.guess.look import Looked

_MOST = 0.5  # share of a column's cells that must agree


def guess_country(looked: Looked) -> tuple[str, str]:
    """Two-letter code and what it rests on; two empty texts when nothing says anything."""
    for _, _, column in looked.named("country"):
        texts = text_of(looked.table[column])
        shares = texts[texts != ""].str.casefold().value_counts(normalize=True)
        if shares.empty or shares.iloc[0] < _MOST:
            continue
        code = CHANNEL_COUNTRY.get(shares.index[0], shares.index[0].upper())
        if country_code(code):
            return country_code(code), f"{shares.iloc[0]:.0%} of {column} say {shares.index[0]!r}"
    for _, _, column in looked.named("currency"):
        shares = text_of(looked.table[column]).str.casefold().replace("", None).value_counts(normalize=True)
        if len(shares) and shares.iloc[0] >= _MOST and shares.index[0] in CURRENCY_COUNTRY:
            return CURRENCY_COUNTRY[shares.index[0]], f"the currency is {shares.index[0].upper()}"
    names = "".join(looked.headers)
    if re.search(r"[\u3040-\u30ff]", names):
        return "JP", "the columns have Japanese names"
    if len(re.findall(r"[\u4e00-\u9fff]", names)) >= 4:
        return "CN", "the columns have Chinese names"
    words = {word for header in looked.headers.values() for word in (header, *header.split())}
    for code, (language, known) in LANGUAGES.items():
        if len(words & {plain(word) for word in known}) >= 2:
            return code, f"the columns have {language} names"
    return "", ""


def country_column(panel: pd.DataFrame) -> tuple[str, str]:
    """Column of a panel that names the country of each series, of several ones, and what that rests on."""
    for name in panel:
        if ROLES["country"].rank(plain(name)) is None or panel[name].dtype != object:
            continue
        places = panel.groupby("unique_id")[name].agg(["nunique", "first"])
        codes = {country_code(str(place)) for place in places["first"]}
        if (places["nunique"] == 1).all() and len(codes) > 1 and "" not in codes:
            return str(name), f"the series lie in {', '.join(sorted(codes)[:6])}"
    return "", ""
