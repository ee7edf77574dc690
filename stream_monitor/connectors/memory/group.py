"""A consumer group: who is in it, what each member reads, and which generation that belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Committed


@dataclass(slots=True, eq=False)
class Member:
    """One member. `generation` is the one it last joined for; None before it and after its expulsion."""

    name: str
    topics: tuple[str, ...]
    has_joined: bool = False
    is_fenced: bool = False
    generation: int | None = None


@dataclass(slots=True)
class ConsumerGroup:
    """Members, and offsets committed by them.

    A change of membership asks every member to join again; when the last one has, a new generation
    begins with a new assignment.
    """

    members: list[Member] = field(default_factory=list)
    generation: int = 0
    committed: dict[TopicPartition, Committed] = field(default_factory=dict)

    def add(self, member: Member) -> None:
        """Takes a member in; one of the same name is fenced."""
        for other in [other for other in self.members if other.name == member.name]:
            other.is_fenced = True
            self.members.remove(other)
        self.members.append(member)
        self._call_together()

    def remove(self, member: Member) -> None:
        """Lets a member go."""
        if member in self.members:
            self.members.remove(member)
            self._call_together()
        member.generation = None

    def join(self, member: Member) -> None:
        """Notes that the member gave up its partitions and is ready for the next generation."""
        member.has_joined = True
        if self.is_complete:
            self.generation += 1
            for other in self.members:
                other.generation = self.generation

    def forget(self, topic: str) -> None:
        """Drops what was committed of a topic."""
        for at in [at for at in self.committed if at.topic == topic]:
            del self.committed[at]

    @property
    def is_complete(self) -> bool:
        """Whether all members have joined the generation."""
        return all(member.has_joined for member in self.members)

    def is_current(self, member: Member) -> bool:
        """Whether the member may commit offsets."""
        return member in self.members and member.generation == self.generation

    def assignment(self, member: Member, counts: Mapping[str, int]) -> list[TopicPartition]:
        """The member's partitions by range: equal topics give a member the same numbers."""
        return [
            TopicPartition(topic, partition)
            for topic in sorted(member.topics)
            for partition in self._range(member, topic, counts.get(topic, 0))
        ]

    def _range(self, member: Member, topic: str, partitions: int) -> range:
        readers = sorted(other.name for other in self.members if topic in other.topics)
        at = readers.index(member.name)
        each, left = divmod(partitions, len(readers))
        start = at * each + min(at, left)
        return range(start, start + each + (at < left))

    def _call_together(self) -> None:
        for member in self.members:
            member.has_joined = False
