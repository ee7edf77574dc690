"""Kafka records as columns: the raw material of decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one topic in the order they were read; arrays and lists have one length.

    Offsets rise within each partition. `timestamp_ms` is the record's own (creation or append) time.
    """

    topic: str
    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]
    key: list[bytes | None]
    value: list[bytes | None]

    def __len__(self) -> int:
        return len(self.value)

    @property
    def size_bytes(self) -> int:
        """Bytes of all values."""
        return sum(len(value) for value in self.value if value is not None)

    def take(self, rows: NDArray[np.int64]) -> Records:
        """The records at positions `rows`."""
        return Records(
            self.topic,
            self.partition[rows],
            self.offset[rows],
            self.timestamp_ms[rows],
            [self.key[i] for i in rows.tolist()],
            [self.value[i] for i in rows.tolist()],
        )


def concatenate(topic: str, batches: Sequence[Records]) -> Records:
    """The records of one topic from several polls, in order; others are left out."""
    own = [records for records in batches if records.topic == topic]
    if len(own) == 1:
        return own[0]
    empty = np.empty(0, np.int64)
    return Records(
        topic,
        np.concatenate([r.partition for r in own] or [empty.astype(np.int32)]),
        np.concatenate([r.offset for r in own] or [empty]),
        np.concatenate([r.timestamp_ms for r in own] or [empty]),
        [key for r in own for key in r.key],
        [value for r in own for value in r.value],
    )


def next_offsets(batches: Sequence[Records]) -> dict[TopicPartition, int]:
    """Per partition the offset behind the last record."""
    offsets: dict[TopicPartition, int] = {}
    for records in batches:
        for partition in np.unique(records.partition).tolist():
            last = int(records.offset[records.partition == partition].max())
            offsets[TopicPartition(records.topic, partition)] = last + 1
    return offsets
