"""Cells: the largest stretches of time that no window border cuts; old panes are rolled up into them.

When the windows of the shorter sizes are done, larger cells take their place (settled_at).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream_monitor.core.windows import Window, WindowSize


def cell_at(time_s: int, sizes: Sequence[WindowSize]) -> Window:
    """What the windows of all sizes around an instant have in common; each is a run of whole cells."""
    around = [size.window_at(time_s) for size in sizes]
    return Window(max(w.start_s for w in around), min(w.end_s for w in around))


def held_at(pane_s: int, sizes: Sequence[WindowSize], rolled_s: int | None) -> int:
    """Where a pane's counts are kept: its cell's start if that ended by `rolled_s`, else its own."""
    if rolled_s is None or pane_s >= rolled_s:
        return pane_s
    cell = cell_at(pane_s, sizes)
    return cell.start_s if cell.end_s <= rolled_s else pane_s


def settled_at(pane_s: int, sizes: Sequence[WindowSize], done_s: int) -> int:
    """Where counts are kept that windows which ended by `done_s` no longer need apart.

    The borders of the shorter sizes fall, where every window of theirs in the larger cell is done: of a
    month's hours remain days, of its days weeks.
    """
    order = sorted(sizes, key=lambda size: size.longest_s)
    for dropped in range(len(order) - 2, 0, -1):
        cell = cell_at(pane_s, order[dropped:])
        ends = (size.window_at(cell.end_s - 1).end_s for size in order[:dropped])
        if cell.end_s <= done_s and max(ends) <= done_s:
            return cell.start_s
    return pane_s


def places(
    window: Window, pane_s: int, sizes: Sequence[WindowSize], rolled_s: int | None
) -> Iterator[int]:
    """Every start at which counts of a window may be kept: of cells that are rolled up, else of panes."""
    at = window.start_s
    while at < window.end_s:
        yield at
        end = cell_at(at, sizes).end_s if rolled_s is not None and at < rolled_s else window.end_s
        at = end if rolled_s is not None and end <= rolled_s else at + pane_s
