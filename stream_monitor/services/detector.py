"""The detector: merges deltas, closes windows, publishes results, events and its own state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import structlog

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.fitting import fitted
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState, UnknownReference, Violation
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.published import event_headers, to_json
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.core.results import DriftEvent, Output, WindowResult
from stream_monitor.core.state_records import StateRecords
from stream_monitor.core.system_events import input_schema_event, integrity_event
from stream_monitor.core.warming import warm_up
from stream_monitor.services.member import Member
from stream_monitor.services.ports import (
    Committed,
    Consumer,
    Outgoing,
    Producer,
    TopicReader,
    Topics,
)
from stream_monitor.services.references import ReferenceReader
from stream_monitor.services.status import ServiceStatus
from stream_monitor.services.topics import deltas_partition, required_partitions
from stream_monitor.telemetry.snapshot import DetectorSnapshot, Snapshot

log = structlog.get_logger()

_POLL_S = 0.5


class Detector(Member):
    """One member of the detector group. `partitions` holds the state of each assigned partition."""

    def __init__(
        self,
        config: MonitorConfig,
        models: Mapping[str, ModelSpec],
        consumer: Consumer,
        make_producer: Callable[[], Producer],
        topics: Topics,
        reader: TopicReader,
        references: ReferenceReader,
        status: ServiceStatus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(config, models, consumer, make_producer, topics, references, status, clock)
        self._reader = reader
        self.partitions: dict[int, PartitionState] = {}
        self._records: dict[int, StateRecords] = {}
        self._told: set[tuple[str, ...]] = set()

    @property
    def _producer(self) -> Producer:
        return self._transactions.producer

    def snapshot(self) -> Snapshot:
        """What /metrics shows."""
        return DetectorSnapshot(self.status, lambda: self.partitions)

    def start(self) -> None:
        """As Member.start."""
        warm_up()
        names = self._config.topics
        wanted = [names.deltas, names.state, names.results, names.events, names.references]
        counts = required_partitions(self._topics, wanted)
        if counts[names.deltas] != counts[names.state]:
            raise StreamMonitorError(
                f"{names.deltas} and {names.state} must have the same number of partitions"
            )
        self._count = counts[names.deltas]
        self._join([names.deltas])

    def _told_at_end(self) -> dict[str, int]:
        states = self.partitions.values()
        return {
            "chain_violations": sum(state.chain.violations for state in states),
            "unreadable": sum(state.unreadable for state in states),
        }

    def _work(self) -> None:
        settings = self._config.detector
        deadline = self._clock() + settings.commit_interval
        batches: list[Records] = []
        rows = 0
        while rows < settings.max_records and not self._to_restore:
            left = deadline - self._clock()
            if left <= 0:
                break
            found = self._consumer.poll(settings.max_records - rows, min(_POLL_S, left))
            batches += found
            rows += sum(map(len, found))
        must_restore = self._to_restore
        if batches and not must_restore:
            must_restore = not self._transactions.attempt(lambda: self._commit(batches))
        if must_restore and not self.status.should_stop():
            self._restore()

    def _restore(self) -> None:
        """Reads each assigned partition's state, then goes on from the committed offset."""
        self._to_restore = False
        self.partitions, self._records = {}, {}
        self.status.lag_records.clear()
        if not self._assigned:
            self.status.is_restored = True
            return
        committed = self._consumer.committed(self._assigned)
        restored = {}
        for tp in sorted(self._assigned):
            self.status.last_step_s = time.time()
            restored[tp.partition] = self._restored(tp.partition)
            self._consumer.seek(tp, committed[tp].offset)
        self.partitions = {p: state for p, (state, _) in restored.items()}
        self._records = {p: records for p, (_, records) in restored.items()}
        self.status.is_restored = True
        log.info("partitions assigned", partitions=[tp.partition for tp in self._assigned])

    def _restored(self, partition: int) -> tuple[PartitionState, StateRecords]:
        """A partition's state, read by references that are at least as new as it is."""
        topic = self._config.topics.state
        for is_again in (False, True):
            state, records = self._empty_state(partition), StateRecords()
            stored = self._reader.read(topic, partition)
            pairs = (pair for found in stored for pair in zip(found.key, found.value, strict=True))
            unreadable = records.restore(state, pairs)
            if not unreadable:
                break
            if not is_again:
                self._references.load()
            else:
                log.warning(
                    "state records could not be read", count=unreadable, partition=partition
                )
        return state, records

    def _empty_state(self, partition: int) -> PartitionState:
        names = self._config.topics
        models = {
            name: ModelState(spec, self._config.name, self._references.catalogue)
            for name, spec in self._models.items()
            if deltas_partition(name, self._count) == partition
        }
        return PartitionState(names.inference, names.labels, models, partition=partition)

    def _commit(self, batches: list[Records]) -> None:
        """Merges into a copy; results, events, changed state and offsets in one transaction; then swaps."""
        began = self._clock()
        forks, violations, positions = self._merged(batches)
        self._producer.begin()
        published: list[dict[str, Any]] = []
        for partition, state in sorted(forks.items()):
            for violation in violations[partition]:
                self._produce_violation(violation)
            for name, output in state.advance():
                published.append(self._publish(name, state.models[name], output))
            for name, change in state.judge_inputs():
                event = input_schema_event(change, name, self._config.name)
                self._produce_event(name.encode() or b"input_schema", event)
                log.warning(event["status"], model=name, share=event["share"])
            for key, value in self._records[partition].changes(state):
                self._producer.produce(Outgoing(self._config.topics.state, key, value, partition))
        deltas = self._config.topics.deltas
        self._producer.send_offsets(
            {
                TopicPartition(deltas, p): Committed(state.resume_offset(positions[p]))
                for p, state in forks.items()
            },
            self._consumer,
        )
        self._producer.commit()
        self.partitions |= forks
        self.status.counts["consumed", deltas] += sum(map(len, batches))
        self.status.counts["published",] += len(published)
        for record in published:
            if "truncated" in record:
                self.status.counts["truncated", record["model"]] += 1
            if record["type"] == "drift":
                name, state = record["model"], record["status"]
                self.status.counts["events", name, state] += 1
        for tp in self._assigned:
            lag = self._consumer.lag(tp)
            if lag is not None:
                self.status.lag_records[tp] = lag
        self.status.committed(self._clock() - began, time.time())

    def _merged(
        self, batches: list[Records]
    ) -> tuple[dict[int, PartitionState], dict[int, list[Violation]], dict[int, int]]:
        touched = {int(p) for records in batches for p in records.partition}
        for tolerant in (False, True):
            forks = {p: self.partitions[p].fork() for p in touched if p in self.partitions}
            violations: dict[int, list[Violation]] = {p: [] for p in forks}
            positions: dict[int, int] = {}
            try:
                for records in batches:
                    at = records.partition.tolist(), records.offset.tolist()
                    for partition, offset, value in zip(*at, records.value, strict=True):
                        if partition not in forks:
                            continue
                        positions[partition] = offset + 1
                        if value is not None:
                            violations[partition] += forks[partition].add(offset, value, tolerant)
            except UnknownReference:
                self._references.load()
                continue
            return forks, violations, positions
        raise StreamMonitorError("unreachable: a tolerant merge raises nothing")

    def _publish(self, name: str, model: ModelState, output: Output) -> dict[str, Any]:
        record, data = fitted(to_json(output, name))
        if isinstance(output, DriftEvent):
            self._produce_event(name.encode(), record)
        else:
            if isinstance(output, WindowResult):
                self._warn_of_age(name, output)
            model.note(record)
            self._producer.produce(Outgoing(self._config.topics.results, name.encode(), data))
        return record

    def _warn_of_age(self, name: str, result: WindowResult) -> None:
        """Says once per model and version which references are obsolete."""
        about = (name, result.key.version, *result.obsolete)
        if result.obsolete and about not in self._told:
            self._told.add(about)
            log.warning("reference is obsolete", model=name, kinds=list(result.obsolete))

    def _produce_violation(self, violation: Violation) -> None:
        marker, partition = violation.marker, violation.partition
        self._produce_event(b"integrity", integrity_event(marker, self._config.name, partition))
        log.error("source offsets left a gap or overlapped", instance=violation.marker.instance)

    def _produce_event(self, key: bytes, record: dict[str, Any]) -> None:
        headers = event_headers(record, self._config.name)
        topic = self._config.topics.events
        self._producer.produce(Outgoing(topic, key, orjson.dumps(record), None, headers))

    def _has_drained(self) -> bool:
        return bool(self.partitions) and all(
            state.is_flushed and not state.unmarked for state in self.partitions.values()
        )
