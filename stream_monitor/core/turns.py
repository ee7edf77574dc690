"""Whose turn it is when time has moved: windows that close or changed, and open ones to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from stream_monitor.core.results import WindowKey
from stream_monitor.core.windows import Window, WindowSize, part_size

if TYPE_CHECKING:
    from stream_monitor.core.model_state import ModelState


def turns(
    state: ModelState, before_s: int | None, sizes: Mapping[str, WindowSize]
) -> list[tuple[int, int, WindowKey]]:  # fmt: skip
    """What is due, in the order of time: (instant, length of the window, window), in seconds.

    The instant is the window's end where it closes or late events changed it, and before that where it is
    open and looked at. The watermark was at `before_s`.
    """
    lateness_s = state.spec.allowed_lateness_s
    due = [(state.closed[key].window.end_s, key) for key in state.to_revise & state.closed.keys()]
    for key, window in state.waiting.items():
        due += [(at, key) for at in _looks(state, window, sizes[key.size], before_s)]
        if state.watermark_s is not None and window.end_s + lateness_s <= state.watermark_s:
            due.append((window.end_s, key))
    return sorted((at_s, sizes[key.size].size_s, key) for at_s, key in due)


def _looks(
    state: ModelState, window: Window, size: WindowSize, before_s: int | None
) -> Iterator[int]:  # fmt: skip
    """When an open window is looked at, in order: the ends of its parts that the watermark passed just now.

    `before_s` is where the watermark was before. Nothing after the window's own end.
    """
    part = part_size(size, state.spec.windows) if size.early else None
    if part is None or state.watermark_s is None:
        return
    passed_s = state.watermark_s - state.spec.allowed_lateness_s
    since_s = window.start_s if before_s is None else before_s - state.spec.allowed_lateness_s
    at_s = part.window_at(max(since_s, window.start_s)).end_s
    while at_s < window.end_s and at_s <= passed_s:
        yield at_s
        at_s = part.window_at(at_s).end_s
