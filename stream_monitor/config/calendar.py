"""The calendar's file: named days and times, yearly days, and the holidays of countries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from stream_monitor.config.holiday_rules import UnknownHoliday, holiday_days
from stream_monitor.config.section import Section, wrong
from stream_monitor.config.validation import Document, validated
from stream_monitor.config.windows import Timezone
from stream_monitor.config.yaml_text import parse_yaml, read_yaml
from stream_monitor.core.calendar import Calendar, CalendarEntry, EntryKind, whole_days

YEARS: Final = range(2000, 2061)
"""The years that yearly days and holidays are listed for."""

_YEARLY: Final = re.compile(r"(\d{1,2})-(\d{1,2})")
_LEAP_YEAR: Final = 2000


def _moment(value: Any) -> date | datetime:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise PydanticCustomError(
            "moment", "must be a day such as 2026-11-27 or a time such as 2026-11-27T14:30"
        ) from None


def _yearly(value: Any) -> tuple[int, int]:
    found = _YEARLY.fullmatch(value) if isinstance(value, str) else None
    try:
        day = date(_LEAP_YEAR, int(found[1]), int(found[2])) if found else None
    except ValueError:
        day = None
    if day is None:
        raise PydanticCustomError("yearly", "must be a month and a day such as 12-25")
    return day.month, day.day


Moment = Annotated[date | datetime, BeforeValidator(_moment, json_schema_input_type=str)]
Yearly = Annotated[tuple[int, int], BeforeValidator(_yearly, json_schema_input_type=str)]


class _About(Section):
    """What all kinds of entries share."""

    models: tuple[str, ...] = ()
    """Models that it concerns; none named: all."""
    mute: bool = False
    """Whether drift in the windows that it mostly covers opens no incident."""
    days: int = Field(default=1, ge=1, le=366)
    """Length in days, from the day on."""

    def entry(self, name: str, kind: EntryKind, span: tuple[int, int]) -> CalendarEntry:
        """The core's value over [start, end) in seconds."""
        return CalendarEntry(name, kind, *span, frozenset(self.models), self.mute)

    def over_days(self, name: str, kind: EntryKind, first: date, timezone: str) -> CalendarEntry:
        """The entry over whole days from the first on."""
        last = first + timedelta(days=self.days - 1)
        return self.entry(name, kind, whole_days(first, last, timezone))


class EntryConfig(_About):
    """A named time: from `start` to `end`, or `every` year on a day."""

    name: str = Field(min_length=1, max_length=200)
    """What people call it."""
    kind: EntryKind = EntryKind.EVENT
    """Holiday, event or deployment."""
    start: Moment | None = None
    """A day, or a time, in the calendar's time zone unless it names its own."""
    end: Moment | None = None
    """The last day (included) or the time of the end; null: that day, or only that instant."""
    every: Yearly | None = None
    """Month and day on which it comes back each year; 02-29 comes in leap years."""

    @model_validator(mode="after")
    def _one_way(self) -> EntryConfig:
        problem = self._problem()
        if problem:
            raise wrong([problem])
        return self

    def _problem(self) -> tuple[str, str] | None:
        if (self.start is None) == (self.every is None):
            return "", "must have either start or every"
        if self.end is None:
            return None
        if self.start is None or self.days != 1:
            return "end", "cannot stand beside every or days"
        if isinstance(self.start, datetime) != isinstance(self.end, datetime):
            return "end", "must be a day where start is one, and a time where start is one"
        return None

    def entries(self, timezone: str, years: range) -> Iterator[CalendarEntry]:
        """The core's values; a yearly day has one for each year."""
        if self.every:
            month, day = self.every
            for year in years:
                if (month, day) != (2, 29) or _is_leap(year):
                    yield self.over_days(self.name, self.kind, date(year, month, day), timezone)
        elif isinstance(self.start, datetime):
            end = self.end if isinstance(self.end, datetime) else self.start
            span = (_seconds(self.start, timezone), _seconds(end, timezone))
            yield self.entry(self.name, self.kind, span)
        elif self.start and self.end:
            yield self.entry(self.name, self.kind, whole_days(self.start, self.end, timezone))
        elif self.start:
            yield self.over_days(self.name, self.kind, self.start, timezone)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _seconds(moment: datetime, timezone: str) -> int:
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))
    return int(zoned.astimezone(UTC).timestamp())


class HolidaysConfig(_About):
    """Holidays of a country, as the `holidays` package knows them."""

    country: str
    """Two letters such as US."""
    subdivision: str | None = None
    """State or region such as NY, whose own holidays are then there too."""
    names: tuple[str, ...] = ()
    """Only these holidays, by their English names where there are any; none: all public ones."""
    name: str | None = None
    """What people call it; null: the holiday's own name."""
    days_after: int = Field(default=0, ge=-366, le=366)
    """Days from the holiday to the day that is meant: Black Friday is one after Thanksgiving Day."""

    @model_validator(mode="after")
    def _is_known(self) -> HolidaysConfig:
        try:
            self._found(range(2024, 2029))
        except UnknownHoliday as error:
            raise wrong([("", str(error))]) from None
        return self

    def _found(self, years: range) -> list[tuple[date, str]]:
        return holiday_days(self.country, self.subdivision, self.names, years)

    def entries(self, timezone: str, years: range) -> Iterator[CalendarEntry]:
        """One of the core's values for each holiday of each year."""
        for day, name in self._found(years):
            first = day + timedelta(days=self.days_after)
            yield self.over_days(self.name or name, EntryKind.HOLIDAY, first, timezone)


class CalendarConfig(Section):
    """The calendar's file."""

    timezone: Timezone = "UTC"
    """Time zone of days, and of times that name none."""
    entries: tuple[EntryConfig, ...] = ()
    """Named days and times."""
    holidays: tuple[HolidaysConfig, ...] = ()
    """Holidays by country."""

    def calendar(self, years: range = YEARS) -> Calendar:
        """The core's calendar, with what comes back each year listed for `years`."""
        found = [e for entry in self.entries for e in entry.entries(self.timezone, years)]
        found += [e for rule in self.holidays for e in rule.entries(self.timezone, years)]
        return Calendar.of(found)

    @model_validator(mode="after")
    def _ends_after_starts(self) -> CalendarConfig:
        problems = [
            (f"entries[{i}].end", "must not be before start")
            for i, entry in enumerate(self.entries)
            if entry.end and entry.start and self._ends_early(entry.start, entry.end)
        ]
        if problems:
            raise wrong(problems)
        return self

    def _ends_early(self, start: date, end: date) -> bool:
        if isinstance(start, datetime) and isinstance(end, datetime):
            return _seconds(end, self.timezone) < _seconds(start, self.timezone)
        return end < start


def parse_calendar(text: str, source: str) -> Calendar:
    """The calendar that a file's text describes; raises ConfigError with every problem."""
    return _calendar(parse_yaml(text, source), source)


def load_calendar(path: Path) -> Calendar:
    """The calendar of a file; raises ConfigError with every problem."""
    return _calendar(read_yaml(path), str(path))


def _calendar(values: dict[str, Any], source: str) -> Calendar:
    return validated(CalendarConfig, Document(source, values, values)).calendar()
