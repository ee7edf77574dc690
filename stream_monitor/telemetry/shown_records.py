"""Which of the published records a page shows: one per place, and none of what has ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from stream_monitor.core.performance.rolling import MATURE
from stream_monitor.telemetry.snapshot import Record

_DAY_S: Final = 86_400
_KEPT_WINDOWS: Final = 3

Place = tuple[str, str, str, str]
"""Model, version, segment, window size."""


def place(record: Record) -> Place:
    """The labels of everything that a record shows."""
    window = str(record["window"]["size"])
    return str(record["model"]), str(record["version"]), str(record["segment"]), window


def span_s(record: Record) -> tuple[float, float]:
    """Start and end of the record's window in seconds."""
    window = record["window"]
    start, end = (datetime.fromisoformat(window[side]).timestamp() for side in ("start", "end"))
    return start, end


def shown_windows(records: Iterable[Record]) -> list[Record]:
    """The newest window of each place, in order of place.

    A version or segment whose newest window lies three windows, and at least a day, behind the model's
    newest window of that size has ended and is left out.
    """
    newest: dict[Place, Record] = {}
    ends: dict[tuple[str, str], float] = {}
    for record in records:
        if record["type"] == "window":
            where, end = place(record), span_s(record)[1]
            ends[where[0], where[3]] = max(end, ends.get((where[0], where[3]), end))
            if where not in newest or _recency(record) >= _recency(newest[where]):
                newest[where] = record
    return [
        record
        for where, record in sorted(newest.items())
        if not _has_ended(record, ends[where[0], where[3]])
    ]


def shown_performance(records: Iterable[Record], windows: Iterable[Record]) -> list[Record]:
    """Per place and outcome the newest mature performance, else the newest, where the window is shown."""
    places = {place(record) for record in windows}
    best: dict[tuple[Place, str], Record] = {}
    for record in records:
        if record["type"] == "performance" and place(record) in places:
            where = (place(record), str(record["outcome"]))
            if where not in best or _maturity(record) >= _maturity(best[where]):
                best[where] = record
    return [record for _, record in sorted(best.items(), key=lambda item: item[0])]


def _has_ended(record: Record, newest_end_s: float) -> bool:
    start, end = span_s(record)
    return newest_end_s - end >= max(_DAY_S, _KEPT_WINDOWS * (end - start))


def _recency(record: Record) -> tuple[float, int]:
    return span_s(record)[0], int(record["revision"])


def _maturity(record: Record) -> tuple[bool, tuple[float, int]]:
    return record["maturity"] >= MATURE, _recency(record)
