"""Holidays by country, from the `holidays` package; the only module that imports it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from stream_monitor.config.errors import suggestion
from stream_monitor.core.errors import StreamMonitorError


class UnknownHoliday(StreamMonitorError):
    """A country, subdivision or name that the package does not have; the text says what is allowed."""


def holiday_days(
    country: str, subdivision: str | None, names: Iterable[str], years: range
) -> list[tuple[date, str]]:
    """The days and their names, in order. Raises UnknownHoliday.

    Without names: the public holidays. With names, in any case: those days, of all the package's
    categories (such as Halloween), and no others.
    """
    import holidays  # a tenth of a second that installations without holidays need not wait

    try:
        public = holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        raise UnknownHoliday(_what_is_known(country)) from None
    categories = public.supported_categories if names else None
    found = holidays.country_holidays(
        country, subdiv=subdivision, years=years, categories=categories, language=_language(public)
    )
    days = [(day, name) for day in sorted(found) for name in found.get_list(day)]
    if not names:
        return days
    wanted = {name.casefold() for name in names}
    known = {name.casefold(): name for _, name in days}
    for name in names:
        if name.casefold() not in known:
            place = f"{country} {subdivision or ''}".strip()
            near = suggestion(name, known.values())
            raise UnknownHoliday(f"{name!r} is no holiday of {place}: {near}".rstrip(": "))
    return [(day, name) for day, name in days if name.casefold() in wanted]


def _language(found: object) -> str | None:
    """English where the package has it."""
    languages: tuple[str, ...] = getattr(found, "supported_languages", ())
    return "en_US" if "en_US" in languages else None


def _what_is_known(country: str) -> str:
    import holidays

    subdivisions = holidays.list_supported_countries().get(country)
    if subdivisions is None:
        return f"{country!r} is not known: write a country's two letters, such as US or DE"
    listed = ", ".join(subdivisions)
    return f"{country} has no such subdivision. Allowed: {listed or 'none'}"
