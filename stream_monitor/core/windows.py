"""Windows and panes as arithmetic on event time; no clock. Closing them is in model_state.py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from stream_monitor.core.errors import InvalidSpecification

Day = TypeVar("Day", bound=date)

DAY_S = 86_400
WEEK_S = 7 * DAY_S
MONTH_S = 2_629_746
"""The mean month of the calendar, 30.44 days: windows of n times this are n calendar months."""
_CHECKED_FROM_S = 1_704_067_200  # 2024-01-01
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": DAY_S, "w": WEEK_S}
_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_MONTHS = re.compile(r"\s*(\d+)\s*mo\s*")
_LAST_ORIGIN = 28
"""Every month has this day."""


def parse_duration(text: str) -> int:
    """Seconds of `90s`, `5m`, `1h`, `15d`, `2w`, or sums such as `1h30m`.

    >>> parse_duration("1h30m")
    5400
    """
    compact = text.replace(" ", "")
    parts = _DURATION.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise InvalidSpecification(f"{text!r} is not a duration: write e.g. 30s, 5m, 1h, 1d or 2w")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def format_duration(seconds: int) -> str:
    """The shortest text that parse_duration reads back.

    >>> format_duration(86400), format_duration(5400)
    ('1d', '90m')
    """
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def parse_window_size(text: str) -> int:
    """The length of windows: a duration, or calendar months such as `1mo` as so many MONTH_S.

    >>> parse_window_size("1d"), parse_window_size("3mo") // MONTH_S
    (86400, 3)
    """
    months = _MONTHS.fullmatch(text)
    return int(months[1]) * MONTH_S if months else parse_duration(text)


def format_window_size(size_s: int) -> str:
    """The shortest text that parse_window_size reads back.

    >>> format_window_size(7 * 86400), format_window_size(MONTH_S)
    ('7d', '1mo')
    """
    if size_s and size_s % MONTH_S == 0:
        return f"{size_s // MONTH_S}mo"
    return format_duration(size_s)


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open run of event time [start_s, end_s), seconds since the epoch."""

    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class WindowSize:
    """A kind of window: its length, time zone and origin, and the k-of-n rule of its incidents.

    Whole days are calendar days of the time zone (23 to 25 hours long), whole weeks begin on its Mondays
    unless there is an origin, and months are its calendar months, from the origin's day of the month
    (without one the first). Other lengths are exact durations counted from the origin's midnight there.
    With `early` a window that is open is looked at too, whenever another of its parts is over (part_size).
    """

    size_s: int
    timezone: str = "UTC"
    origin: date | None = None
    k: int = 1
    n: int = 1
    recover_after: int = 7
    early: bool = False

    @property
    def name(self) -> str:
        """The length as text, e.g. `1d` or `1mo`: the window size's name in results and metrics."""
        return format_window_size(self.size_s)

    @property
    def months(self) -> int:
        """How many calendar months it holds; 0 if it is another length."""
        return 0 if self.size_s % MONTH_S else self.size_s // MONTH_S

    @property
    def longest_s(self) -> int:
        """The longest that one of these windows is, clock changes aside; months have up to 31 days."""
        return 31 * DAY_S * self.months or self.size_s

    def window_at(self, time_s: int) -> Window:
        """The window that holds an instant."""
        return _window_at(self.size_s, self.timezone, self.origin, time_s)

    def slot_of(self, window: Window) -> int:
        """Where in the week a window of this size starts: its hour there, for a day its first hour.

        0 for windows longer than a day: they hold all hours of the week, or none in particular.
        """
        if self.size_s > DAY_S:
            return 0
        return hour_of_week(window.start_s, self.timezone)

    def __post_init__(self) -> None:
        if self.size_s <= 0:
            raise InvalidSpecification("a window must be longer than 0s")
        if not 1 <= self.k <= self.n:
            raise InvalidSpecification(f"window {self.name}: k must be between 1 and n={self.n}")
        if self.months and self.origin and self.origin.day > _LAST_ORIGIN:
            raise InvalidSpecification(
                f"window {self.name}: the origin must be a day that every month has, 1 to {_LAST_ORIGIN}"
            )


@lru_cache(maxsize=65_536)
def _window_at(size_s: int, timezone: str, origin: date | None, time_s: int) -> Window:
    zone = ZoneInfo(timezone)
    if not _is_of_days(size_s):
        start = _midnight(origin or _EPOCH, zone)
        start += (time_s - start) // size_s * size_s
        return Window(start, start + size_s)
    local = datetime.fromtimestamp(time_s, UTC).astimezone(zone).date()
    first, after = (_days if size_s % MONTH_S else _months)(size_s, origin, local)
    return Window(_midnight(first, zone), _midnight(after, zone))


_EPOCH = date(1970, 1, 1)
_A_MONDAY = date(1970, 1, 5)


def _is_of_days(size_s: int) -> bool:
    """Whether it is one of calendar days or months."""
    return size_s % DAY_S == 0 or size_s % MONTH_S == 0


def _days(size_s: int, origin: date | None, day: date) -> tuple[date, date]:
    """The first day of the window of whole days that holds a day, and the first day after it."""
    days = size_s // DAY_S
    origin = origin or (_EPOCH if size_s % WEEK_S else _A_MONDAY)
    first = origin + timedelta(days=(day - origin).days // days * days)
    return first, first + timedelta(days=days)


def _months(size_s: int, origin: date | None, day: date) -> tuple[date, date]:
    """The same of whole months."""
    months = size_s // MONTH_S
    origin = origin or _EPOCH
    passed = (day.year - origin.year) * 12 + day.month - origin.month - (day.day < origin.day)
    first = passed // months * months
    return months_after(origin, first), months_after(origin, first + months)


def months_after(day: Day, months: int) -> Day:
    """The same day so many months later; every month must have it.

    >>> months_after(date(2024, 12, 1), 2).isoformat()
    '2025-02-01'
    """
    years, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + years, month=month + 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


@lru_cache(maxsize=65_536)
def hour_of_week(time_s: int, timezone: str) -> int:
    """0 for the hour that begins at midnight on Monday in a time zone, to 167.

    >>> hour_of_week(4 * 86_400 + 3_600, "UTC")  # 1970-01-05 01:00 was a Monday
    1
    """
    local = datetime.fromtimestamp(time_s, UTC).astimezone(ZoneInfo(timezone))
    return local.weekday() * 24 + local.hour


def check_pane(pane_s: int, sizes: tuple[WindowSize, ...]) -> None:
    """Raises InvalidSpecification unless every window is a run of whole panes.

    Panes are counted from the epoch in UTC, so a window's borders must fall on multiples of the pane.
    Calendar days and months are checked over the year 2024, which covers both clock changes of today's zones.
    """
    if pane_s <= 0:
        raise InvalidSpecification("a pane must be longer than 0s")
    for size in sizes:
        if any(border % pane_s for border in _borders(size)):
            raise InvalidSpecification(
                f"window {size.name} in {size.timezone} does not start on a multiple of the pane "
                f"{format_duration(pane_s)}: choose a pane that divides it, such as 5m or 15m"
            )


def part_size(size: WindowSize, sizes: Iterable[WindowSize]) -> WindowSize | None:
    """The longest of the shorter sizes whose windows every window of a size is a run of; None without one.

    >>> sizes = hour, day, week, month = [WindowSize(s) for s in (3_600, DAY_S, WEEK_S, MONTH_S)]
    >>> part_size(week, sizes) == part_size(month, sizes) == day, part_size(hour, sizes)
    (True, None)
    """
    shorter = [part for part in sizes if part.longest_s < size.longest_s]
    shorter.sort(key=lambda part: -part.longest_s)
    return next((part for part in shorter if _is_run_of(size, part)), None)


@lru_cache(maxsize=1_024)
def _is_run_of(size: WindowSize, part: WindowSize) -> bool:
    return all(part.window_at(border).start_s == border for border in _borders(size))


def _borders(size: WindowSize) -> Iterator[int]:
    window = size.window_at(_CHECKED_FROM_S)
    yield window.start_s
    yield window.end_s
    while _is_of_days(size.size_s) and window.end_s < _CHECKED_FROM_S + 366 * DAY_S:
        window = size.window_at(window.end_s)
        yield window.end_s
