"""The offset chain: each marker's source ranges follow on the last; proof of nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from stream_monitor.core.wire import Marker, PartitionProgress


class Link(StrEnum):
    """How a marker fits the chain."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    VIOLATION = "violation"


_KEPT_EPOCHS = 128
_KEPT_IDS = 2
"""A replaced topic's id is kept once more, for profilers that have yet to notice."""

ChainKey = tuple[str, str, int]
"""Topic id, topic, partition: a topic made anew starts a new chain."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Per source partition the next expected offset, and how often a marker did not fit.

    `epochs` holds the last sequence of the producers heard last: what is not later was read before,
    also a marker that tells of no new offsets.
    """

    progress: Mapping[ChainKey, PartitionProgress]
    violations: int = 0
    duplicates: int = 0
    epochs: Mapping[str, int] = field(default_factory=dict)

    def check(self, marker: Marker) -> Link:
        """NEXT when every range follows on; DUPLICATE when nothing in it is new; else VIOLATION."""
        if marker.sequence <= self.epochs.get(marker.epoch, -1):
            return Link.DUPLICATE
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
            return replace(self, duplicates=self.duplicates + 1)
        progress = dict(self.progress)
        for step in marker.progress:
            before = progress.get(chain_key(step))
            if before is None or step.end >= before.end:
                progress[chain_key(step)] = _kept_watermark(step, before)
            if before is None:
                _drop_replaced(progress, step)
        epochs = {epoch: n for epoch, n in self.epochs.items() if epoch != marker.epoch}
        epochs[marker.epoch] = marker.sequence
        latest = dict(list(epochs.items())[-_KEPT_EPOCHS:])
        violations = self.violations + (link is Link.VIOLATION)
        return Chain(progress, violations, self.duplicates, latest)

    def gaps(self, marker: Marker, topic: str, is_cut: bool) -> list[tuple[int | None, int]]:
        """Where in event time events of a topic may be lost: (from, to) watermarks in microseconds.

        From the watermark before a gap (None: there was none) to the one behind it; for a marker whose
        deltas are cut, of every partition that it read.
        """
        found = []
        for step in marker.progress:
            before = self.progress.get(chain_key(step))
            is_gap = before is not None and step.start > before.end
            if step.topic == topic and (is_gap or is_cut) and step.watermark_us is not None:
                from_us = before.watermark_us if before else None
                found.append((from_us, max(step.watermark_us, from_us or step.watermark_us)))
        return found


def chain_key(step: PartitionProgress) -> ChainKey:
    """The chain that a range belongs to."""
    return step.topic_id, step.topic, step.partition


def by_chain(steps: Iterable[PartitionProgress]) -> dict[ChainKey, PartitionProgress]:
    """Ranges by their chain."""
    return {chain_key(step): step for step in steps}


def _drop_replaced(progress: dict[ChainKey, PartitionProgress], new: PartitionProgress) -> None:
    same = [key for key in progress if key[1:] == (new.topic, new.partition)]
    for key in same[:-_KEPT_IDS]:
        del progress[key]


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
