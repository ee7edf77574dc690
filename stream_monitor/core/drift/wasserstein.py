"""The Wasserstein-1 distance: an effect size in the feature's own units."""

import numpy as np
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
    points = np.concatenate([reference_means[k > 0], window_means[w > 0]])
    if not np.isfinite(points).all():
        return None
    mass = np.concatenate([k[k > 0] / m, -w[w > 0] / n])
    order = np.argsort(points, kind="stable")
    gap = np.abs(np.cumsum(mass[order])[:-1])
    distance = float(np.sum(gap * np.diff(points[order])))
    return Score(statistic=distance, p=None, effect=distance, n=n, m=m)
