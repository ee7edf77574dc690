"""Would a changed copy of the reference give the window's counts? The question behind several hints."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.binning import GUARD_BINS, NumericBinning
from stream_monitor.core.profile.numeric import NumericSummary

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_POINTS: Final = 16
_SLACK: Final = 0.015
"""How far interpolation inside bins may lead a distribution function off."""
_CERTAIN: Final = 1.63
"""The 1 % point of the Kolmogorov distribution."""


@dataclass(frozen=True, slots=True)
class Points:
    """A histogram as weighted values: `weights` sum to 1."""

    values: Floats
    weights: Floats

    def histogram(self, binning: NumericBinning) -> Floats:
        """The share of each bin of a binning."""
        place = np.searchsorted(binning.edges, self.values, side="right")
        shares: Floats = np.bincount(place, self.weights, binning.bins).astype(np.float64)
        return shares

    def moved(self, change: Callable[[Floats], Floats]) -> Points:
        """The points after a change of their values."""
        with np.errstate(over="ignore"):
            return Points(change(self.values), self.weights)


def points_of(summary: NumericSummary, binning: NumericBinning) -> Points:
    """A summary's histogram as points; nothing for an empty one.

    Zeros are a point of their own. Inside a bin of width b the other values follow low + b·u^g, u
    uniform and g such that their mean is the bin's own; a bin that was made for one value is a point.
    Where all values have few decimals, points have no more. The extremes are there without weight.
    """
    counts, means = _without_zeros(summary, binning)
    used = np.flatnonzero(counts)
    if not summary.n or summary.minimum is None or summary.maximum is None:
        return Points(np.zeros(0), np.zeros(0))
    borders = np.array([-np.inf, *binning.edges, np.inf])
    low = np.maximum(borders[used], summary.minimum)
    high = np.minimum(borders[used + 1], summary.maximum)
    if has_few_values(binning):
        single = (used >= binning.inner.start) & (used < binning.inner.stop)
        low, high = np.where(single, means[used], low), np.where(single, means[used], high)
    width = np.maximum(high - low, 0.0)
    place = np.clip((means[used] - low) / np.where(width > 0, width, 1.0), 1e-3, 0.999)
    u = (np.arange(_POINTS) + 0.5) / _POINTS
    values = low[:, None] + width[:, None] * u[None, :] ** (1 / place - 1)[:, None]
    weights = np.repeat(counts[used] / (summary.n * _POINTS), _POINTS)
    values = _as_written(values, summary)
    ends = [summary.minimum, summary.maximum]
    zeros = [summary.zero / summary.n] if summary.zero else []
    return Points(
        np.concatenate([values.ravel(), ends, [0.0] * len(zeros)]),
        np.concatenate([weights, [0.0, 0.0], zeros]),
    )


def _without_zeros(
    summary: NumericSummary, binning: NumericBinning
) -> tuple[NDArray[np.int64], Floats]:
    """Counts and bin means of the values that are not zero."""
    counts, means = summary.counts.copy(), summary.bin_means.copy()
    place = int(np.searchsorted(binning.edges, 0.0, side="right"))
    counts[place] -= summary.zero
    if summary.zero and counts[place]:
        means[place] *= summary.counts[place] / counts[place]
    return counts, means


def _as_written(values: Floats, summary: NumericSummary) -> Floats:
    for places, count in enumerate(summary.decimals):
        if count == summary.n:
            rounded: Floats = np.round(values, places)
            return rounded
    return values


def has_few_values(binning: NumericBinning) -> bool:
    """Whether each inner bin was made for one value: borders are then midpoints from the least value on.

    >>> from stream_monitor.core.binning import learn_numeric
    >>> has_few_values(learn_numeric(np.arange(9.0))), has_few_values(learn_numeric(np.arange(900.0)))
    (True, False)
    """
    if not binning.is_discrete:
        return False
    low, *middles, high = binning.edges[GUARD_BINS - 1 : len(binning.edges) - GUARD_BINS + 1]
    value = low
    for middle in middles:
        value = 2 * middle - value
    return abs(value - high) <= binning.step * max(1, len(middles))


def distance(shares: Floats, counts: NDArray[np.int64]) -> float:
    """Kolmogorov's D of predicted shares and counts."""
    return float(np.abs(np.cumsum(shares - counts / counts.sum())).max())


def noise(n: int, m: int) -> float:
    """The D that chance and interpolation stay below: of n rows beside m, with 99 %."""
    return _CERTAIN * math.sqrt(1 / n + 1 / m) + _SLACK
