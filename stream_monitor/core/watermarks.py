"""Watermarks: how far event time has come, as the minimum over all partitions of a source topic."""

from __future__ import annotations

from collections.abc import Iterable

from stream_monitor.core.wire import PartitionProgress

FLUSHED_US = 253_370_764_800_000_000
"""The watermark after an explicit end of the stream: the year 9999, still a date."""


def topic_watermark_us(
    progress: Iterable[PartitionProgress], topic: str, partitions: int
) -> int | None:
    """The smallest watermark of a topic's partitions; None while one of them was never seen.

    A flushed partition no longer holds time back. An idle one carries the watermark that its profiler
    derived from broker time (none in history mode, where idleness never moves time).
    """
    marks = {
        step.partition: FLUSHED_US if step.is_flushed else step.watermark_us
        for step in progress
        if step.topic == topic
    }
    known = [mark for mark in marks.values() if mark is not None]
    if len(known) < partitions or not partitions:
        return None
    return min(known)
