"""Watermarks: how far event time has come in a partition, and in a topic as the minimum over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from stream_monitor.core.wire import PartitionProgress

FLUSHED_US = 221_845_392_000_000_000
"""The watermark after an explicit end of the stream: the year 9000, so that a window of years that
holds it still ends at a date."""

IDLE_MARGIN_US: Final = 1_000_000
"""What an idle partition's watermark stays behind broker time, beside what may be out of order."""


def partition_watermark_us(
    newest_us: int | None, idle_us: int | None, out_of_order_us: int
) -> int | None:
    """A partition's watermark from its newest event time and, if it is idle, from broker time.

    None before the first event, unless it is idle.
    """
    marks = [] if newest_us is None else [newest_us]
    marks += [] if idle_us is None else [idle_us - IDLE_MARGIN_US]
    return max(marks) - out_of_order_us if marks else None


def topic_watermark_us(
    progress: Iterable[PartitionProgress],
    topic: str,
    partitions: int,
    max_hold_us: int | None = None,
) -> int | None:
    """The smallest watermark of a topic's partitions; None while one of them was never seen.

    A flushed partition no longer holds time back. An idle one carries the watermark that its profiler
    derived from broker time (none in history mode, where idleness never moves time). With `max_hold_us`
    no partition, seen or not, holds time back by more than that behind the furthest one.
    """
    marks = {
        step.partition: FLUSHED_US if step.is_flushed else step.watermark_us
        for step in progress
        if step.topic == topic
    }
    known = [mark for mark in marks.values() if mark is not None]
    if not known or not partitions:
        return None
    lowest = min(known) if len(known) >= partitions else None
    running = [mark for mark in known if mark != FLUSHED_US]
    if max_hold_us is None or not running:
        return lowest
    released = max(running) - max_hold_us
    return released if lowest is None else max(lowest, released)
