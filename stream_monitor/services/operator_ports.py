"""What operators' commands need of the outside world, beside what the services do (ports.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Committed, PendingStore, Producer, TopicReader, Topics


@dataclass(frozen=True, slots=True)
class Extent:
    """What a partition holds: offsets [beginning, end); committed reads reach `stable_end`."""

    beginning: int
    stable_end: int
    end: int


class Administration(Topics, Protocol):
    """The cluster as its operators see it."""

    def extents(self, topics: Sequence[str]) -> dict[TopicPartition, Extent]:
        """What every partition of the topics holds; raises StreamMonitorError for a missing topic."""

    def replicas(self, topics: Sequence[str]) -> dict[str, int]:
        """Copies of each topic that exists (the fewest of any partition)."""

    def granted(self, topic: str) -> frozenset[str] | None:
        """This client's rights on a topic, such as READ; None where the broker tells none."""

    def granted_on_group(self, group_id: str) -> frozenset[str] | None:
        """This client's rights on a group; None where the broker tells none."""

    def members(self, group_id: str) -> tuple[str, ...]:
        """Names of a group's live members."""

    def committed(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        """What a group committed of these partitions, where it ever did."""

    def move_group(self, group_id: str, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Commits for a group without members; raises StreamMonitorError while it has some."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records of one topic with the headers of each."""

    records: Records
    headers: list[tuple[tuple[str, bytes], ...]]


class RangeReader(Protocol):
    """Reads runs of offsets without a group, committed records only."""

    def read(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[Fetched]:
        """The records that are left of the offsets [start, end) of each partition."""

    def close(self) -> None:
        """Stops reading."""


class Connections(Protocol):
    """What the operators' commands need of a cluster; services/wiring.py gives the real ones."""

    def administration(self) -> Administration:
        """Topics, offsets and groups."""

    def reader(self) -> TopicReader:
        """Reads whole topics."""

    def ranges(self) -> RangeReader:
        """Reads runs of offsets."""

    def producer(self, role: str) -> Producer:
        """A transactional producer of the id `<name>.<role>`."""

    def temporary_store(self, folder: Path) -> PendingStore:
        """A pending store of its own in an empty folder."""
