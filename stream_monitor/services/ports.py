"""What the services need of the outside world; connectors/ implements each port twice: real and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import Records, TopicPartition


class TransactionAborted(StreamMonitorError):
    """The open transaction cannot be committed: abort it and read the batch again."""


class ProducerFenced(StreamMonitorError):
    """The producer can do no more: make a new one, read the committed offsets and go on."""


class Unanswered(StreamMonitorError):
    """No broker answered in time; the same call may be answered later."""


class OffsetsLost(StreamMonitorError):
    """Records between the position and what the broker still keeps are gone."""


Condition = Callable[[], bool]
"""Asked between steps, and while a call to the brokers is repeated."""


def never() -> bool:
    """The condition that does not come."""
    return False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to write; partition None lets the key choose (murmur2)."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """A group's next offset of one partition, and the note committed beside it ("" where none was)."""

    offset: int
    note: str = ""


class Consumer(Protocol):
    """A member of a consumer group. Offsets are committed through a Producer's transaction only."""

    def subscribe(
        self,
        topics: Sequence[str],
        on_assigned: Callable[[Sequence[TopicPartition]], None],
        on_revoked: Callable[[Sequence[TopicPartition]], None],
    ) -> None:
        """Joins the group; the callbacks run inside `poll` and do O(1) work."""

    def poll(self, max_records: int, timeout_s: float) -> list[Records]:
        """Up to `max_records` new records, one Records per topic; empty when nothing came in time."""

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Committed]:
        """What was committed; a partition without it gets the offset that the start policy names."""

    def beginning(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset that each partition still holds."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Reads on from an offset."""

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Delivers nothing of these partitions until `resume`."""

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Delivers again."""

    def lag(self, partition: TopicPartition) -> int | None:
        """Records between the position and the partition's known end; 0 at the end; None if unknown."""

    def close(self) -> None:
        """Leaves the group."""


class Producer(Protocol):
    """A transactional producer. `epoch` is a new UUID per object."""

    epoch: str

    def init_transactions(self) -> None:
        """Fences older producers of the same id; once per object, before anything else."""

    def begin(self) -> None:
        """Opens a transaction."""

    def produce(self, record: Outgoing) -> None:
        """Adds a record; raises TransactionAborted or ProducerFenced."""

    def send_offsets(self, offsets: Mapping[TopicPartition, Committed], consumer: Consumer) -> None:
        """Adds the group's next offsets with their notes, under the consumer's current generation."""

    def commit(self) -> int | None:
        """Commits; returns the broker's time of the last record in ms if the topic keeps append time."""

    def abort(self) -> None:
        """Flushes and rolls back."""

    def close(self) -> None:
        """Gives up resources without committing."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic that stream_monitor owns, as `topics create` makes it."""

    name: str
    partitions: int
    replication: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


class Topics(Protocol):
    """The cluster's topics."""

    def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        """Partition count of each topic that exists."""

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """Topic ids, `""` where the broker tells none; raises Unanswered."""

    def create(self, topics: Sequence[TopicSpec]) -> dict[str, bool]:
        """Creates what is missing: True where made, False where it was there; raises StreamMonitorError."""

    def configs(self, topic: str) -> dict[str, str]:
        """The topic's effective configuration."""


class TopicReader(Protocol):
    """Reads topics without a group, committed records only."""

    def read(
        self,
        topic: str,
        partition: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Iterator[Records]:
        """Everything from the start (or record time `start_ms`) to the end as it is now (or `end_ms`)."""

    def follow(self, topic: str, start: Mapping[TopicPartition, int] | None = None) -> Follower:
        """From the topic's start on, or from an offset of every partition, without end."""


class Follower(Protocol):
    """An endless read of one topic."""

    def poll(self, timeout_s: float) -> list[Records]:
        """What came since the last call."""

    def is_caught_up(self) -> bool:
        """Whether everything that was there when following began has been delivered."""

    def close(self) -> None:
        """Stops reading."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What one batch did to the join.

    `is_new` (one bool per prediction) is False for a prediction already known. `pairs` has one row per
    pair to add (`sign` +1) or take out (−1): prediction_id, model, version, profile_id, timestamp_us,
    segments (list of strings, null where absent), predicted_label, score, predicted_value, outcome,
    label, delay_us, sign. `label_states` names, per label: matched, waiting, duplicate, corrected,
    retracted, expired.
    """

    is_new: NDArray[np.bool_]
    pairs: pa.Table
    label_states: list[str]


class PendingStore(Protocol):
    """Predictions that wait for labels and labels that wait for predictions, per source partition.

    Rows and source offsets change in one local transaction, committed after Kafka's.
    """

    def open(self, partition: int, identity: str) -> dict[str, int]:
        """Next offset per topic as stored; empty for a new store or one of another `identity` (wiped)."""

    def join(
        self,
        partition: int,
        predictions: pa.Table,
        labels: pa.Table,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> Joined:
        """Adds predictions and labels in the open transaction; horizons by (model, outcome).

        Predictions have the columns of `pairs` up to predicted_value; labels have prediction_id, outcome,
        label, timestamp_us and offset, in the order of their offsets.
        """

    def erase(self, partition: int, ids: pa.StringArray) -> pa.Table:
        """Forgets predictions and all labels of their ids; returns the pairs to take out (see Joined)."""

    def expire(
        self, partition: int, predictions_before_us: Mapping[str, int], labels_before_us: int
    ) -> pa.Table:
        """Drops what is older in event time, and predictions of models that are not named.

        Returns the labels that never met a prediction: prediction_id, outcome, label, timestamp_us,
        offset (of the label's record), in the order of their offsets.
        """

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Makes everything since the last commit durable, with the next offsets."""

    def rollback(self) -> None:
        """Forgets everything since the last commit."""

    def reset(self, partition: int) -> None:
        """Deletes the partition's store."""

    def close(self, partitions: Sequence[int]) -> None:
        """Lets go of the partitions' files."""

    def pending(self) -> int:
        """Predictions held."""
