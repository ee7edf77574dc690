"""The Kolmogorov–Smirnov test on binned values: the deciding test of numeric features."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.brownian_bridge import grid_crossing_probability, kolmogorov_kernel
from stream_monitor.core.drift.score import Score

# Siegmund's −ζ(1/2)/√(2π): what a Gaussian walk, seen only at bin edges, overshoots a barrier.
_OVERSHOOT = 0.5826
_ROUNDING = 1e-12


def kolmogorov_smirnov(
    k: NDArray[np.int64], w: NDArray[np.int64], *, discrete: bool, exact_from: float = 0.0
) -> Score | None:
    """Compare two histograms over the same ordered bins.

    Formula: D = max |cumsum(w/n − k/m)|. With h = 1/n + 1/m, a continuous feature has
    p = P(sup |B| > D/√h + 0.5826/√B), B the number of bins that hold a row and the second term the
    correction for seeing the bridge on a grid; a ``discrete`` one p = P(max |B(t)| > D/√h) over the
    pooled cdf points t themselves. That one takes milliseconds, so where D < ``exact_from`` a
    discrete feature has p = P(sup |B| > D/√h) instead: the bridge everywhere strays at least as far
    as at some points, so this p is never too small.
    Assumption: independent rows; for ``discrete=False`` bins of roughly equal reference share.
    None when either side is empty. A feature constant on both sides has D = 0 and p = 1; tiny
    windows are measured, with p slightly conservative. Ties do no harm when ``discrete`` is set.
    Range: statistic and effect are D, a share from 0 to 1; D is at most the D of the raw rows.
    Reference: Siegmund, Sequential Analysis, 1985, chapter X (grid correction).

    >>> score = kolmogorov_smirnov(np.array([50, 50]), np.array([70, 30]), discrete=True)
    >>> round(score.statistic, 6), round(score.p, 4)
    (0.2, 0.0039)
    """
    m, n = int(k.sum()), int(w.sum())
    if m == 0 or n == 0:
        return None
    d, cells = distance_kernel(k, w)
    scaled = d / math.sqrt(1 / n + 1 / m)
    if discrete and d >= exact_from and cells > 1 and scaled >= _ROUNDING:
        p = grid_crossing_probability(scaled, np.cumsum(k + w) / (m + n))
    else:
        p = float(ks_p_kernel(d, m, n, cells, discrete))
    return Score(statistic=d, p=p, effect=d, n=n, m=m)


@njit(cache=True, nogil=True)
def distance_kernel(k: NDArray[np.int64], w: NDArray[np.int64]) -> tuple[float, int]:
    """D of `kolmogorov_smirnov` and the number of bins that hold a row; neither side is empty."""
    m, n = k.sum(), w.sum()
    d, difference, cells = 0.0, 0.0, 0
    for c in range(len(k)):
        difference += w[c] / n - k[c] / m
        d = max(d, abs(difference))
        if k[c] + w[c] > 0:
            cells += 1
    return d, cells


@njit(cache=True, nogil=True)
def ks_p_kernel(d: float, m: int, n: int, cells: int, discrete: bool) -> float:
    """The p of `kolmogorov_smirnov` without a grid, compiled: for discrete features its bound."""
    scaled = d / math.sqrt(1 / n + 1 / m)
    if cells == 1 or scaled < _ROUNDING:
        return 1.0
    return float(kolmogorov_kernel(scaled if discrete else scaled + _OVERSHOOT / math.sqrt(cells)))


@njit(cache=True, nogil=True)
def smallest_ks_p_kernel(m: int, n: int, cells: int) -> float:
    """The p of `kolmogorov_smirnov` where the sides share no bin, D = 1: the least there is."""
    return float(kolmogorov_kernel(1.0 / math.sqrt(1 / n + 1 / m) + _OVERSHOOT / math.sqrt(cells)))
