"""One producer, partition or version only: the moved rows lie in one segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.hints.hint import Hint, HintKind, percent

_MOST_MOVED: Final = 0.8
_MOST_TRAFFIC: Final = 0.5
_LEAST_LIFT: Final = 2.0


def moved_rows(reference: NDArray[np.int64], window: NDArray[np.int64]) -> float:
    """The least number of window rows that must change to give the reference's shares: n·Σ|q − p|/2.

    0 where a side is empty. Chance moves rows too, about 0.4·Σ√(n·p(1 − p)(1 + n/m)) of them.

    >>> moved_rows(np.array([50, 50]), np.array([80, 20]))
    30.0
    """
    m, n = int(reference.sum()), int(window.sum())
    if not m or not n:
        return 0.0
    return round(n * float(np.abs(window / n - reference / m).sum()) / 2, 9)


def concentrated_in(
    key: str, moved: Mapping[str, float], traffic: Mapping[str, float], may_name: bool = True
) -> Hint | None:
    """The one segment that holds at least 80 % of the moved rows, though at most half of the traffic.

    `moved` and `traffic` give, per value of the segment key, its share (or number) of moved rows and of
    all rows. None where there is no such segment, and with fewer than two segments.
    """
    total, rows = sum(moved.values()), sum(traffic.values())
    if len(traffic) < 2 or total <= 0 or rows <= 0:
        return None
    name = max(moved, key=lambda segment: (moved[segment], segment))
    held, usual = moved[name] / total, traffic.get(name, 0.0) / rows
    if held < _MOST_MOVED or usual > _MOST_TRAFFIC or held < _LEAST_LIFT * usual:
        return None
    what = f"{key} {name!r}" if may_name else f"one {key}"
    detail: dict[str, str | float] = {"key": key, "share": held, "traffic": usual}
    if may_name:
        detail["segment"] = name
    text = (
        f"{percent(held)} of the moved rows come from {what}, which sends {percent(usual)} of all"
    )
    return Hint(HintKind.CONCENTRATED, text, 0.9, detail)
