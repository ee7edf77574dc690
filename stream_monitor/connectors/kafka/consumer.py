"""A member of a consumer group over librdkafka.

Partitions are never left to start by themselves: an assignment is taken up empty, and the next poll
assigns them again with explicit offsets. A seek does the same, so nothing fetched before it is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, Message
from confluent_kafka import TopicPartition as Position

from stream_monitor.connectors.kafka.failures import (
    MISSING,
    failure,
    is_fatal,
    made,
    until_deadline,
    watermarks,
)
from stream_monitor.connectors.kafka.liveness import Liveness, close_aside
from stream_monitor.connectors.kafka.message_columns import last_offsets, records_by_topic
from stream_monitor.connectors.kafka.offsets import Answer, ask_anew, committed, position
from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import Cluster, Group, member_settings
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Committed, Condition, OffsetsLost, never

Callback = Callable[[Sequence[TopicPartition]], None]

MOST_RECORDS: Final = 1_000_000
"""librdkafka's own limit on one call."""


class KafkaConsumer:
    """The Consumer of a real or embedded cluster.

    A partition that is not sought after it was assigned goes on from its committed offset. Calls that
    must be answered are repeated for `timeout_s`, and for a few seconds once `should_stop` says so; then
    they raise Unanswered. A client that lost the brokers (see liveness.py) is
    replaced by the next poll, which takes its partitions back.
    """

    def __init__(
        self,
        cluster: Cluster,
        group: Group,
        should_stop: Condition = never,
        *,
        timeout_s: float = 30.0,
    ) -> None:
        self._start = group.start
        self._should_stop = should_stop
        self._timeout_s = timeout_s
        self._refusals = Refusals(cluster.logger)
        self._settings = member_settings(cluster, group) | {"error_cb": self._refusals.note}
        self._client = made(Client, self._settings)
        self._topics: list[str] = []
        self._liveness = Liveness("")
        self._log = cluster.logger
        self._assigned: list[TopicPartition] = []
        self._position: dict[TopicPartition, int] = {}
        self._first: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._fetched: set[TopicPartition] = set()
        self._is_moved = False
        self._is_revoked = False
        self._on_assigned: Callback = _ignore
        self._on_revoked: Callback = _ignore

    def subscribe(self, topics: Sequence[str], on_assigned: Callback, on_revoked: Callback) -> None:
        """As Consumer.subscribe."""
        self._on_assigned, self._on_revoked = on_assigned, on_revoked
        self._topics = list(topics)
        self._join()

    def _join(self) -> None:
        self._liveness = Liveness(self._topics[0])
        self._client.subscribe(
            self._topics, on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
        )

    def _replace_client(self) -> None:
        """A new member in the place of one that no broker answers, whatever that still waits for."""
        self._log.warning("no broker answers this consumer: a new one takes its place")
        old, assigned = self._client, self._assigned
        self._client = made(Client, self._settings)
        close_aside(old)
        self._forget()
        if assigned:
            self._on_revoked(assigned)
        self._join()

    def poll(self, max_records: int, timeout_s: float) -> list[Records]:
        """As Consumer.poll; raises StreamMonitorError for what waiting cannot mend."""
        self._refusals.check("consume")
        if self._is_moved:
            self._take_positions()
        self._is_revoked = False
        messages = self._client.consume(min(max_records, MOST_RECORDS), timeout_s)
        if self._is_revoked:
            for error in filter(None, map(Message.error, messages)):
                if is_fatal(error):
                    raise failure("stay in the group", error)
        if not messages and self._topics and self._liveness.is_lost(self._client):
            self._replace_client()
        if self._is_revoked or not messages:
            return []  # What was read before a revocation is somebody else's now.
        events: list[Message[bytes, bytes]] = []
        if any(map(Message.error, messages)):
            events = [message for message in messages if message.error()]
            messages = [message for message in messages if not message.error()]
        batches = records_by_topic(messages) if messages else []
        for records in batches:
            self._advance({at: last + 1 for at, last in last_offsets(records).items()})
        for event in events:
            self._handle(event)
        return batches

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Committed]:
        """As Consumer.committed; where the start policy decides, it does so once per object."""
        found = self._asked("read committed offsets", partial(committed, partitions=partitions))
        return {at: found.get(at) or Committed(self._first_offset(at)) for at in partitions}

    def beginning(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """As Consumer.beginning."""
        return {at: self._watermarks(at)[0] for at in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """As Consumer.seek; raises StreamMonitorError if the partition is not assigned."""
        if partition not in self._assigned:
            raise StreamMonitorError(f"{_name(partition)} is not assigned to this consumer")
        self._position[partition] = offset
        self._fetched.discard(partition)
        self._is_moved = True

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """As Consumer.pause; partitions that are not assigned are passed over."""
        new = set(partitions).intersection(self._assigned) - self._paused
        self._paused |= new
        if not self._is_moved:
            self._client.pause([Position(*at) for at in new])

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """As Consumer.resume."""
        ended = self._paused.intersection(partitions)
        self._paused -= ended
        if not self._is_moved:
            self._client.resume([Position(*at) for at in ended])

    def lag(self, partition: TopicPartition) -> int | None:
        """As Consumer.lag; unknown until something was fetched since the last assignment or seek.

        The end is the last one fetched, and what an open transaction holds back counts.
        """
        if partition not in self._fetched:
            return None
        known = self._client.get_watermark_offsets(Position(*partition), cached=True)
        if known is None or known[1] < 0:
            return None
        return max(0, int(known[1]) - self._position[partition])

    def close(self) -> None:
        """As Consumer.close; the callbacks are not called any more."""
        self._on_revoked = _ignore
        self._client.close()

    def group_metadata(self) -> Any:
        """The member's current generation, for a producer's transaction."""
        return self._client.consumer_group_metadata()

    def commit_plainly(self, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Commits outside of any transaction: for the embedded cluster, which has no other way."""
        positions = [position(at, to) for at, to in offsets.items()]
        until_deadline(
            "commit offsets",
            self._timeout_s,
            lambda _: self._client.commit(offsets=positions, asynchronous=False),
        )

    def _assign(self, client: Client, partitions: list[Position]) -> None:
        if client is not self._client:
            return
        client.assign([])
        self._liveness.heard()
        self._assigned = [TopicPartition(at.topic, at.partition) for at in partitions]
        self._is_moved = True
        self._refusals.answered()
        self._on_assigned(self._assigned)

    def _revoke(self, client: Client, partitions: list[Position]) -> None:
        client.unassign()
        if client is self._client:
            self._forget()
            self._on_revoked([TopicPartition(at.topic, at.partition) for at in partitions])

    def _forget(self) -> None:
        """Lets go of all partitions."""
        self._is_revoked = True
        self._is_moved = False
        self._assigned = []
        self._position.clear()
        self._paused.clear()
        self._fetched.clear()

    def _take_positions(self) -> None:
        """Assigns all partitions anew, each at the offset to go on from."""
        unknown = [at for at in self._assigned if at not in self._position]
        if unknown:
            known = self.committed(unknown)
            self._position |= {at: known[at].offset for at in unknown}
        self._client.assign([Position(*at, self._position[at]) for at in self._assigned])
        # librdkafka keeps a pause over a new assignment, also one that was resumed meanwhile.
        self._client.resume([Position(*at) for at in self._assigned if at not in self._paused])
        self._client.pause([Position(*at) for at in self._paused])
        self._fetched.clear()
        self._is_moved = False

    def _first_offset(self, at: TopicPartition) -> int:
        if at not in self._first:
            low, high = self._watermarks(at)
            self._first[at] = low if self._start == "earliest" else high
        return self._first[at]

    def _watermarks(self, at: TopicPartition) -> tuple[int, int]:
        return self._asked(
            f"read the offsets of {_name(at)}",
            lambda client, slice_s: watermarks(client, at, slice_s),
        )

    def _asked(self, action: str, ask: Callable[[Client, float], Answer]) -> Answer:
        """Repeats a question, first by the member, then by clients that take no part in the group.

        A member that is not answered may have lost the brokers, or only its coordinator.
        """
        is_first = True

        def attempt(slice_s: float) -> Answer:
            nonlocal is_first
            if is_first:
                is_first = False
                return ask(self._client, slice_s)
            return ask_anew(self._settings, lambda other: ask(other, slice_s))

        return until_deadline(action, self._timeout_s, attempt, should_stop=self._should_stop)

    def _advance(self, positions: Mapping[TopicPartition, int]) -> None:
        self._position.update(positions)
        self._fetched.update(positions)
        self._liveness.heard()

    def _handle(self, event: Message[bytes, bytes]) -> None:
        error = event.error()
        at = TopicPartition(str(event.topic()), event.partition() or 0)
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:
            # The end lies behind the last record where control records follow it.
            self._advance({at: max(self._position.get(at, 0), event.offset() or 0)})
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            self._handle_lost(at, event.offset())
        elif error.code() in MISSING:
            raise failure(f"consume {event.topic()}", error)
        else:
            self._refusals.meet(f"consume {event.topic() or 'in the group'}", error)

    def _handle_lost(self, at: TopicPartition, offset: int | None) -> None:
        """An offset that the broker does not have.

        librdkafka also delivers what it was told of a position that has been left since: only the offset
        to go on from is lost. For any other the partition is read again from there, which tells.
        """
        if at not in self._position:
            return
        if offset != self._position[at]:
            self._is_moved = True
            return
        raise OffsetsLost(
            f"offset {offset} of {_name(at)} is gone from the broker: restore the topic, or go on with "
            "what is left by `stream-monitor offsets skip`"
        )


def _name(at: TopicPartition) -> str:
    return f"{at.topic}[{at.partition}]"


def _ignore(_: Sequence[TopicPartition]) -> None:
    """Nobody listens."""
