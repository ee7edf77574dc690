"""Where to read what a window counted: the ranges of source offsets that hold its events."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.profile.source import SourcePart, SourceRange


def source_of(panes: Iterable[Profile]) -> tuple[SourceRange, ...]:
    """Where the events of a window's panes lie in the inference topic, by partition.

    Nothing where that was not counted: rows of a table have no offsets.
    """
    held = (pane.parts.get(SourcePart.name) for pane in panes)
    parts = (part for part in held if isinstance(part, SourcePart))
    return reduce(SourcePart.merge, parts, SourcePart.empty(None)).summarise()
