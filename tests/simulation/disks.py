"""The disks of profilers, which outlive them: kept, lost, old, another's, or ahead of what was committed."""

from __future__ import annotations

import copy

from stream_monitor.connectors.memory import MemoryPendingStore
from stream_monitor.core.records import TopicPartition
from tests.unit.services.watched import SOURCE_PARTITIONS


class Disks:
    """One per instance name; `old` holds copies from earlier times."""

    def __init__(self) -> None:
        self.old: list[MemoryPendingStore] = []
        self._own: dict[str, MemoryPendingStore] = {}

    def own(self, name: str) -> MemoryPendingStore:
        """A name's disk; what a former process had not committed on it is gone."""
        disk = self._own.setdefault(name, MemoryPendingStore())
        disk.close(range(SOURCE_PARTITIONS))
        return disk

    def keep_copy(self, name: str) -> None:
        """Keeps a copy of a disk as it is now."""
        if name in self._own:
            self.old.append(_copied(self._own[name]))

    def replace(self, name: str, by: MemoryPendingStore | None) -> None:
        """Another disk in the place of a name's own: a copy, or an empty one."""
        self._own[name] = MemoryPendingStore() if by is None else _copied(by)

    def as_is(self, name: str) -> MemoryPendingStore:
        """A name's disk while its process still runs."""
        return self._own[name]

    def another(self, name: str) -> MemoryPendingStore | None:
        """The disk of another name."""
        return next((disk for other, disk in self._own.items() if other != name), None)

    def put_ahead(self, name: str, partition: int, topic_ids: dict[str, str]) -> None:
        """Makes a disk claim, in one partition, that it is far ahead of what was committed."""
        disk = self.own(name)
        disk.open(partition, "|".join(f"{topic}:{id_}" for topic, id_ in topic_ids.items()))
        disk.commit({TopicPartition(topic, partition): 1_000_000 for topic in topic_ids})


def _copied(disk: MemoryPendingStore) -> MemoryPendingStore:
    copied = copy.deepcopy(disk)
    copied.close(range(SOURCE_PARTITIONS))
    return copied
