"""The offset chain: each marker's source ranges follow on the last; proof of nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stream_monitor.core.wire import Marker, PartitionProgress


class Link(StrEnum):
    """How a marker fits the chain."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    VIOLATION = "violation"


ChainKey = tuple[str, str, int]
"""Topic id, topic, partition: a topic made anew starts a new chain."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Per source partition the next expected offset, and how often a marker did not fit."""

    progress: Mapping[ChainKey, PartitionProgress]
    violations: int = 0
    duplicates: int = 0

    def check(self, marker: Marker) -> Link:
        """NEXT when every range follows on; DUPLICATE when nothing in it is new; else VIOLATION."""
        known = fits = nothing = 0
        for step in marker.progress:
            before = self.progress.get(chain_key(step))
            if before is None or step.start == before.end:
                fits += 1
                nothing += before is not None and step.start == step.end
            elif step.start < before.end and step.end <= before.end:
                known += 1
        if fits == len(marker.progress):
            return Link.NEXT
        return (
            Link.DUPLICATE if known and known + nothing == len(marker.progress) else Link.VIOLATION
        )

    def extended(self, marker: Marker, link: Link) -> Chain:
        """The chain after a marker; a duplicate only counts."""
        if link is Link.DUPLICATE:
            return Chain(self.progress, self.violations, self.duplicates + 1)
        progress = dict(self.progress)
        for step in marker.progress:
            before = progress.get(chain_key(step))
            if before is None or step.end >= before.end:
                progress[chain_key(step)] = _kept_watermark(step, before)
        return Chain(progress, self.violations + (link is Link.VIOLATION), self.duplicates)


def chain_key(step: PartitionProgress) -> ChainKey:
    """The chain that a range belongs to."""
    return step.topic_id, step.topic, step.partition


def _kept_watermark(step: PartitionProgress, before: PartitionProgress | None) -> PartitionProgress:
    """A watermark never goes back: a new owner of a partition has not seen what was before."""
    if before is None or before.watermark_us is None:
        return step
    if step.watermark_us is not None and step.watermark_us >= before.watermark_us:
        return step
    return PartitionProgress(
        step.topic, step.topic_id, step.partition, step.start, step.end, before.watermark_us,
        step.is_idle, step.is_flushed, step.lag,
    )  # fmt: skip
