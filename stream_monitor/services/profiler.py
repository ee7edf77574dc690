"""The profiler: reads events and labels, and writes deltas and markers, one transaction per batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import Records, concatenate, next_offsets
from stream_monitor.core.retention import JoinRetention
from stream_monitor.core.warming import warm_up
from stream_monitor.core.wire import Marker, PartitionProgress, encode_delta, encode_marker
from stream_monitor.services import topics as asking
from stream_monitor.services.batch import BatchProcessor, BatchResult
from stream_monitor.services.expiry import Expiry
from stream_monitor.services.guarded import GuardedBatches, ProcessingFailed
from stream_monitor.services.member import Member
from stream_monitor.services.pending_log import LoggedStore, PendingLog, is_written
from stream_monitor.services.ports import (
    Consumer,
    OffsetsLost,
    Outgoing,
    PendingStore,
    Producer,
    Topics,
    TransactionAborted,
)
from stream_monitor.services.recovery import Recovery
from stream_monitor.services.references import ReferenceReader
from stream_monitor.services.sources import Sources
from stream_monitor.services.status import ServiceStatus
from stream_monitor.telemetry.snapshot import ProfilerSnapshot, Snapshot

log = structlog.get_logger()

_POLL_S = 0.2
_POLL_RECORDS = 10_000
"""Of one poll, so that a batch ends soon after it has reached its size in bytes."""


class Profiler(Member):
    """One member of the profiler group."""

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
        super().__init__(config, models, consumer, make_producer, topics, references, status, clock)
        self._store = LoggedStore(store)
        names, self._retention = config.topics, JoinRetention(models)
        self._source_topics = (names.inference, names.labels)
        processor = BatchProcessor(
            models, references.catalogue, self._store, config.profiler, names.dead_letters
        )
        self._batches = GuardedBatches(processor, self._store)
        self._expiry = Expiry(
            self._store, self._retention, names.labels, names.dead_letters,
            config.profiler.dead_letter_payload,
        )  # fmt: skip
        self._sources = Sources(config, consumer, self._retention, status, clock)
        self._log = PendingLog(self._store, references.reader, names.pending, processor.horizons_us)
        self._recovery = Recovery(
            consumer, self._store, self._replay, self._expiry.expire, self._log.fill
        )
        self._sequence = 0
        self._last_marker_s = -1e9

    def snapshot(self) -> Snapshot:
        """What /metrics shows."""
        return ProfilerSnapshot(self.status)

    def start(self) -> None:
        """As Member.start."""
        warm_up()
        asking.required_partitions(self._topics, self._source_topics)
        self._store.is_logged = is_written(self._config, self._topics, self._retention)
        self._look_at_topics()
        self._join(self._source_topics)

    def close(self) -> None:
        """As Member.close."""
        super().close()
        self._recovery.close()

    def _work(self) -> None:
        try:
            batches = self._collect()
        except OffsetsLost:
            if not self._sources.are_new(self._topics.topic_ids(self._source_topics)):
                raise
            self._to_restore = True
        if self._to_restore:
            # Records read beside a rebalance are read again from the restored position.
            if self._assigned:
                self._look_at_topics()
            self._restore()
            return
        try:
            batches = self._recovery.live(batches)
        except ProcessingFailed as error:
            self._read_again(error)
            return
        self.status.is_restored = self._recovery.is_done
        self._sources.note_ends(next_offsets(batches))
        is_due = self._clock() - self._last_marker_s >= self._config.profiler.marker_interval
        if batches or (self._sources and is_due):
            self._attempt(batches)

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
            most = min(settings.max_records - rows, _POLL_RECORDS)
            found = self._consumer.poll(most, min(_POLL_S, left))
            batches += found
            rows += sum(map(len, found))
            size += sum(records.size_bytes for records in found)
        return batches

    def _look_at_topics(self) -> None:
        """Partition counts and ids; raises StreamMonitorError for topics that cannot be joined."""
        names = self._config.topics
        changelogs = [names.pending] if self._store.is_logged else []
        others = [names.deltas, names.references, names.dead_letters, *changelogs]
        self._counts = asking.required_partitions(self._topics, [*self._source_topics, *others])
        asking.require_joinable(self._counts, *self._source_topics, changelogs)
        self._sources.topic_ids = self._topics.topic_ids(self._source_topics)

    def _restore(self) -> None:
        """Takes the assignment up: stores at the committed offsets, and reading from there."""
        self._to_restore = False
        ids = self._sources.topic_ids
        self._sources.assign(self._recovery.restore(self._assigned, self._identity(), ids))
        self.status.is_restored = self._recovery.is_done
        log.info(
            "partitions assigned",
            partitions=[f"{tp.topic}/{tp.partition}" for tp in self._assigned],
            replaying=len(self._recovery.replaying),
        )

    def _identity(self) -> str:
        ids = self._sources.topic_ids
        return "|".join(f"{topic}:{ids.get(topic, '')}" for topic in self._source_topics)

    def _replay(self, batches: list[Records]) -> None:
        """Restores the join from records that were counted before."""
        inference, labels = (concatenate(topic, batches) for topic in self._source_topics)
        result = self._batches.process(
            inference, labels, self._counts[self._source_topics[0]], self._recovery.replaying
        )
        self._store.commit(next_offsets([inference, labels]))
        self.status.counts.update(result.counts)

    def _attempt(self, batches: list[Records], is_flush: bool = False) -> bool:
        """Commits a batch; False when it was lost: then it is read again from what is committed."""
        producer = self._transactions.producer
        reason: ProcessingFailed | None = None
        try:
            if self._transactions.attempt(lambda: self._commit(batches, is_flush)):
                return True
        except ProcessingFailed as error:
            reason = error
        if self._transactions.producer is not producer:
            self._sequence = 0
        self._read_again(reason)
        return False

    def _read_again(self, reason: ProcessingFailed | None = None) -> None:
        """Goes back to what is committed."""
        if reason is not None:
            log.warning("a batch could not be processed, reading it again", reason=str(reason))
        self._store.rollback()
        if self._assigned and not self._to_restore and not self.status.should_stop():
            self._restore()

    def _commit(self, batches: list[Records], is_flush: bool) -> None:
        """One transaction: deltas, a marker in every deltas partition, dead letters, offsets."""
        began = self._clock()
        inference, labels = (concatenate(topic, batches) for topic in self._source_topics)
        result = self._batches.process(inference, labels, self._counts[self._source_topics[0]], ())
        expired_us = {
            partition: watermark_us
            for partition, watermark_us in sorted(self._sources.to_expire_us().items())
            if partition not in self._recovery.replaying
        }
        lost = [
            letter
            for partition, watermark_us in expired_us.items()
            for letter in self._expiry.expire(partition, watermark_us)
        ]
        result.letters += lost
        result.counts["labels", "no_prediction"] += len(lost)
        result.counts["dead_letters", "no_prediction"] += len(lost)
        read = next_offsets([inference, labels])
        after = self._sources.after(read, result.newest_us, expired_us)
        progress = self._sources.progress(after, is_flush)
        self._sequence += 1
        producer = self._transactions.producer
        producer.begin()
        if self._sources.are_new(asking.seen_ids(self._topics, self._source_topics)):
            self._to_restore = True
            raise TransactionAborted("a source topic was made anew")
        self._produce(producer, result, progress)
        for record in self._log.records(self._identity(), self._sources.held, after):
            producer.produce(record)
        offsets = {tp: source.committed() for tp, source in after.items()}
        producer.send_offsets(offsets, self._consumer)
        self._sources.broker_ms = producer.commit() or self._sources.broker_ms
        self._store.commit(read)
        self._sources.advance(after)
        self.status.counts.update(result.counts)
        self.status.pending_predictions = self._store.pending()
        self.status.committed(self._clock() - began, time.time())
        self._last_marker_s = self._clock()

    def _produce(
        self, producer: Producer, result: BatchResult, progress: tuple[PartitionProgress, ...]
    ) -> None:
        topic = self._config.topics.deltas
        count = self._counts[topic]
        written = dict.fromkeys(range(count), 0)
        for delta in result.deltas:
            partition = asking.deltas_partition(delta.key.model, count)
            key = delta.key.model.encode()
            for value in encode_delta(delta, producer.epoch, self._sequence):
                producer.produce(Outgoing(topic, key, value, partition))
                written[partition] += 1
        for letter in result.letters:
            producer.produce(letter)
        partitions = tuple((name, self._counts[name]) for name in self._source_topics)
        for partition, deltas in written.items():
            marker = Marker(
                self.status.instance, producer.epoch, self._sequence, progress, partitions, deltas,
                result.rejected,
            )  # fmt: skip
            producer.produce(Outgoing(topic, None, encode_marker(marker), partition))

    def _has_drained(self) -> bool:
        """Whether everything is read; then it ends the stream."""
        is_read = self._recovery.is_done and self._sources.are_read()
        return is_read and self._attempt([], is_flush=True)
