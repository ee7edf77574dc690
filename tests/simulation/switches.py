"""Rules of the protocol that a test can take away, to see that their absence is noticed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from stream_monitor.core import watermarks


class Switch(Enum):
    """Which rule is missing."""

    NONE = "all rules hold"
    READ_UNCOMMITTED = "consumers read what is not committed"
    NO_GENERATION = "offsets are sent without the group's generation"
    STORE_FIRST = "the store takes rows before Kafka's commit and without their offsets"
    NEWEST_PARTITION = "a topic's time is that of its newest partition"
    IDLE_WITH_LAG = "a partition counts as idle although records wait in it"
    STATE_TO_STABLE_END = "the state is restored to the last stable offset"
    BELIEVED_OFFSETS = "after a lost producer, committed offsets are not asked for again"
    UNSTABLE_OFFSETS = "committed offsets are taken while a transaction still holds some"


@contextmanager
def newest_partition(switch: Switch) -> Iterator[None]:
    """Lets time follow the newest partition that was seen, if that is the switch."""
    original = watermarks.topic_watermark_us
    if switch is Switch.NEWEST_PARTITION:
        _everywhere(original, _newest_us)
    try:
        yield
    finally:
        _everywhere(_newest_us, original)


def _newest_us(progress, topic, *_):  # type: ignore[no-untyped-def]
    marks = [
        watermarks.FLUSHED_US if step.is_flushed else step.watermark_us
        for step in progress
        if step.topic == topic
    ]
    return max((mark for mark in marks if mark is not None), default=None)


def _everywhere(before: Callable[..., int | None], after: Callable[..., int | None]) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("stream_monitor.core"):
            for attribute, value in list(vars(module).items()):
                if value is before:
                    setattr(module, attribute, after)
