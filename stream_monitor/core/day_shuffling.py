"""Days of a history in another order: what a day is like stays, a trend does not."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.tables import TableRows

_MICRO = 1_000_000


def shuffled_days(rows: TableRows, timezone: str, seed: int) -> TableRows:
    """The same events, with whole days of the time zone in a random order, each on its own weekday.

    An event keeps its time of the day, everything that it says, and how long its label took. Mondays change
    places with Mondays, so that the pattern of the week stays; days on which the clocks change stay where
    they are. What a season or a trend has made different between days is spread over the whole time.
    """
    events = rows.events
    if not events.n:
        return rows
    starts = _midnights(int(events.timestamp_us[0]), int(events.timestamp_us[-1]), timezone)
    day = np.searchsorted(starts, events.timestamp_us, side="right") - 1
    moved = events.timestamp_us + _offsets(starts, seed)[day]
    order = np.argsort(moved, kind="stable")
    label_time = rows.label_time_us + (moved - events.timestamp_us)
    known = np.asarray(rows.label.is_valid())
    return replace(
        rows,
        events=_reordered(events, moved, order),
        label=rows.label.take(pa.array(order)),
        label_time_us=np.where(known, label_time, rows.label_time_us)[order],
    )


def _midnights(first_us: int, last_us: int, timezone: str) -> NDArray[np.int64]:
    """The starts of all days from the first to the one after the last, in microseconds."""
    zone = ZoneInfo(timezone)
    day = datetime.fromtimestamp(first_us // _MICRO, UTC).astimezone(zone).date()
    found: list[int] = []
    while not found or found[-1] <= last_us:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        found.append(int(midnight.timestamp()) * _MICRO)
        day += timedelta(days=1)
    return np.array(found, np.int64)


def _offsets(starts: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """How far each day moves: days of one weekday and one length change places."""
    rng = np.random.default_rng(seed)
    lengths = np.diff(starts)
    kinds = np.stack([np.arange(len(lengths)) % 7, lengths], axis=1)
    target = np.arange(len(lengths))
    for kind in np.unique(kinds, axis=0):
        own = np.flatnonzero((kinds == kind).all(axis=1))
        target[own] = rng.permutation(own)
    return np.asarray(starts[target] - starts[:-1], np.int64)


def _reordered(
    events: InferenceColumns, timestamp_us: NDArray[np.int64], order: NDArray[np.int64]
) -> InferenceColumns:
    place = np.empty(events.n, np.int64)
    place[order] = np.arange(events.n)
    index = pa.array(order)
    changed: dict[str, Any] = {}
    for field in fields(events):
        value = getattr(events, field.name)
        if field.name in ("model", "coerced_feature", "unknown"):
            continue
        if field.name in ("sampled_row", "coerced_row"):
            changed[field.name] = place[value]
        elif isinstance(value, tuple):
            changed[field.name] = tuple(column.take(index) for column in value)
        elif isinstance(value, np.ndarray):
            changed[field.name] = value[..., order]
        else:
            changed[field.name] = value.take(index)
    unknown = None if events.unknown is None else events.unknown.moved(place)
    changed |= {"timestamp_us": timestamp_us[order], "unknown": unknown}
    return replace(events, **changed)
