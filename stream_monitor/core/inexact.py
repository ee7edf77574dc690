"""Stretches of event time in which events may be lost or counted twice; few, whatever happened."""

from __future__ import annotations

from itertools import pairwise

from stream_monitor.core.windows import Window

Inexact = tuple[Window, ...]
"""Disjoint and in order of time."""

MAX_STRETCHES = 1_000


def marked(held: Inexact, start_s: int, end_s: int) -> Inexact:
    """With one more stretch [start_s, end_s).

    Beyond MAX_STRETCHES those that are nearest to each other become one: rather too much than too little.
    """
    merged: list[Window] = []
    for stretch in sorted((*held, Window(start_s, end_s)), key=lambda w: w.start_s):
        if merged and stretch.start_s <= merged[-1].end_s:
            last = merged.pop()
            stretch = Window(last.start_s, max(last.end_s, stretch.end_s))
        merged.append(stretch)
    if len(merged) > MAX_STRETCHES:
        gaps = [after.start_s - before.end_s for before, after in pairwise(merged)]
        at = gaps.index(min(gaps))
        merged[at : at + 2] = [Window(merged[at].start_s, merged[at + 1].end_s)]
    return tuple(merged)


def touches(held: Inexact, window: Window) -> bool:
    """Whether a window has any part in the stretches."""
    return any(w.start_s < window.end_s and window.start_s < w.end_s for w in held)
