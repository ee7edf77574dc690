"""Values cut off at a limit: the mass beyond it sits on the limit."""

from __future__ import annotations

from typing import Final

import numpy as np

from stream_monitor.core.hints.feature_evidence import NumericEvidence
from stream_monitor.core.hints.hint import Hint, HintKind, percent
from stream_monitor.core.hints.transforms import Points, distance, noise, points_of

_LEAST_SHARE: Final = 0.01
_MOST_SHARE: Final = 0.9
_LEAST_ROWS: Final = 10
_LEAST_EXCESS: Final = 0.5


def clipping_hint(evidence: NumericEvidence) -> Hint | None:
    """The limit, upper, lower or both, that turns the reference into the window.

    Looked for only inside the reference's range, where 1 % to 90 % of its values lie beyond.
    """
    window, reference = evidence.window, evidence.reference
    if not window.n or not reference.n or window.minimum is None or window.maximum is None:
        return None
    points = points_of(reference, evidence.binning)
    upper = _cut(evidence, points, window.maximum, 1)
    lower = _cut(evidence, points, window.minimum, -1)
    if not upper and not lower:
        return None
    low = window.minimum if lower else -np.inf
    high = window.maximum if upper else np.inf
    clipped = points.moved(lambda x: np.clip(x, low, high)).histogram(evidence.binning)
    if distance(clipped, window.counts) > noise(window.n, reference.n):
        return None
    return _hint(evidence, lower, upper)


def _cut(evidence: NumericEvidence, points: Points, limit: float, side: int) -> float:
    """The share of the reference beyond a limit, 0 where the window does not hold it on the limit."""
    window, binning = evidence.window, evidence.binning
    beyond = float(points.weights[side * points.values > side * limit].sum())
    place = int(np.searchsorted(binning.edges, limit, side="right"))
    is_inside = binning.inner.start <= place < binning.inner.stop
    if not is_inside or not max(_LEAST_SHARE, _LEAST_ROWS / window.n) <= beyond <= _MOST_SHARE:
        return 0.0
    inside = (np.searchsorted(binning.edges, points.values, side="right") == place) & (
        side * points.values <= side * limit
    )
    held = float(window.counts[place]) / window.n
    excess = held - float(points.weights[inside].sum())
    return beyond if excess >= _LEAST_EXCESS * beyond else 0.0


def _hint(evidence: NumericEvidence, lower: float, upper: float) -> Hint:
    window = evidence.window
    limits = [(window.minimum, lower, "below"), (window.maximum, upper, "above")]
    used = [(value, cut, word) for value, cut, word in limits if cut and value is not None]
    where = " and ".join(
        f"{word} {value:.6g}" if evidence.may_name else word for value, _, word in used
    )
    detail: dict[str, str | float] = {"share": lower + upper}
    if evidence.may_name:
        detail |= {("minimum" if word == "below" else "maximum"): value for value, _, word in used}
    return Hint(
        HintKind.CLIPPING,
        f"nothing is {where} any more, and {percent(lower + upper)} of the values lie on the limit "
        "instead; probably clipped",
        0.87,
        detail,
    )
