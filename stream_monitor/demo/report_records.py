"""Result records as the report reads them: latest revisions, local times and figures in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# A result or event record as decoded from JSON, or a part of one.
Record = Mapping[str, Any]

ALL = "all"
SEVERITIES = ("warning", "critical")
PREFERRED_SIZE = "1d"
NOTHING = "–"
MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Span:
    """A window's half-open time, on its own clock."""

    start: datetime
    end: datetime

    @property
    def text(self) -> str:
        """The day, or the day and hours, in words."""
        day = day_in_words(self.start)
        if self.start.time() != MIDNIGHT or self.end.time() != MIDNIGHT:
            return f"{day}, {self.start:%H:%M}–{self.end:%H:%M}"
        last = self.end - timedelta(days=1)
        return day if last <= self.start else f"{day} – {day_in_words(last)}"


def day_in_words(day: datetime, *, with_year: bool = True) -> str:
    """The day as people write it, such as 8 Feb 2013."""
    return f"{day.day} {day:%b %Y}" if with_year else f"{day.day} {day:%b}"


def span_of(record: Record) -> Span:
    """The time of a record's window in the window's time zone (UTC unless stated)."""
    window = record["window"]
    zone = ZoneInfo(window.get("timezone") or "UTC")
    start, end = (datetime.fromisoformat(window[key]).astimezone(zone) for key in ("start", "end"))
    return Span(start, end)


def latest(records: Iterable[Record], kind: str) -> list[Record]:
    """The last revision of each record of a type, in the order of window starts."""
    newest: dict[tuple[str, ...], Record] = {}
    for record in records:
        if record.get("type") != kind:
            continue
        window = record["window"]
        of_window = (str(window.get("size")), window["start"], record.get("outcome", ""))
        of_model = (record["model"], str(record["version"]), str(record.get("profile_id")))
        key = (*of_model, record.get("segment", ALL), *of_window)
        if key not in newest or record.get("revision", 0) >= newest[key].get("revision", 0):
            newest[key] = record
    return sorted(newest.values(), key=lambda record: span_of(record).start)


def main_size(windows: Sequence[Record]) -> str | None:
    """The window size that the report draws: days, else the size with most windows."""
    sizes = Counter(str(record["window"].get("size")) for record in windows)
    if PREFERRED_SIZE in sizes:
        return PREFERRED_SIZE
    return max(sizes, key=lambda size: sizes[size], default=None)


def loudness(record: Record) -> int:
    """0 without a severity, 1 for a warning, 2 for critical."""
    severity = record.get("severity")
    return SEVERITIES.index(severity) + 1 if severity in SEVERITIES else 0


def deciding_aspect(feature: Record) -> Record | None:
    """The aspect that decided a feature's verdict; the loudest one where none is named."""
    aspects: Sequence[Record] = feature.get("aspects") or ()
    named = [a for a in aspects if a.get("aspect") == feature.get("deciding")]
    return named[0] if named else max(aspects, key=loudness, default=None)


def change_in_words(feature: Record) -> str:
    """What moved, from → to: a rate, or the share of the bin or category that moved most.

    An aspect may state both sides as `before` and `after`; otherwise a rate says where it is now.
    """
    aspect = deciding_aspect(feature)
    if aspect is None:
        return NOTHING
    name = str(aspect["aspect"]).replace("_", " ")
    if aspect.get("before") is not None and aspect.get("after") is not None:
        return f"{name} {percent(aspect['before'])} → {percent(aspect['after'])}"
    if aspect["aspect"] == "distribution":
        return _largest_bin_change(feature) or f"{name}, effect {aspect['effect']:.2f}"
    points = f"{100 * aspect['effect']:.1f} points"
    now = (feature.get("summary") or {}).get("missing_share")
    if aspect["aspect"] == "missing" and now is not None:
        return f"{name} {percent(now)}, moved {points}"
    return f"{name} moved {points}"


def _largest_bin_change(feature: Record) -> str | None:
    bins = feature.get("bins") or {}
    pairs = zip(
        bins.get("labels", ()), bins.get("reference", ()), bins.get("window", ()), strict=False
    )
    moved = max(pairs, key=lambda pair: abs(pair[2] - pair[1]), default=None)
    if moved is None:
        return None
    label, before, after = moved
    return f"{label}: {percent(before)} → {percent(after)}"


def percent(share: float | None) -> str:
    """A share in [0, 1] as text; a dash for None.

    >>> percent(0.0071), percent(0.51), percent(None)
    ('0.7 %', '51 %', '–')
    """
    if share is None:
        return NOTHING
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def number(value: float | None) -> str:
    """A figure to three significant digits, in groups of thousands; a dash for None.

    >>> number(336776), number(0.01234), number(None)
    ('336,776', '0.0123', '–')
    """
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
