"""The pending topic: a changelog of the join, for when the source topics do not keep what it needs.

It is written in the transaction that commits the offsets, so it ends exactly where they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.join_log import JoinEntry, JoinStep, decode_entry, encode_entries
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import TopicPartition
from stream_monitor.core.retention import JoinRetention
from stream_monitor.services.operator_ports import Administration
from stream_monitor.services.partition_join import NO_LABELS, NO_PREDICTIONS
from stream_monitor.services.ports import (
    Joined,
    Outgoing,
    PendingStore,
    TopicReader,
    Topics,
    TopicSpec,
)
from stream_monitor.services.sources import Source, source_of
from stream_monitor.services.topics import pending_topic

Sources = Mapping[TopicPartition, Source]


REPLAYED_PER_S: Final = 100_000
"""Records that a profiler reads anew in a second, at least."""
_LONGEST_RESTORE_S: Final = 60.0


def is_needed(
    config: MonitorConfig, topics: Topics, retention: JoinRetention, restore_s: float = 0.0
) -> bool:
    """Whether the join needs a topic of its own: as configured, or since a source topic keeps too little,
    or since restoring from the source topics would take long.
    """
    if config.profiler.pending_topic != "auto":
        return config.profiler.pending_topic == "always"
    needed_ms = retention.kept_us // 1_000
    for topic in (config.topics.inference, config.topics.labels):
        kept_ms = int(topics.configs(topic).get("retention.ms", -1))
        if 0 <= kept_ms < needed_ms:
            return True
    return restore_s > _LONGEST_RESTORE_S


def is_written(config: MonitorConfig, topics: Topics, retention: JoinRetention) -> bool:
    """Whether a profiler writes the pending topic: where it needs it or, unless it never may, finds it."""
    if config.profiler.pending_topic == "never":
        return False
    name = config.topics.pending
    return is_needed(config, topics, retention) or name in topics.partition_counts([name])


def seconds_to_restore(administration: Administration, config: MonitorConfig) -> float:
    """Seconds for which one profiler would read the source topics anew if every store were lost."""
    sources = (config.topics.inference, config.topics.labels)
    counts = administration.partition_counts(sources)
    partitions = [TopicPartition(topic, p) for topic, n in counts.items() for p in range(n)]
    committed = administration.committed(config.group("profiler"), partitions)
    behind = (source.position - source.note.begin for source in map(source_of, committed.values()))
    return sum(behind) / REPLAYED_PER_S


def wanted_topic(
    config: MonitorConfig, models: Mapping[str, ModelSpec], topics: Topics, restore_s: float = 0.0
) -> TopicSpec | None:
    """The pending topic as it has to be made; None where it is not needed, or no source topic exists yet."""
    sources = (config.topics.inference, config.topics.labels)
    counts = topics.partition_counts(sources)
    retention = JoinRetention(models)
    if len(counts) < len(sources) or not is_needed(config, topics, retention, restore_s):
        return None
    return pending_topic(config.topics, counts[config.topics.inference], retention.kept_us)


class LoggedStore:
    """A PendingStore that remembers what the open transaction did to it, while `is_logged`."""

    def __init__(self, inner: PendingStore) -> None:
        self.is_logged = False
        self._inner = inner
        self._steps: dict[int, list[JoinStep]] = {}

    def steps(self, partition: int) -> list[JoinStep]:
        """What was done to a partition since the last commit or rollback."""
        return self._steps.get(partition, [])

    def join(
        self,
        partition: int,
        predictions: pa.Table,
        labels: pa.Table,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> Joined:
        """As PendingStore.join."""
        joined = self._inner.join(partition, predictions, labels, horizons_us)
        if self.is_logged:
            new = predictions.filter(pa.array(joined.is_new))
            self._steps.setdefault(partition, []).append(JoinStep(new, labels))
        return joined

    def erase(self, partition: int, ids: pa.StringArray) -> pa.Table:
        """As PendingStore.erase."""
        if self.is_logged:
            self._steps.setdefault(partition, []).append(JoinStep(erased=tuple(ids.to_pylist())))
        return self._inner.erase(partition, ids)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """As PendingStore.commit."""
        self._inner.commit(offsets)
        self._steps.clear()

    def rollback(self) -> None:
        """As PendingStore.rollback."""
        self._inner.rollback()
        self._steps.clear()

    def open(self, partition: int, identity: str) -> dict[str, int]:
        """As PendingStore.open."""
        return self._inner.open(partition, identity)

    def expire(
        self, partition: int, predictions_before_us: Mapping[str, int], labels_before_us: int
    ) -> pa.Table:
        """As PendingStore.expire."""
        return self._inner.expire(partition, predictions_before_us, labels_before_us)

    def reset(self, partition: int) -> None:
        """As PendingStore.reset."""
        self._inner.reset(partition)

    def close(self, partitions: Sequence[int]) -> None:
        """As PendingStore.close."""
        self._inner.close(partitions)

    def pending(self) -> int:
        """As PendingStore.pending."""
        return self._inner.pending()


class PendingLog:
    """Writes what a LoggedStore did, and fills stores from it."""

    def __init__(
        self, store: LoggedStore, reader: TopicReader, topic: str,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> None:  # fmt: skip
        self._store = store
        self._reader = reader
        self._topic = topic
        self._horizons_us = horizons_us

    def records(self, identity: str, before: Sources, after: Sources) -> list[Outgoing]:
        """The records of a commit: of every source partition that it read."""
        found: list[Outgoing] = []
        if not self._store.is_logged:
            return found
        for partition in sorted({tp.partition for tp in after}):
            own = [tp for tp in after if tp.partition == partition]
            ranges = {tp.topic: (before[tp].position, after[tp].position) for tp in own}
            if any(start < end for start, end in ranges.values()):
                for value in encode_entries(identity, ranges, self._store.steps(partition)):
                    found.append(Outgoing(self._topic, None, value, partition))
        return found

    def fill(self, partition: int, identity: str, starts: Mapping[str, int]) -> dict[str, int]:
        """Brings an open store from `starts` (offset per topic) as far as the log reaches.

        Returns the offsets that the store then has; `starts` where the log begins later, so that nothing
        in between is passed over.
        """
        at = dict(starts)
        if not self._store.is_logged:
            return at
        for entry in self._entries(partition, identity):
            if any(start > at[topic] for topic, (start, _) in entry.ranges.items()):
                break
            if all(end < at[topic] for topic, (_, end) in entry.ranges.items()):
                continue
            self._apply(partition, entry.step)
            at |= {topic: max(at[topic], end) for topic, (_, end) in entry.ranges.items()}
            self._store.commit({TopicPartition(topic, partition): to for topic, to in at.items()})
        return at

    def _entries(self, partition: int, identity: str) -> Iterator[JoinEntry]:
        for records in self._reader.read(self._topic, partition):
            for value in records.value:
                try:
                    entry = decode_entry(value or b"")
                except UnreadableBytes:
                    continue
                if entry.identity == identity:
                    yield entry

    def _apply(self, partition: int, step: JoinStep) -> None:
        """Does it again; what the store knows already stays as it is."""
        if step.erased:
            self._store.erase(partition, pa.array(step.erased, pa.string()))
        predictions, labels = step.predictions, step.labels
        if predictions is not None or labels is not None:
            self._store.join(
                partition,
                NO_PREDICTIONS.drop_columns(["row"]) if predictions is None else predictions,
                NO_LABELS.drop_columns(["row"]) if labels is None else labels,
                self._horizons_us,
            )
