"""The profiler: reads events and labels, and writes deltas and markers, one transaction per batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import structlog

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.hashing import partition_of
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import Records, TopicPartition, concatenate
from stream_monitor.core.wire import Marker, PartitionProgress, encode_delta, encode_marker
from stream_monitor.services.batch import MICRO, BatchProcessor, BatchResult
from stream_monitor.services.ports import (
    Consumer,
    Outgoing,
    PendingStore,
    Producer,
    ProducerFenced,
    Topics,
    TransactionAborted,
)
from stream_monitor.services.references import ReferenceReader
from stream_monitor.services.status import Condition, ServiceStatus, never
from stream_monitor.telemetry.snapshot import ProfilerSnapshot, Snapshot

log = structlog.get_logger()

_POLL_S = 0.2
_REFERENCES_EVERY_S = 2.0
_EXPIRE_EVERY_S = 30.0
_IDLE_MARGIN_US = 1_000_000


@dataclass
class _Source:
    """One assigned source partition: where the next batch begins, its time, and since when it is quiet."""

    position: int
    newest_us: int | None = None
    idle_us: int | None = None
    at_end_since_s: float | None = None


class Profiler:
    """One member of the profiler group. `step` does at most one batch; `run` steps until told to stop."""

    def __init__(
        self,
        config: MonitorConfig,
        models: Mapping[str, ModelSpec],
        consumer: Consumer,
        make_producer: Callable[[], Producer],
        topics: Topics,
        store: PendingStore,
        references: ReferenceReader,
        status: ServiceStatus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._consumer = consumer
        self._make_producer = make_producer
        self._producer = make_producer()
        self._topics = topics
        self._store = store
        self._references = references
        self._models = models
        self.status = status
        self._clock = clock
        self._batch = BatchProcessor(
            models, references.catalogue, store, config.profiler, config.topics.dead_letters
        )
        self._sources: dict[TopicPartition, _Source] = {}
        self._assigned: list[TopicPartition] = []
        self._opened: set[int] = set()
        self._to_restore = False
        self._until: dict[TopicPartition, int] = {}
        self._sequence = 0
        self._last_marker_s = -1e9
        self._last_references_s = -1e9
        self._last_expiry_s = clock()
        self._broker_ms: int | None = None
        self._source_topics = (config.topics.inference, config.topics.labels)

    def snapshot(self) -> Snapshot:
        """What /metrics shows."""
        return ProfilerSnapshot(self.status)

    def start(self) -> None:
        """Checks the topics, loads the references, fences older selves and joins the group."""
        names = self._config.topics
        wanted = [*self._source_topics, names.deltas, names.references, names.dead_letters]
        self._counts = self._topics.partition_counts(wanted)
        for topic in wanted:
            if topic not in self._counts:
                raise StreamMonitorError(
                    f"topic {topic} does not exist: create it, or run `stream-monitor topics create`"
                )
        inference, labels = (self._counts[topic] for topic in self._source_topics)
        if inference != labels:
            raise StreamMonitorError(
                f"{self._source_topics[0]} has {inference} partitions and {self._source_topics[1]} "
                f"{labels}: labels can only be joined when both have the same number"
            )
        self._ids = self._topics.topic_ids(self._source_topics)
        self._references.load()
        self._producer.init_transactions()
        self._consumer.subscribe(self._source_topics, self._on_assigned, self._on_revoked)

    def run(self, should_stop: Condition, should_drain: Condition = never) -> None:
        """Works until told to stop; told to drain, until everything is read, then it ends the stream."""
        self.start()
        log.info("profiler started", instance=self.status.instance, models=sorted(self._models))
        try:
            while not should_stop():
                self.step()
                if should_drain() and self._is_drained() and self._attempt([], flush=True):
                    break
        finally:
            self.close()

    def close(self) -> None:
        """Leaves the group; what was not committed is read again by whoever comes next."""
        self.status.is_ready = False
        self._consumer.close()
        self._producer.close()
        self._store.close(sorted(self._opened))
        counts = {".".join(name): n for name, n in sorted(self.status.counts.items()) if n}
        log.info("profiler stopped", instance=self.status.instance, counts=counts)

    def step(self) -> None:
        """One batch: read for the commit interval, then commit if there is something to say."""
        now = self._clock()
        self.status.last_step_s = time.time()
        if now - self._last_references_s >= _REFERENCES_EVERY_S:
            self._references.refresh()
            self._last_references_s = now
        batches = self._collect()
        if self._to_restore:
            # Records read beside a rebalance are read again from the restored position.
            self._restore()
            return
        batches = self._trim(batches)
        self._note_ends(batches)
        is_due = self._clock() - self._last_marker_s >= self._config.profiler.marker_interval
        if batches or (self._sources and is_due):
            self._attempt(batches)
        if self._clock() - self._last_expiry_s >= _EXPIRE_EVERY_S:
            self._expire()

    def _collect(self) -> list[Records]:
        """Polls until the commit interval has passed or the batch is full."""
        settings = self._config.profiler
        deadline = self._clock() + settings.commit_interval
        batches: list[Records] = []
        rows = size = 0
        while rows < settings.max_records and size < settings.max_bytes:
            left = deadline - self._clock()
            if left <= 0 or self._to_restore:
                break
            found = self._consumer.poll(settings.max_records - rows, min(_POLL_S, left))
            batches += found
            rows += sum(map(len, found))
            size += sum(records.size_bytes for records in found)
        return batches

    def _on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._assigned = list(partitions)
        self._to_restore = True

    def _on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        gone = set(partitions)
        self._assigned = [tp for tp in self._assigned if tp not in gone]
        self._to_restore = True

    def _restore(self) -> None:
        """Brings every assigned partition's store to the committed offsets, and positions there."""
        self._to_restore = False
        self._sources = {}
        self._until = {}
        for table in (self.status.lag_records, self.status.watermark_us):
            table.clear()
        mine = {tp.partition for tp in self._assigned}
        self._store.close(sorted(self._opened - mine))
        self._opened = mine
        if not self._assigned:
            self.status.is_ready = True
            return
        self._store.rollback()
        committed = self._consumer.committed(self._assigned)
        beginning = self._consumer.beginning(self._assigned)
        for partition in sorted(mine):
            own = [tp for tp in self._assigned if tp.partition == partition]
            stored = self._store.open(partition, self._identity())
            if any(stored.get(tp.topic, -1) > committed[tp] for tp in own):
                self._store.reset(partition)
                stored = self._store.open(partition, self._identity())
            for tp in own:
                start = max(stored.get(tp.topic, beginning[tp]), beginning[tp])
                self._consumer.seek(tp, min(start, committed[tp]))
                self._sources[tp] = _Source(committed[tp])
                if start < committed[tp]:
                    self._until[tp] = committed[tp]
            for tp in own:
                if tp not in self._until and any(other in self._until for other in own):
                    self._consumer.pause([tp])
        self.status.is_ready = not self._until
        log.info(
            "partitions assigned",
            partitions=[f"{tp.topic}/{tp.partition}" for tp in self._assigned],
            replaying=len(self._until),
        )

    def _identity(self) -> str:
        return "|".join(f"{topic}:{self._ids.get(topic, '')}" for topic in self._source_topics)

    def _trim(self, batches: list[Records]) -> list[Records]:
        """Cuts replays off at the committed offset, and goes live where both topics have reached it."""
        if not self._until:
            return batches
        kept = []
        for records in batches:
            keep = np.ones(len(records), np.bool_)
            for tp, offset in self._until.items():
                if tp.topic == records.topic:
                    beyond = (records.partition == tp.partition) & (records.offset >= offset)
                    keep &= ~beyond
            part = records if keep.all() else records.take(np.flatnonzero(keep))
            if len(part):
                kept.append(part)
        self._replay(kept)
        replaying = {tp.partition for tp in self._until}
        for tp, offset in list(self._until.items()):
            seen = any(
                bool(((r.partition == tp.partition) & (r.offset >= offset - 1)).any())
                for r in batches
                if r.topic == tp.topic
            )
            if seen or self._consumer.lag(tp) == 0:
                del self._until[tp]
                self._consumer.seek(tp, offset)
                self._consumer.pause([tp])
        self.status.is_ready = not self._until
        for partition in replaying - {tp.partition for tp in self._until}:
            self._consumer.resume([tp for tp in self._sources if tp.partition == partition])
        live = []
        for records in kept:
            rows = np.flatnonzero(~np.isin(records.partition, list(replaying)))
            if len(rows):
                live.append(records.take(rows))
        return live

    def _replay(self, batches: list[Records]) -> None:
        """Restores the join from records that were counted before."""
        replaying = {tp.partition for tp in self._until}
        picked = []
        for records in batches:
            rows = np.flatnonzero(np.isin(records.partition, list(replaying)))
            if len(rows):
                picked.append(records.take(rows))
        if picked:
            inference, labels = (concatenate(topic, picked) for topic in self._source_topics)
            result = self._batch.process(
                inference, labels, self._counts[self._source_topics[0]], replaying
            )
            self._store.commit(_next_offsets([inference, labels]))
            self.status.counts.update(result.counts)

    def _attempt(self, batches: list[Records], flush: bool = False) -> bool:
        """Commits a batch; False when the transaction was lost: then the batch is read again."""
        try:
            try:
                self._commit(batches, flush)
                return True
            except TransactionAborted as error:
                log.info("transaction aborted, reading the batch again", reason=str(error))
                self._producer.abort()
        except ProducerFenced as error:
            log.warning("producer lost, making a new one", reason=str(error))
            self._producer.close()
            self._producer = self._make_producer()
            self._producer.init_transactions()
            self._sequence = 0
        self._rewind()
        return False

    def _rewind(self) -> None:
        self._store.rollback()
        self._to_restore = True
        self.status.counts["aborts",] += 1
        if self._assigned:
            self._restore()

    def _commit(self, batches: list[Records], flush: bool = False) -> None:
        """One transaction: deltas, a marker in every deltas partition, dead letters, offsets."""
        began = self._clock()
        inference, labels = (concatenate(topic, batches) for topic in self._source_topics)
        result = self._batch.process(inference, labels, self._counts[self._source_topics[0]], ())
        offsets = _next_offsets([inference, labels])
        progress = self._progress(offsets, result, flush)
        self._sequence += 1
        self._producer.begin()
        self._produce(result, progress)
        self._producer.send_offsets(
            {tp: offsets.get(tp, source.position) for tp, source in self._sources.items()},
            self._consumer,
        )
        self._broker_ms = self._producer.commit() or self._broker_ms
        self._store.commit(offsets)
        for tp, offset in offsets.items():
            self._sources[tp].position = offset
        for tp, newest in result.newest_us.items():
            self._sources[tp].newest_us = max(newest, self._sources[tp].newest_us or 0)
        self.status.counts.update(result.counts)
        self.status.pending_predictions = self._store.pending()
        self.status.committed(self._clock() - began, time.time())
        self._last_marker_s = self._clock()

    def _produce(self, result: BatchResult, progress: tuple[PartitionProgress, ...]) -> None:
        topic = self._config.topics.deltas
        count = self._counts[topic]
        epoch = self._producer.epoch
        written = dict.fromkeys(range(count), 0)
        for delta in result.deltas:
            partition = deltas_partition(delta.key.model, count)
            key = delta.key.model.encode()
            for value in encode_delta(delta, epoch, self._sequence):
                self._producer.produce(Outgoing(topic, key, value, partition))
                written[partition] += 1
        for letter in result.letters:
            self._producer.produce(letter)
        partitions = tuple((name, self._counts[name]) for name in self._source_topics)
        for partition, deltas in written.items():
            marker = Marker(
                self.status.instance, epoch, self._sequence, progress, partitions, deltas
            )
            self._producer.produce(Outgoing(topic, None, encode_marker(marker), partition))

    def _progress(
        self, offsets: Mapping[TopicPartition, int], result: BatchResult, flush: bool
    ) -> tuple[PartitionProgress, ...]:
        lateness_us = self._config.profiler.out_of_order * MICRO
        steps = []
        for tp, source in sorted(self._sources.items()):
            known = [t for t in (source.newest_us, result.newest_us.get(tp)) if t is not None]
            watermark = max(known) - lateness_us if known else None
            idle_us = self._idle_us(source)
            if idle_us is not None:
                watermark = idle_us if watermark is None else max(watermark, idle_us)
            lag = self._consumer.lag(tp) or 0
            self.status.lag_records[tp] = lag
            if watermark is not None:
                self.status.watermark_us[tp] = watermark
            steps.append(
                PartitionProgress(
                    tp.topic, self._ids.get(tp.topic, ""), tp.partition, source.position,
                    offsets.get(tp, source.position), watermark, idle_us is not None, flush, lag,
                )
            )  # fmt: skip
        return tuple(steps)

    def _idle_us(self, source: _Source) -> int | None:
        """The watermark that broker time gives a partition read to its end; None while it is not idle."""
        settings = self._config.profiler
        if self._config.time == "history" or source.at_end_since_s is None:
            return None
        is_idle = self._clock() - source.at_end_since_s >= settings.idle_timeout
        if not is_idle or self._broker_ms is None:
            return None
        return self._broker_ms * 1_000 - settings.out_of_order * MICRO - _IDLE_MARGIN_US

    def _note_ends(self, batches: Sequence[Records]) -> None:
        """Since when each partition has been quiet: read to its end, and nothing came."""
        came = _next_offsets(batches)
        for tp, source in self._sources.items():
            if self._consumer.lag(tp) != 0:
                source.at_end_since_s = None
            elif tp in came or source.at_end_since_s is None:
                source.at_end_since_s = self._clock()

    def _is_drained(self) -> bool:
        return (
            bool(self._sources)
            and not self._until
            and all(self._consumer.lag(tp) == 0 for tp in self._sources)
        )

    def _expire(self) -> None:
        """Forgets predictions that no label within its horizon can reach any more."""
        self._last_expiry_s = self._clock()
        longest = max(
            (o.horizon_s for spec in self._models.values() for o in spec.outcomes), default=3_600
        )
        for partition in sorted({tp.partition for tp in self._sources}):
            marks = [
                self.status.watermark_us.get(tp)
                for tp in self._sources
                if tp.partition == partition
            ]
            known = [mark for mark in marks if mark is not None]
            if len(known) == len(marks) and known:
                lost = self._store.expire(partition, min(known) - 2 * longest * MICRO)
                self.status.counts["labels", "no_prediction"] += len(lost)


def deltas_partition(model: str, partitions: int) -> int:
    """The deltas partition of a model: all of a model's deltas meet in one detector."""
    return int(partition_of(pa.array([model]), partitions)[0])


def _next_offsets(batches: Sequence[Records]) -> dict[TopicPartition, int]:
    offsets: dict[TopicPartition, int] = {}
    for records in batches:
        for partition in np.unique(records.partition).tolist():
            last = int(records.offset[records.partition == partition].max())
            offsets[TopicPartition(records.topic, partition)] = last + 1
    return offsets
