"""References that move with time: views of the model's own final windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.drift.window_null import WindowNull
from stream_monitor.core.policy import (
    AROUND_YEAR_AGO_S,
    HOUR_S,
    YEAR_S,
    ModelSpec,
    ReferenceKind,
)
from stream_monitor.core.references import SegmentReference, WindowProfile
from stream_monitor.core.seasonal_view import SeasonalView
from stream_monitor.core.verdicts import MINIMUM_WINDOWS
from stream_monitor.core.window_sums import WindowSums
from stream_monitor.core.window_tables import Kept
from stream_monitor.core.windows import Window, WindowSize

_HOUR: Final = WindowSize(HOUR_S)
Past = Sequence[tuple[str, WindowProfile]]
"""(version, window) of one segment, size and profile id, in order of time."""


def one_history(
    past: Past, seeds: Sequence[WindowProfile], sums: WindowSums
) -> list[WindowProfile]:
    """Windows of all versions together; a reference's own windows (`seeds`) where none ran."""
    found: dict[int, list[WindowProfile]] = {w.window.start_s: [w] for w in seeds}
    ran: dict[int, list[WindowProfile]] = {}
    for _, window in past:
        ran.setdefault(window.window.start_s, []).append(window)
    found |= ran
    together = (found[start] for start in sorted(found))
    return [own[0] if len(own) == 1 else sums.merged(own) for own in together]


def final_by(window: Window, spec: ModelSpec) -> int:
    """Windows that ended by this are final when `window` closes, whenever it is judged."""
    return min(window.start_s, window.end_s - spec.correction_horizon_s)


def chosen_windows(
    kind: ReferenceKind, history: Sequence[WindowProfile], window: Window, size: WindowSize,
    spec: ModelSpec,
) -> tuple[WindowProfile, ...]:  # fmt: skip
    """The final windows that a moving reference of a window consists of; all of `history` are of a size."""
    until = final_by(window, spec)
    if kind is ReferenceKind.YEAR_AGO:
        middle = window.start_s - YEAR_S
        first, last = middle - AROUND_YEAR_AGO_S, middle + AROUND_YEAR_AGO_S
    else:
        first, last = window.start_s - spec.reach_s(kind, size), until
    return tuple(
        w for w in history if first <= w.window.start_s <= last and w.window.end_s <= until
    )


@dataclass(frozen=True)
class History:
    """What a moving reference of one window is chosen from, in order of time.

    `windows` are of the judged size; `hours` are earlier hours and `own` those of the window, where the
    seasonal reference is used.
    """

    windows: Sequence[WindowProfile]
    hours: Sequence[WindowProfile] = ()
    own: Sequence[WindowProfile] = ()


def moving_view(
    kind: ReferenceKind, history: History, window: Window, size: WindowSize, spec: ModelSpec,
    sums: WindowSums,
) -> ReferenceView | SeasonalView | None:  # fmt: skip
    """The view of a moving reference; None without a window.

    Where its length holds windows enough for the window-to-window null, it begins to judge when they are
    there; a shorter one is judged by rows alone, as a frozen reference of few windows is.
    """
    kept = chosen_windows(kind, history.windows, window, size, spec)
    if kind is ReferenceKind.SEASONAL:
        return _seasonal_view(kept, history, window, size, spec, sums)
    if not kept:
        return None
    is_previous = kind is ReferenceKind.PREVIOUS
    total = kept[-1] if is_previous else sums.total(kept)
    return ReferenceView(
        SegmentReference(total, {size.name: kept}),
        size.name,
        null=WindowNull.DIFFERENCES if is_previous else WindowNull.AMONG,
        needs_windows=kind is not ReferenceKind.YEAR_AGO and can_fill(kind, size, spec),
        kept=None if is_previous else _kept(kept, spec),
    )


def _seasonal_view(
    kept: Sequence[WindowProfile], history: History, window: Window, size: WindowSize,
    spec: ModelSpec, sums: WindowSums,
) -> ReferenceView | SeasonalView | None:  # fmt: skip
    """Windows at the same time of the week; longer than an hour, hour by hour."""
    slot = size.slot_of(window)
    slots = [size.slot_of(w.window) for w in kept]
    same = [w for w, of in zip(kept, slots, strict=True) if of == slot]
    if not same:
        return None
    view = ReferenceView(
        SegmentReference(sums.total(same), {size.name: tuple(kept)}),
        size.name,
        null=WindowNull.SLOTS,
        slots=slots,
        slot=slot,
        needs_windows=can_fill(ReferenceKind.SEASONAL, size, spec),
    )
    hours = chosen_windows(ReferenceKind.SEASONAL, history.hours, window, _HOUR, spec)
    if size.size_s <= HOUR_S or not hours or not history.own:
        return view
    return SeasonalView(view, hours, history.own, size.timezone)


def can_fill(kind: ReferenceKind, size: WindowSize, spec: ModelSpec) -> bool:
    """Whether the reach of a sliding, previous or seasonal reference holds windows enough."""
    return spec.reach_s(kind, size) >= MINIMUM_WINDOWS * size.longest_s


def _kept(windows: Sequence[WindowProfile], spec: ModelSpec) -> Kept | None:
    """Which windows teach which features: those in which a feature drifted do not, as an option."""
    if not spec.skips_alarms or not any(w.alarmed for w in windows):
        return None
    names = spec.schema.names
    return np.array([[name not in w.alarmed for name in names] for w in windows], np.bool_)
