"""The source partitions that a profiler is assigned: how far each is read, and its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.records import TopicPartition
from stream_monitor.core.replaying import MICRO
from stream_monitor.core.retention import JoinRetention
from stream_monitor.core.source_notes import SourceNote, decode_note
from stream_monitor.core.watermarks import partition_watermark_us
from stream_monitor.core.wire import PartitionProgress
from stream_monitor.services.ports import Committed, Consumer
from stream_monitor.services.status import ServiceStatus

Offsets = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the next batch begins, and what the next owner of the partition must know."""

    position: int
    note: SourceNote

    def committed(self) -> Committed:
        """What a transaction commits of it."""
        return Committed(self.position, self.note.encode())


def source_of(committed: Committed) -> Source:
    """The source that a commit describes; without a note, the group begins at its offset."""
    note = decode_note(committed.note, committed.offset)
    return Source(committed.offset, note or SourceNote(committed.offset))


class Sources:
    """Positions and watermarks of the assigned partitions; `topic_ids` tells topics made anew apart."""

    def __init__(
        self, config: MonitorConfig, consumer: Consumer, retention: JoinRetention,
        status: ServiceStatus, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._settings = config.profiler
        self._is_live = config.time == "live"
        self._consumer = consumer
        self._retention = retention
        self._status = status
        self._clock = clock
        self.held: dict[TopicPartition, Source] = {}
        self._at_end_since_s: dict[TopicPartition, float] = {}
        self.topic_ids: Mapping[str, str] = {}
        self.broker_ms: int | None = None

    def __bool__(self) -> bool:
        return bool(self.held)

    def are_new(self, topic_ids: Mapping[str, str]) -> bool:
        """Whether a topic was made anew since it was last looked at, or is missing."""
        return topic_ids != self.topic_ids

    def assign(self, committed: Mapping[TopicPartition, Committed]) -> None:
        """Takes an assignment up, each partition at its committed offset."""
        self.held = {}
        for tp, at in committed.items():
            source = source_of(at)
            note = replace(source.note, topic_id=self.topic_ids.get(tp.topic, ""))
            self.held[tp] = replace(source, note=note)
        self._at_end_since_s.clear()
        self._status.lag_records.clear()
        self._status.watermark_us.clear()

    def after(
        self, read: Offsets, newest_us: Offsets, expired_us: Mapping[int, int]
    ) -> dict[TopicPartition, Source]:
        """The sources after a batch that read up to `read` and cleared the join of some partitions."""
        found = {}
        for tp, source in self.held.items():
            position = read.get(tp, source.position)
            note = source.note.advanced(position, newest_us.get(tp), self._retention.step_us)
            if tp.partition in expired_us:
                watermark_us = expired_us[tp.partition]
                note = note.expired(watermark_us, self._retention.kept_from_us(watermark_us))
            found[tp] = replace(source, position=position, note=note)
        return found

    def progress(
        self, after: Mapping[TopicPartition, Source], is_flushed: bool
    ) -> tuple[PartitionProgress, ...]:
        """What a batch's marker tells of every partition."""
        steps = []
        for tp, source in sorted(self.held.items()):
            watermark, is_idle = self._watermark_us(tp, after[tp].note.newest_us)
            lag = self._consumer.lag(tp)
            if lag is not None:
                self._status.lag_records[tp] = lag
            if watermark is not None:
                self._status.watermark_us[tp] = watermark
            steps.append(
                PartitionProgress(
                    tp.topic, self.topic_ids.get(tp.topic, ""), tp.partition, source.position,
                    after[tp].position, watermark, is_idle, is_flushed, lag or 0,
                )
            )  # fmt: skip
        return tuple(steps)

    def advance(self, after: Mapping[TopicPartition, Source]) -> None:
        """After a commit: the next batch begins behind this one."""
        self.held = dict(after)

    def note_ends(self, came: Offsets) -> None:
        """Since when each partition has been quiet: read to its end, and nothing came."""
        for tp in self.held:
            if self._consumer.lag(tp) != 0:
                self._at_end_since_s.pop(tp, None)
            elif tp in came or tp not in self._at_end_since_s:
                self._at_end_since_s[tp] = self._clock()

    def are_read(self) -> bool:
        """Whether every partition is read to its end; False without any."""
        return bool(self.held) and all(self._consumer.lag(tp) == 0 for tp in self.held)

    def to_expire_us(self) -> dict[int, int]:
        """Partition numbers whose join is due to be cleared, at the smaller of both topics' watermarks."""
        marks: dict[int, list[int | None]] = {}
        cleared: dict[int, int | None] = {}
        for tp, source in self.held.items():
            marks.setdefault(tp.partition, []).append(self._status.watermark_us.get(tp))
            cleared[tp.partition] = source.note.expired_us
        due = {}
        for partition, both in marks.items():
            known = [mark for mark in both if mark is not None]
            before = cleared[partition]
            if len(known) == len(both) and (
                before is None or min(known) - before >= self._retention.step_us
            ):
                due[partition] = min(known)
        return due

    def _watermark_us(self, tp: TopicPartition, newest_us: int | None) -> tuple[int | None, bool]:
        idle_us = self._idle_us(tp)
        out_of_order_us = self._settings.out_of_order * MICRO
        return partition_watermark_us(newest_us, idle_us, out_of_order_us), idle_us is not None

    def _idle_us(self, tp: TopicPartition) -> int | None:
        """Broker time, for a partition read to its end; None while it is not idle."""
        since_s = self._at_end_since_s.get(tp)
        if not self._is_live or since_s is None or self.broker_ms is None:
            return None
        if self._clock() - since_s < self._settings.idle_timeout:
            return None
        return self.broker_ms * 1_000
