"""Named days and deployments: what people know about a time before the counts do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.windows import Window

_MUTED_FROM: Final = 0.5
"""The part of a window that muting entries must cover."""


class EntryKind(StrEnum):
    """What kind of day or time an entry names."""

    HOLIDAY = "holiday"
    EVENT = "event"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A named run of time [start_s, end_s), seconds since the epoch; equal ends are one instant.

    It concerns the named `models`, or all of them where none is named. Raises InvalidSpecification when
    it ends before it starts.
    """

    name: str
    kind: EntryKind
    start_s: int
    end_s: int
    models: frozenset[str] = frozenset()
    mute: bool = False

    def __post_init__(self) -> None:
        if self.end_s < self.start_s:
            raise InvalidSpecification(
                f"calendar entry {self.name!r} must not end before it starts"
            )

    def concerns(self, model: str) -> bool:
        """Whether the entry is about a model."""
        return not self.models or model in self.models

    def covers(self, window: Window) -> bool:
        """Whether any part of a window lies in the entry.

        >>> CalendarEntry("release", EntryKind.DEPLOYMENT, 60, 60).covers(Window(0, 120))
        True
        """
        ends_later = self.end_s > window.start_s or self.start_s == self.end_s == window.start_s
        return self.start_s < window.end_s and ends_later


@dataclass(frozen=True, slots=True)
class Calendar:
    """Entries in the order of their start."""

    entries: tuple[CalendarEntry, ...] = field(default=())

    @classmethod
    def of(cls, entries: Iterable[CalendarEntry]) -> Calendar:
        """A calendar of entries in any order."""
        return cls(tuple(sorted(entries, key=lambda e: (e.start_s, e.end_s, e.name))))

    def covering(self, window: Window, model: str) -> tuple[CalendarEntry, ...]:
        """The entries about a model that any part of a window lies in, in the order of their start."""
        return tuple(e for e in self.entries if e.covers(window) and e.concerns(model))

    def mutes(self, window: Window, model: str) -> bool:
        """Whether muting entries about a model cover at least half of a window.

        So a muted day mutes the windows in it and the day itself, seen from any time zone, but not the
        week around it; an instant mutes nothing.
        """
        covered, reached = 0, window.start_s
        for entry in self.covering(window, model):
            if entry.mute:
                end = min(entry.end_s, window.end_s)
                covered += max(0, end - max(entry.start_s, reached))
                reached = max(reached, end)
        return covered > 0 and covered >= _MUTED_FROM * (window.end_s - window.start_s)


def whole_days(first: date, last: date, timezone: str) -> tuple[int, int]:
    """Start and end, in seconds, of the days from `first` to `last` (included) of a time zone.

    >>> start, end = whole_days(date(2026, 11, 1), date(2026, 11, 1), "America/New_York")
    >>> (end - start) / 3_600  # the clocks go back
    25.0
    """
    zone = ZoneInfo(timezone)
    after = last + timedelta(days=1)
    midnights = (datetime(d.year, d.month, d.day, tzinfo=zone).timestamp() for d in (first, after))
    start, end = midnights
    return int(start), int(end)
