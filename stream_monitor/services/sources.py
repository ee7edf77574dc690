"""The source partitions that a profiler is assigned: how far each is read, and its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.records import TopicPartition
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.wire import PartitionProgress
from stream_monitor.services.ports import Consumer
from stream_monitor.services.status import ServiceStatus

_IDLE_MARGIN_US = 1_000_000
Offsets = Mapping[TopicPartition, int]


@dataclass
class _Source:
    """Where the next batch begins, the newest event time, and since when the partition is quiet."""

    position: int
    newest_us: int | None = None
    at_end_since_s: float | None = None


class Sources:
    """Positions and watermarks of the assigned partitions; `topic_ids` tells topics made anew apart."""

    def __init__(
        self, config: MonitorConfig, consumer: Consumer, topic_ids: Mapping[str, str],
        status: ServiceStatus, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._settings = config.profiler
        self._is_live = config.time == "live"
        self._consumer = consumer
        self._topic_ids = topic_ids
        self._status = status
        self._clock = clock
        self._held: dict[TopicPartition, _Source] = {}
        self.broker_ms: int | None = None

    def __bool__(self) -> bool:
        return bool(self._held)

    def assign(self, committed: Offsets) -> None:
        """Takes an assignment up, each partition at its committed offset."""
        self._held = {tp: _Source(offset) for tp, offset in committed.items()}
        self._status.lag_records.clear()
        self._status.watermark_us.clear()

    def next_offsets(self, read: Offsets) -> dict[TopicPartition, int]:
        """What to commit after a batch that read up to `read`."""
        return {tp: read.get(tp, source.position) for tp, source in self._held.items()}

    def progress(
        self, read: Offsets, newest_us: Offsets, is_flushed: bool
    ) -> tuple[PartitionProgress, ...]:
        """What a batch's marker tells of every partition."""
        steps = []
        for tp, source in sorted(self._held.items()):
            watermark, is_idle = self._watermark_us(source, newest_us.get(tp))
            lag = self._consumer.lag(tp)
            if lag is not None:
                self._status.lag_records[tp] = lag
            if watermark is not None:
                self._status.watermark_us[tp] = watermark
            steps.append(
                PartitionProgress(
                    tp.topic, self._topic_ids.get(tp.topic, ""), tp.partition, source.position,
                    read.get(tp, source.position), watermark, is_idle, is_flushed, lag or 0,
                )
            )  # fmt: skip
        return tuple(steps)

    def advance(self, read: Offsets, newest_us: Offsets) -> None:
        """After a commit: the next batch begins behind this one."""
        for tp, offset in read.items():
            self._held[tp].position = offset
        for tp, newest in newest_us.items():
            self._held[tp].newest_us = max(newest, self._held[tp].newest_us or 0)

    def note_ends(self, came: Offsets) -> None:
        """Since when each partition has been quiet: read to its end, and nothing came."""
        for tp, source in self._held.items():
            if self._consumer.lag(tp) != 0:
                source.at_end_since_s = None
            elif tp in came or source.at_end_since_s is None:
                source.at_end_since_s = self._clock()

    def are_read(self) -> bool:
        """Whether every partition is read to its end; False without any."""
        return bool(self._held) and all(self._consumer.lag(tp) == 0 for tp in self._held)

    def lowest_watermarks_us(self) -> dict[int, int]:
        """The smaller watermark of both topics per partition number, where both are known."""
        marks: dict[int, list[int | None]] = {}
        for tp in self._held:
            marks.setdefault(tp.partition, []).append(self._status.watermark_us.get(tp))
        known = {p: [m for m in both if m is not None] for p, both in marks.items()}
        return {p: min(found) for p, found in known.items() if len(found) == len(marks[p])}

    def _watermark_us(self, source: _Source, newest_us: int | None) -> tuple[int | None, bool]:
        known = [t for t in (source.newest_us, newest_us) if t is not None]
        idle_us = self._idle_us(source)
        marks = [max(known) - self._settings.out_of_order * MICRO] if known else []
        marks += [idle_us] if idle_us is not None else []
        return max(marks, default=None), idle_us is not None

    def _idle_us(self, source: _Source) -> int | None:
        """The watermark that broker time gives a partition read to its end; None while it is not idle."""
        if not self._is_live or source.at_end_since_s is None or self.broker_ms is None:
            return None
        if self._clock() - source.at_end_since_s < self._settings.idle_timeout:
            return None
        return self.broker_ms * 1_000 - self._settings.out_of_order * MICRO - _IDLE_MARGIN_US
