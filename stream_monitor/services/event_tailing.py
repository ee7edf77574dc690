"""The topic of drift events as its readers see it: what was published before, and what comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

import orjson

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import Severity
from stream_monitor.core.published import EVENT_TYPES
from stream_monitor.core.records import Records
from stream_monitor.core.windows import parse_duration
from stream_monitor.services.history import parse_time
from stream_monitor.services.operator_ports import Connections

_WAIT_S = 0.5
_Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """One event: its record time, its JSON as published, and the same as a value."""

    time_ms: int
    data: bytes
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; None, and no statuses, take all. `severity` is the least that is taken.

    What is asked for must be there: an event of no segment is none of segment `all`.
    """

    model: str | None = None
    feature: str | None = None
    segment: str | None = None
    severity: Severity | None = None
    statuses: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        unknown = sorted(self.statuses - EVENT_TYPES.keys())
        if unknown:
            raise InvalidSpecification(f"{unknown[0]!r} is no status: use {', '.join(EVENT_TYPES)}")

    def takes(self, event: Mapping[str, Any]) -> bool:
        """Whether an event is asked for."""
        return (
            self.model in (None, event.get("model"))
            and self.feature in (None, event.get("feature"))
            and self.segment in (None, event.get("segment"))
            and (not self.statuses or event["status"] in self.statuses)
            and (self.severity is None or event.get("severity") in _from(self.severity))
        )


class EventTail:
    """The events of a topic that a filter takes: `before` has those up to now, `coming` all others."""

    def __init__(self, connections: Connections, topic: str, wanted: EventFilter) -> None:
        self._connections = connections
        self._topic = topic
        self._wanted = wanted
        self._extents = connections.administration().extents([topic])

    def before(self, since_ms: int = 0, last: int | None = None) -> list[PublishedEvent]:
        """Events published since a time, in the order of time; the `last` ones if that is given."""
        earlier = self._earlier(since_ms)
        found = earlier if last is None else nlargest(last, earlier, key=_place)
        return [event for _, event in sorted(found, key=_place)]

    def _earlier(self, since_ms: int) -> Iterator[tuple[_Place, PublishedEvent]]:
        reader = self._connections.ranges()
        ranges = {at: (e.beginning, e.stable_end) for at, e in self._extents.items()}
        try:
            for fetched in reader.read(ranges):
                yield from (e for e in self._events(fetched.records) if _place(e)[0] >= since_ms)
        finally:
            reader.close()

    def coming(self) -> Iterator[list[PublishedEvent]]:
        """What has come since the tail was made, and what comes, without end; at times nothing."""
        start = {at: extent.stable_end for at, extent in self._extents.items()}
        follower = self._connections.reader().follow(self._topic, start)
        try:
            while True:
                batches = follower.poll(_WAIT_S)
                yield [event for records in batches for _, event in self._events(records)]
        finally:
            follower.close()

    def _events(self, records: Records) -> Iterator[tuple[_Place, PublishedEvent]]:
        """The events that are asked for, each with its place in the order of time."""
        places = zip(
            records.timestamp_ms.tolist(), records.partition.tolist(), records.offset.tolist(),
            strict=True,
        )  # fmt: skip
        for place, data in zip(places, records.value, strict=True):
            body = _body(data)
            if data is not None and body is not None and self._wanted.takes(body):
                yield place, PublishedEvent(place[0], data, body)


def instant_ms(text: str, now_s: float) -> int:
    """Milliseconds of a time (a date in UTC, or RFC 3339), or of a duration such as 2h before now."""
    with suppress(InvalidSpecification):
        return int((now_s - parse_duration(text)) * 1_000)
    with suppress(InvalidSpecification):
        return parse_time(text, "UTC") // 1_000
    raise InvalidSpecification(f"{text!r} is neither a duration nor a time: write 2h or 2013-02-05")


def _place(entry: tuple[_Place, PublishedEvent]) -> _Place:
    return entry[0]


def _from(least: Severity) -> list[str]:
    louder = list(Severity)
    return [severity.value for severity in louder[louder.index(least) :]]


def _body(data: bytes | None) -> dict[str, Any] | None:
    """The event; None for a record that is not one of ours."""
    try:
        body = orjson.loads(data or b"")
    except orjson.JSONDecodeError:
        return None
    is_event = isinstance(body, dict) and body.get("status") in EVENT_TYPES
    return body if is_event else None
