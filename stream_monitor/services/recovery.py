"""After an assignment: bring the pending store of each partition to the committed offsets, then go live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog

from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Committed, Consumer, PendingStore
from stream_monitor.services.sources import Source, source_of

log = structlog.get_logger()

Fill = Callable[[int, str, Mapping[str, int]], Mapping[str, int]]
"""Brings the store of a partition, of an identity, from offsets (by topic) as far as a changelog reaches."""


class Recovery:
    """A store that is behind is filled by reading what lies between (a replay, which emits nothing); one
    that is ahead is wiped first. A replay begins where the commit's note says that the join does.
    A partition goes live when both of its topics have been replayed.
    """

    def __init__(
        self,
        consumer: Consumer,
        store: PendingStore,
        replay: Callable[[list[Records]], None],
        clear: Callable[[int, int], object],
        fill: Fill,
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._replay = replay
        self._clear = clear
        self._fill = fill
        self._cleared_us: dict[int, int] = {}
        self._until: dict[TopicPartition, int] = {}
        self._assigned: list[TopicPartition] = []
        self._opened: set[int] = set()

    @property
    def is_done(self) -> bool:
        """Whether nothing is replayed any more."""
        return not self._until

    @property
    def replaying(self) -> set[int]:
        """The partitions that are being replayed."""
        return {tp.partition for tp in self._until}

    def restore(
        self, assigned: Sequence[TopicPartition], identity: str, topic_ids: Mapping[str, str]
    ) -> dict[TopicPartition, Committed]:
        """Opens the stores and positions the consumer; returns what was committed.

        A topic made anew since is read from its beginning.
        """
        self._assigned = list(assigned)
        self._until = {}
        self._cleared_us = {}
        mine = {tp.partition for tp in assigned}
        self._store.close(sorted(self._opened - mine))
        self._opened = mine
        if not assigned:
            return {}
        self._store.rollback()
        found = self._consumer.committed(assigned)
        beginning = self._consumer.beginning(assigned)
        for tp, at in found.items():
            if not source_of(at).note.is_of(topic_ids.get(tp.topic, "")):
                found[tp] = Committed(beginning[tp])
        committed = {tp: source_of(at) for tp, at in found.items()}
        self._consumer.resume(assigned)
        for partition in sorted(mine):
            own = [tp for tp in assigned if tp.partition == partition]
            stored = self._stored(partition, identity, own, committed)
            starts = {
                tp.topic: max(stored.get(tp.topic, 0), committed[tp].note.begin) for tp in own
            }
            if any(starts[tp.topic] < committed[tp].position for tp in own):
                starts = dict(self._fill(partition, identity, starts))
            for tp in own:
                source = committed[tp]
                start = self._readable(tp, starts[tp.topic], beginning[tp])
                self._consumer.seek(tp, min(start, source.position))
                if start < source.position:
                    self._until[tp] = source.position
                if source.note.expired_us is not None:
                    self._cleared_us[partition] = source.note.expired_us
            waits = any(tp in self._until for tp in own)
            self._consumer.pause([tp for tp in own if waits and tp not in self._until])
            if not waits:
                self._clear_again(partition)
        return found

    def _readable(self, tp: TopicPartition, start: int, beginning: int) -> int:
        if start < beginning:
            log.warning(
                "the source no longer holds what the join lost: labels of these predictions will find none",
                topic=tp.topic, partition=tp.partition, records=beginning - start,
            )  # fmt: skip
        return max(start, beginning)

    def _clear_again(self, partition: int) -> None:
        """What had expired by the last commit expires again: its dead letters have been written."""
        if partition in self._cleared_us:
            self._clear(partition, self._cleared_us[partition])

    def _stored(
        self, partition: int, identity: str, own: Sequence[TopicPartition],
        committed: dict[TopicPartition, Source],
    ) -> dict[str, int]:  # fmt: skip
        stored = self._store.open(partition, identity)
        if any(stored.get(tp.topic, -1) > committed[tp].position for tp in own):
            self._store.reset(partition)
            stored = self._store.open(partition, identity)
        return stored

    def live(self, batches: list[Records]) -> list[Records]:
        """Replays what belongs to a replay, drops what lies beyond it, and returns the rest."""
        if self.is_done:
            return batches
        replaying = self.replaying
        kept = [_select(records, self._keep(records)) for records in batches]
        past = [_select(r, np.isin(r.partition, list(replaying))) for r in kept]
        if any(map(len, past)):
            self._replay([records for records in past if len(records)])
        self._go_live(batches, replaying)
        rest = [_select(r, ~np.isin(r.partition, list(replaying))) for r in kept]
        return [records for records in rest if len(records)]

    def _keep(self, records: Records) -> np.ndarray:
        keep = np.ones(len(records), np.bool_)
        for tp, offset in self._until.items():
            if tp.topic == records.topic:
                keep &= ~((records.partition == tp.partition) & (records.offset >= offset))
        return keep

    def _go_live(self, batches: list[Records], replaying: set[int]) -> None:
        """Ends the replay of each topic that has reached its committed offset."""
        for tp, offset in list(self._until.items()):
            is_reached = any(
                bool(((r.partition == tp.partition) & (r.offset >= offset - 1)).any())
                for r in batches
                if r.topic == tp.topic
            )
            if is_reached or self._consumer.lag(tp) == 0:
                del self._until[tp]
                self._consumer.seek(tp, offset)
                self._consumer.pause([tp])
        for partition in replaying - self.replaying:
            self._clear_again(partition)
            self._consumer.resume([tp for tp in self._assigned if tp.partition == partition])

    def close(self) -> None:
        """Lets go of the stores."""
        self._store.close(sorted(self._opened))


def _select(records: Records, rows: np.ndarray) -> Records:
    return records if rows.all() else records.take(np.flatnonzero(rows))
