"""Where to read what a window counted: the ranges of source offsets that hold its events."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.profile.source import SourcePart, SourceRange
from stream_monitor.core.results import WindowKey
from stream_monitor.core.windows import Window

if TYPE_CHECKING:
    from stream_monitor.core.model_state import ModelState


def source_of(state: ModelState, key: WindowKey, window: Window) -> tuple[SourceRange, ...]:
    """Where the events of a held window lie in the inference topic, those of all segments, by partition.

    Nothing where that was not counted: rows of a table have no offsets.
    """
    panes = state.panes_of(replace(key, segment=ALL), window).values()
    held = (pane.parts.get(SourcePart.name) for pane in panes)
    return reduce(
        SourcePart.merge,
        (part for part in held if isinstance(part, SourcePart)),
        SourcePart.empty(None),
    ).summarise()
