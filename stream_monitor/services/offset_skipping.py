"""Offsets of the two groups against what the broker still holds, and moving those that are lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.operator_ports import Administration
from stream_monitor.services.ports import Committed


@dataclass(frozen=True, slots=True)
class GroupOffset:
    """One partition of one group; `committed` is None where the group never committed."""

    group: str
    at: TopicPartition
    committed: Committed | None
    beginning: int
    end: int

    @property
    def lag(self) -> int:
        """Offsets still to be read; the control record that ends a transaction is one of them."""
        start = self.beginning if self.committed is None else self.committed.offset
        return max(0, self.end - max(start, self.beginning))

    @property
    def lost(self) -> int:
        """Offsets between the committed one and the first that the broker still holds."""
        return max(0, self.beginning - self.committed.offset) if self.committed else 0

    @property
    def beyond(self) -> int:
        """Offsets by which the committed one lies behind the partition's end: a topic made anew."""
        return max(0, self.committed.offset - self.end) if self.committed else 0

    def as_row(self) -> dict[str, Any]:
        """What is shown of it."""
        return {
            "group": self.group, "topic": self.at.topic, "partition": self.at.partition,
            "committed": self.committed.offset if self.committed else None,
            "beginning": self.beginning, "end": self.end, "lag": self.lag, "lost": self.lost,
        }  # fmt: skip


def group_topics(monitor: MonitorConfig) -> dict[str, tuple[str, ...]]:
    """The two groups and the topics that each reads."""
    topics = monitor.topics
    return {
        monitor.group("profiler"): (topics.inference, topics.labels),
        monitor.group("detector"): (topics.deltas,),
    }


def read_offsets(administration: Administration, monitor: MonitorConfig) -> list[GroupOffset]:
    """Every partition of both groups; raises StreamMonitorError for a missing topic or right."""
    found = []
    for group, topics in group_topics(monitor).items():
        found += group_offsets(administration, group, topics)
    return found


def group_offsets(
    administration: Administration, group: str, topics: Sequence[str]
) -> list[GroupOffset]:
    """The partitions of one group's topics."""
    extents = administration.extents(topics)
    committed = administration.committed(group, list(extents))
    return [
        GroupOffset(group, at, committed.get(at), extent.beginning, extent.stable_end)
        for at, extent in sorted(extents.items())
    ]


def skip_lost(administration: Administration, monitor: MonitorConfig) -> list[GroupOffset]:
    """Moves every lost offset to the beginning of what is left, its note kept; returns what was moved.

    Raises StreamMonitorError while a group with lost offsets has members.
    """
    lost = [offset for offset in read_offsets(administration, monitor) if offset.lost]
    groups = sorted({offset.group for offset in lost})
    for group in groups:
        require_no_members(administration, group)
    for group in groups:
        moves = {
            offset.at: Committed(offset.beginning, offset.committed.note)
            for offset in lost
            if offset.group == group and offset.committed is not None
        }
        administration.move_group(group, moves)
    return lost


def require_no_members(administration: Administration, group: str) -> None:
    """Raises StreamMonitorError while the group has members."""
    members = administration.members(group)
    if members:
        raise StreamMonitorError(
            f"group {group} has members ({', '.join(members)}): stop them first; a static member "
            "that has stopped stays in the group until its session ends (session.timeout.ms)"
        )
