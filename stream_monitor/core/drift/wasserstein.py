"""The Wasserstein-1 distance: an effect size in the feature's own units."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.score import Score


def wasserstein(
    k: NDArray[np.int64],
    w: NDArray[np.int64],
    reference_means: NDArray[np.float64],
    window_means: NDArray[np.float64],
) -> Score | None:
    """Measure how far the window's values have to be carried to become the reference's.

    Formula: ∫ |F − G|, exact for two discrete distributions that put each bin's share at that
    side's own mean within the bin. Means are NaN where that side's bin is empty.
    Assumption: none as a distance; it equals that of the raw rows up to movement inside bins.
    None when either side is empty or a bin that holds rows has no finite mean. Constant on both
    sides gives the distance of the constants; discrete values, one to a bin, are exact.
    Tiny windows look about sd/√n away.
    Range: 0 upwards, statistic and effect in the feature's units; no p. Divide by a reference scale
    to compare features.
    Reference: Vallender, Calculation of the Wasserstein distance on the line, 1974.

    >>> one = np.array([10.0])
    >>> wasserstein(np.array([4]), np.array([8]), one, one + 2.5).effect
    2.5
    """
    m, n = int(k.sum()), int(w.sum())
    if m == 0 or n == 0:
        return None
    distance = float(wasserstein_kernel(k, w, reference_means, window_means))
    if math.isnan(distance):
        return None
    return Score(statistic=distance, p=None, effect=distance, n=n, m=m)


@njit(cache=True, nogil=True)
def wasserstein_kernel(
    k: NDArray[np.int64],
    w: NDArray[np.int64],
    reference_means: NDArray[np.float64],
    window_means: NDArray[np.float64],
) -> float:
    """The distance of `wasserstein`, compiled; NaN for None; neither side is empty."""
    reference, mass = _points(k, reference_means)
    window, other_mass = _points(w, window_means)
    if math.isnan(reference[-1]) or math.isnan(window[-1]):
        return math.nan
    i, j, gap, distance = 0, 0, 0.0, 0.0
    last = min(reference[0], window[0])
    while i < len(reference) or j < len(window):
        is_reference = j == len(window) or (i < len(reference) and reference[i] <= window[j])
        point = reference[i] if is_reference else window[j]
        distance += abs(gap) * (point - last)
        last = point
        if is_reference:
            gap += mass[i]
            i += 1
        else:
            gap -= other_mass[j]
            j += 1
    return distance


@njit(cache=True, nogil=True)
def _points(
    counts: NDArray[np.int64], means: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The means of bins that hold rows, rising, and their shares; the last is NaN where one is not finite."""
    n, size = counts.sum(), 0
    points, shares = np.empty(len(counts)), np.empty(len(counts))
    for b in range(len(counts)):
        if counts[b] == 0:
            continue
        place = size  # bins are in order already, but for ones that do not fit themselves
        while place > 0 and points[place - 1] > means[b]:
            points[place], shares[place] = points[place - 1], shares[place - 1]
            place -= 1
        points[place], shares[place] = means[b], counts[b] / n
        size += 1
        if not math.isfinite(means[b]):
            points[place] = math.nan
            return points[: place + 1], shares[: place + 1]
    return points[:size], shares[:size]
