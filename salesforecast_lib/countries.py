"""Countries and regions whose holidays are known, by any name that a shop's file gives them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import holidays

# Names beside the English ones that the holidays package has: in their own languages, and in shops' files.
_NAMES = {
    "AT": "Österreich|Autriche|Oostenrijk",
    "BE": "Belgien|België|Belgique|Bélgica",
    "BR": "Brasil|Brasilien",
    "CH": "Schweiz|Suisse|Svizzera|Zwitserland|Suiza",
    "CN": "中国|PR China|Mainland China|Volksrepublik China",
    "CZ": "Czech Republic|Česko|Česká republika|Tschechien",
    "DE": "Deutschland|Allemagne|Alemania|Germania|Duitsland|Alemanha|德国|ドイツ",
    "DK": "Danmark|Dänemark",
    "ES": "España|Spanien|Espagne|Spagna|Spanje|Espanha",
    "FI": "Suomi|Finnland",
    "FR": "Frankreich|Francia|Frankrijk|França|法国|フランス",
    "GB": "Great Britain|Britain|England|Scotland|Wales|Großbritannien|Royaume-Uni|Reino Unido|英国|イギリス",
    "GR": "Ελλάδα|Griechenland",
    "HU": "Magyarország|Ungarn",
    "IE": "Republic of Ireland|Éire|Irland",
    "IT": "Italia|Italien|Italie|Italië|Itália",
    "JP": "日本|Japon|Japão|Giappone",
    "KR": "Korea|Republic of Korea|한국|대한민국|韩国",
    "LU": "Luxemburg",
    "MX": "México|Mexiko",
    "NL": "The Netherlands|Holland|Nederland|Niederlande|Pays-Bas|Países Bajos|Paesi Bassi",
    "NO": "Norge|Norwegen",
    "PL": "Polska|Polen",
    "RU": "Russian Federation|Россия|Russland",
    "SE": "Sverige|Schweden",
    "TR": "Türkiye|Türkei",
    "TW": "台湾|臺灣",
    "US": "United States of America|U.S.|U.S.A.|Vereinigte Staaten|États-Unis|Estados Unidos|Stati Uniti|美国|アメリカ",
}


def _plain(name: str) -> str:
    """Letters only, without case and accents, so that "Pays-Bas" and "PAYS BAS" are one."""
    text = unicodedata.normalize("NFKD", name.casefold())
    return "".join(sign for sign in text if sign.isalnum())


@lru_cache
def country_code(text: str) -> str:
    """Code of two letters of a country whose holidays are known, or of a region of one (DE-BY); "" for none.

    Understood are the codes of two and three letters, English names, and the most frequent other ones.
    """
    code, _, region = text.strip().partition("-")
    entries = holidays.registry.COUNTRIES.values()  # (English name in one word, code, longer code, …)
    codes = {alias: entry[1] for entry in entries for alias in entry[1:]}
    found = codes.get(code.strip().upper(), "")
    if found and not region:
        return found
    if found:
        known = {name.upper(): name for name in regions_of(found)}
        place = known.get(region.strip().upper(), "")
        return f"{found}-{place}" if place else ""
    names = {_plain(entry[0]): entry[1] for entry in entries}
    names |= {_plain(name): code for code, others in _NAMES.items() for name in others.split("|")}
    return names.get(_plain(text), "")


def regions_of(code: str) -> list[str]:
    """Codes of the regions of a country that have holidays of their own, as ``DE-BY`` names Bavaria."""
    return list(holidays.list_supported_countries()[code])
