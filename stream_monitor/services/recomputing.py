"""Every window counted again from the source topics, in one process, up to what the profilers committed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.counter import Delta
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.records import Records, TopicPartition, concatenate, next_offsets
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.results import WindowKey
from stream_monitor.services.batch import BatchProcessor, BatchResult
from stream_monitor.services.history import Progress
from stream_monitor.services.operator_ports import Connections, Extent, RangeReader
from stream_monitor.services.ports import PendingStore

_FIRST = 100
"""Offsets at the beginning of a partition that tell how old the lost ones before it can be."""

Windows = dict[tuple[str, WindowKey], Profile]
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """Which windows are counted: those that touch [since_s, until_s) of one model, or of all (None)."""

    model: str | None = None
    since_s: float = -math.inf
    until_s: float = math.inf

    def takes(self, model: str, start_s: int, end_s: int) -> bool:
        """Whether a window belongs to it."""
        is_within = end_s > self.since_s and start_s < self.until_s
        return is_within and self.model in (None, model)


@dataclass
class Recomputed:
    """The sums. Where a topic has lost its oldest records, windows that start before `events_from_s` or
    `labels_from_s` cannot be counted whole. `labels_until_s` is how far labels have come in all
    partitions, −∞ if one has none.
    """

    windows: Windows = field(default_factory=dict)
    ends: dict[tuple[str, WindowKey], int] = field(default_factory=dict)
    events_from_s: float = -math.inf
    labels_from_s: float = -math.inf
    labels_until_s: float = -math.inf


class Recomputation:
    """One pass over the source topics, batch by batch, with a pending store in a temporary folder."""

    def __init__(
        self, connections: Connections, monitor: MonitorConfig, models: Mapping[str, ModelSpec],
        catalogue: ReferenceCatalogue, span: Span,
    ) -> None:  # fmt: skip
        self._connections = connections
        self._monitor = monitor
        self._models = models
        self._catalogue = catalogue
        self._span = span
        self._topics = (monitor.topics.inference, monitor.topics.labels)
        self._found = Recomputed()
        self._newest_us: dict[TopicPartition, int] = {}

    def run(
        self, committed: Mapping[TopicPartition, int], extents: Mapping[TopicPartition, Extent],
        progress: Progress | None = None,
    ) -> Recomputed:  # fmt: skip
        """Counts every record before the committed offsets; raises StreamMonitorError."""
        ranges = {at: (extents[at].beginning, end) for at, end in committed.items()}
        cut = {at: run for at, run in ranges.items() if run[0] > 0}
        first = {at: (start, min(end, start + _FIRST)) for at, (start, end) in cut.items()}
        rest = ranges | {at: (first[at][1], end) for at, (_, end) in cut.items()}
        partitions = sum(at.topic == self._topics[0] for at in extents)
        reader = self._connections.ranges()
        try:
            with TemporaryDirectory(prefix="stream-monitor-verify-") as folder:
                store = self._connections.temporary_store(Path(folder))
                for partition in range(partitions):
                    store.open(partition, "verify")
                count = _Counting(self._monitor, self._models, self._catalogue, store, partitions)
                self._read(reader, first, count, None)
                self._note_losses(list(cut))
                self._read(reader, rest, count, progress)
                store.close(range(partitions))
        finally:
            reader.close()
        labels = [at for at in extents if at.topic == self._topics[1]]
        self._found.labels_until_s = min(
            (self._newest_us.get(at, -math.inf) / MICRO for at in labels), default=-math.inf
        )
        return self._found

    def _read(
        self, reader: RangeReader, ranges: Mapping[TopicPartition, Range], count: _Counting,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        positions = {at: start for at, (start, _) in ranges.items()}
        total = sum(end - start for start, end in ranges.values())
        for fetched in reader.read(ranges):
            result = count.batch(fetched.records)
            for at, newest_us in result.newest_us.items():
                self._newest_us[at] = max(newest_us, self._newest_us.get(at, newest_us))
            for delta in result.deltas:
                self._add(delta)
            positions |= next_offsets([fetched.records])
            if progress is not None:
                progress(sum(positions[at] - start for at, (start, _) in ranges.items()), total)

    def _add(self, delta: Delta) -> None:
        key = delta.key
        for size in self._models[key.model].windows:
            window = size.window_at(key.pane_s)
            if self._span.takes(key.model, window.start_s, window.end_s):
                where = WindowKey(
                    key.version, key.segment, size.name, window.start_s, key.profile_id
                )
                held = self._found.windows.get((key.model, where))
                self._found.windows[key.model, where] = (
                    held.merge(delta.profile) if held is not None else delta.profile
                )
                self._found.ends[key.model, where] = window.end_s

    def _note_losses(self, cut: list[TopicPartition]) -> None:
        """Lost records are no newer than the first ones left, but for what may be out of order."""
        for at in cut:
            newest_s = self._newest_us.get(at, math.inf) / MICRO
            from_s = newest_s + self._monitor.profiler.out_of_order
            if at.topic == self._topics[0]:
                self._found.events_from_s = max(self._found.events_from_s, from_s)
            else:
                self._found.labels_from_s = max(self._found.labels_from_s, from_s)


class _Counting:
    """The profiler's own batches over a store that starts empty."""

    def __init__(
        self, monitor: MonitorConfig, models: Mapping[str, ModelSpec],
        catalogue: ReferenceCatalogue, store: PendingStore, partitions: int,
    ) -> None:  # fmt: skip
        topics = monitor.topics
        self._topics = (topics.inference, topics.labels)
        self._partitions = partitions
        self._store = store
        self._processor = BatchProcessor(
            models, catalogue, store, monitor.profiler, topics.dead_letters
        )

    def batch(self, records: Records) -> BatchResult:
        """What one batch adds; its rows go to the store."""
        inference, labels = (concatenate(topic, [records]) for topic in self._topics)
        result = self._processor.process(inference, labels, self._partitions, ())
        self._store.commit(next_offsets([records]))
        return result


def committed_offsets(
    connections: Connections, monitor: MonitorConfig
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, Extent]]:
    """The profiler group's offsets, and what the source topics hold; raises StreamMonitorError."""
    administration = connections.administration()
    topics = (monitor.topics.inference, monitor.topics.labels)
    group = monitor.group("profiler")
    extents = administration.extents(topics)
    held = administration.committed(group, list(extents))
    committed = {at: to.offset for at, to in held.items()}
    if not committed:
        raise StreamMonitorError(
            f"group {group} has committed nothing of {topics[0]} and {topics[1]}: there is nothing "
            "to verify before a profiler has run"
        )
    return committed, extents
