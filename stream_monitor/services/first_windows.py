"""Waiting until the inference topic holds a model's first windows whole, and where they lie in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from stream_monitor.config.loading import Installation
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError
from stream_monitor.core.first_windows import WindowSurvey
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.published import rfc3339
from stream_monitor.core.records import Records, TopicPartition, next_offsets
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.windows import Window, WindowSize, format_duration
from stream_monitor.services.operator_ports import Connections, Extent, RangeReader
from stream_monitor.services.topic_history import inference_decoder, time_bound

Extents = Mapping[TopicPartition, Extent]
_FOREVER: Final = -1


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of the wanted windows are whole, and when the last is due, in seconds (None: unknown)."""

    complete: int
    wanted: int
    size: str
    due_s: int | None

    def __str__(self) -> str:
        due = "" if self.due_s is None else f", the rest is due at about {rfc3339(self.due_s)}"
        return f"{self.complete} of {self.wanted} windows of {self.size} are whole{due}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The first `windows` of a size (None: the largest) from `since` on (None: from the first event)."""

    windows: int
    size: str | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The time of the windows, the events in them, and the offsets that hold them."""

    period: Window
    rows: int
    ranges: Mapping[TopicPartition, tuple[int, int]]


def first_windows(
    installation: Installation, model: str, wanted: Wanted, connections: Connections,
    wait: Callable[[Standing], None] | None, clock: Callable[[], float],
) -> Found:  # fmt: skip
    """Reads the topic until the windows are whole; `wait` is called where they are not, and it reads on.

    `clock` gives seconds since the epoch. Raises StreamMonitorError where they are not there without
    `wait`, or with it where the topic does not keep them for so long.
    """
    topic = installation.monitor.topics.inference
    administration = connections.administration()
    extents = administration.extents([topic])
    reading = _Reading(installation, model, wanted, extents, clock)
    if wait is not None:
        kept_ms = int(administration.configs(topic).get("retention.ms", _FOREVER))
        reading.check_retention(topic, kept_ms)
    reader = connections.ranges()
    try:
        while (found := reading.read(reader, extents)) is None:
            standing = reading.standing(extents)
            if wait is None:
                raise StreamMonitorError(
                    f"model {model}: {standing}; wait for it with --wait, or ask for fewer --windows"
                )
            wait(standing)
            extents = administration.extents([topic])
    finally:
        reader.close()
    return found


class _Reading:
    """How far the topic is read, and what it holds so far."""

    def __init__(
        self, installation: Installation, model: str, wanted: Wanted, extents: Extents,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        specs = installation.specifications()
        settings = installation.monitor.profiler
        self._spec = specs[model]
        self._wanted = wanted
        self._size = _size(self._spec, wanted.size)
        self._decoder = inference_decoder(installation, specs)
        self._idle_s = settings.idle_timeout if installation.monitor.time == "live" else None
        self._clock = clock
        self._start = {at: extent.beginning for at, extent in extents.items()}
        self._position = dict(self._start)
        self._newest_ms: dict[TopicPartition, int] = {}
        self._survey = WindowSurvey(
            self._spec, self._size, settings.out_of_order * MICRO,
            time_bound(wanted.since, self._spec),
            {at.partition for at, offset in self._start.items() if offset > 0},
        )  # fmt: skip

    def check_retention(self, topic: str, kept_ms: int) -> None:
        """Raises StreamMonitorError where the first window is deleted before the last one is whole."""
        needed_s = (self._wanted.windows + 1) * self._size.longest_s
        if _FOREVER < kept_ms < needed_s * 1_000:
            raise StreamMonitorError(
                f"topic {topic} keeps {format_duration(kept_ms // 1_000)} (retention.ms={kept_ms}), too "
                f"little for {self._wanted.windows} windows of {self._size.name}: set it to at least "
                f"{format_duration(needed_s)}, or ask for fewer or smaller windows"
            )

    def read(self, reader: RangeReader, extents: Extents) -> Found | None:
        """Reads on, at most to the stable ends; returns the windows as soon as they are whole."""
        ends = {at: extent.stable_end for at, extent in extents.items()}
        for fetched in reader.read({at: (self._position.get(at, 0), ends[at]) for at in ends}):
            self._add(fetched.records)
            found = self._found(extents)
            if found is not None:
                return found
        self._position |= {at: max(end, self._position.get(at, 0)) for at, end in ends.items()}
        return self._found(extents)

    def standing(self, extents: Extents) -> Standing:
        """How far it has come."""
        complete = self._complete(extents)
        due_s = self._survey.due_s(complete, self._wanted.windows)
        return Standing(len(complete), self._wanted.windows, self._size.name, due_s)

    def _add(self, records: Records) -> None:
        for partition in np.unique(records.partition).tolist():
            at = TopicPartition(records.topic, partition)
            newest = int(records.timestamp_ms[records.partition == partition].max())
            self._newest_ms[at] = max(newest, self._newest_ms.get(at, 0))
        self._survey.add(records, self._decoder.decode(records).columns)
        self._position |= next_offsets([records])

    def _found(self, extents: Extents) -> Found | None:
        complete = self._complete(extents)[: self._wanted.windows]
        if len(complete) < self._wanted.windows:
            return None
        period = Window(complete[0].start_s, complete[-1].end_s)
        ranges = {at: (self._start.get(at, 0), end) for at, end in self._position.items()}
        return Found(period, self._survey.rows(period), ranges)

    def _complete(self, extents: Extents) -> list[Window]:
        now_ms = int(self._clock() * 1_000)
        idle = {
            at.partition: now_ms * 1_000
            for at, extent in extents.items()
            if self._position.get(at, 0) >= extent.stable_end == extent.end
            and self._is_quiet(at, now_ms)
        }
        return self._survey.complete(len(extents), idle)

    def _is_quiet(self, at: TopicPartition, now_ms: int) -> bool:
        """Whether the newest record that was read is old enough for an idle partition."""
        if self._idle_s is None:
            return False
        return now_ms - self._newest_ms.get(at, 0) >= self._idle_s * 1_000


def _size(spec: ModelSpec, name: str | None) -> WindowSize:
    if name is None:
        return max(spec.windows, key=lambda size: size.size_s)
    found = next((size for size in spec.windows if size.name == name), None)
    if found is None:
        known = ", ".join(size.name for size in spec.windows)
        raise InvalidSpecification(f"model {spec.name} has no windows of {name}, but of {known}")
    return found
