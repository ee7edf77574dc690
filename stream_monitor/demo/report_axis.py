"""The axes that the report's charts share: event time across, shares upwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stream_monitor.core.windows import months_after
from stream_monitor.demo.report_records import Span, day_in_words

WIDTH = 1040
LEFT = 148
RIGHT = 1000


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, at `at` px."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Event time from `left` to `right` px."""

    start: datetime
    end: datetime
    left: float = LEFT
    right: float = RIGHT

    def x(self, instant: datetime) -> float:
        """Where an instant is, in px."""
        share = (instant - self.start) / (self.end - self.start)
        return round(self.left + share * (self.right - self.left), 1)

    def middle(self, span: Span) -> float:
        """Where a window's middle is, in px."""
        return round((self.x(span.start) + self.x(span.end)) / 2, 1)

    @property
    def ticks(self) -> list[Tick]:
        """Months, days or hours, whichever are a readable number."""
        return [Tick(self.x(at), text) for at, text in self._marks() if self.start <= at < self.end]

    def _marks(self) -> list[tuple[datetime, str]]:
        days = (self.end - self.start) / timedelta(days=1)
        first = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        if days > 45:
            step = 1 + int(days / 400)
            first = first.replace(day=1)
            months = [months_after(first, i) for i in range(0, int(days / 28) + 2, step)]
            return [(month, f"{month:%b %Y}" if step > 1 else f"{month:%b}") for month in months]
        if days > 2:
            step = 1 + int(days / 15)
            dates = [first + timedelta(days=i) for i in range(0, int(days) + 2, step)]
            return [(date, day_in_words(date, with_year=False)) for date in dates]
        hours = [first + timedelta(hours=i) for i in range(0, 24 * (int(days) + 2), 3)]
        return [(hour, f"{hour:%H:%M}") for hour in hours]


@dataclass(frozen=True, slots=True)
class ShareAxis:
    """Shares from `low` at `bottom` px up to `high` at `top` px."""

    low: float
    high: float
    top: float
    bottom: float

    def y(self, share: float) -> float:
        """Where a share is, in px; shares beyond the axis are drawn on its edge."""
        within = min(max(share, self.low), self.high)
        up = (within - self.low) / (self.high - self.low)
        return round(self.bottom - up * (self.bottom - self.top), 1)

    @property
    def ticks(self) -> list[Tick]:
        """Three to six round shares, in percent."""
        step = nice_step(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        digits = 0 if step >= 0.01 else 1
        return [
            Tick(self.y(i * step), f"{100 * i * step:.{digits}f} %") for i in range(first, last + 1)
        ]


def time_axis(spans: Sequence[Span]) -> TimeAxis:
    """The axis that holds all spans; at least one is needed."""
    return TimeAxis(min(s.start for s in spans), max(s.end for s in spans))


def share_axis(low: float, high: float, top: float, bottom: float) -> ShareAxis:
    """The axis from `low` to at least `high`, widened to a round share, but not beyond 100 % in vain."""
    step = nice_step(max(high - low, 0.01))
    low_step, high_step = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    rounded = max(high_step, low_step + 1) * step
    return ShareAxis(low_step * step, min(rounded, max(high, 1.0)), top, bottom)


def nice_step(extent: float) -> float:
    """1, 2 or 5 times a power of ten that cuts an extent into three to six parts."""
    power: float = 10.0 ** math.floor(math.log10(extent / 3))
    return max((f * power for f in (1, 2, 5) if f * power <= extent / 3 + 1e-12), default=power)
