"""Countries and time zones that a parameter may name."""

from __future__ import annotations

import difflib


def known_country(value: str) -> bool:
    """A code, a code with its region, or what may be a column of own data: that it is one is seen in the file."""
    import holidays

    from salesforecast_lib.countries import country_code, regions_of

    if country_code(value):
        return True
    code, _, region = value.partition("-")
    if region and country_code(code):
        regions = regions_of(country_code(code))
        hint = f" or its region, one of {', '.join(regions)}" if regions else ", it has no regions with own holidays"
        raise ValueError(f"expected the country {code}{hint}")
    known = holidays.list_supported_countries(include_aliases=True)
    near = difflib.get_close_matches(value.upper(), known, 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"expected a country code of two letters such as US, DE or CN, or DE-BY for a region{hint}")


def known_zone(value: str) -> bool:
    import zoneinfo

    known = zoneinfo.available_timezones()
    if not value or value in known:
        return True
    last = {name.rsplit("/", 1)[-1].lower(): name for name in sorted(known, reverse=True)}
    near = difflib.get_close_matches(value, known, 2) or [
        last[name] for name in difflib.get_close_matches(value.lower().replace(" ", "_"), last, 2)
    ]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"expected a time zone of the IANA list such as Europe/Berlin, or nothing{hint}")
