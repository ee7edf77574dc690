"""Exact tails of the hypergeometric distribution, for many tables at once.

The point probability comes from Loader's saddle-point form, which does not cancel at large counts;
the tails are sums of ratios outwards from the observed count, so no approximation is ever needed.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDING = 1e-16
_HALF_LOG_TWO_PI = 0.9189385332046727
_SMALL = 16
_SMALL_ERRORS = np.array(
    [0.0]
    + [
        math.lgamma(x + 1.0) - (x + 0.5) * math.log(x) + x - _HALF_LOG_TWO_PI
        for x in range(1, _SMALL)
    ]
)


def two_sided_p(x: Floats, n: float, kind: Floats, total: float) -> Floats:
    """Return twice the smaller tail of drawing ``x`` of ``kind`` rows in ``n`` out of ``total``.

    Formula: min(1, 2·min(P(X ≤ x), P(X ≥ x))), X hypergeometric; ``x`` and ``kind`` are arrays of
    whole numbers, one entry a table. Assumption: 0 ≤ x ≤ kind, x ≤ n ≤ total, n − x ≤ total − kind.
    Empty arrays give an empty array; a kind of nobody or of everybody has p = 1. Conservative on
    few rows, as every exact test of a discrete count is.
    Range: 0 to 1, no units. Cost: about the distribution's standard deviation per table.
    Reference: Loader, Fast and accurate computation of binomial probabilities, 2000.

    >>> two_sided_p(np.array([5.0]), 5, np.array([5.0]), 10).round(6).tolist()  # 2/C(10, 5)
    [0.007937]
    """
    return np.array(
        [two_sided_kernel(a, float(n), k, float(total)) for a, k in zip(x, kind, strict=True)]
    )


@njit(cache=True, nogil=True)
def two_sided_kernel(x: float, n: float, kind: float, total: float) -> float:
    """`two_sided_p` of one table, compiled."""
    point = _point_probability(x, n, kind, total)
    if x * total < n * kind:
        # Counting the other kind turns a lower tail into an upper one.
        x, kind = n - x, total - kind
    outer = point * _tail_ratio(x, n, kind, total)
    inner = 1.0 - outer + point
    return min(1.0, 2.0 * min(outer, inner))


@njit(cache=True, nogil=True)
def _tail_ratio(x: float, n: float, kind: float, total: float) -> float:
    """P(X ≥ x) / P(X = x), summed until the rest cannot be seen."""
    rest = total - kind - n
    term = 1.0
    tail = 1.0
    while x < kind and x < n:
        ratio = (kind - x) * (n - x) / ((x + 1.0) * (rest + x + 1.0))
        term *= ratio
        tail += term
        if ratio < 1.0 and term * ratio <= _ROUNDING * tail * (1.0 - ratio):
            break
        x += 1.0
    return tail


@njit(cache=True, nogil=True)
def _point_probability(x: float, n: float, kind: float, total: float) -> float:
    share = n / total
    return math.exp(
        _log_binomial(x, kind, share)
        + _log_binomial(n - x, total - kind, share)
        - _log_binomial(n, total, share)
    )


@njit(cache=True, nogil=True)
def _log_binomial(x: float, size: float, p: float) -> float:
    rest = size - x
    if x <= 0.0:
        return rest * math.log1p(-p) if rest > 0.0 else 0.0
    if rest <= 0.0:
        return x * math.log(p)
    return (
        _stirling_error(size)
        - _stirling_error(x)
        - _stirling_error(rest)
        - _deviance(x, size * p)
        - _deviance(rest, size * (1.0 - p))
        + 0.5 * math.log(size / (x * rest))
        - _HALF_LOG_TWO_PI
    )


@njit(cache=True, nogil=True)
def _deviance(x: float, mean: float) -> float:
    """x·ln(x/mean) + mean − x; near x = mean by a series, where the formula cancels."""
    v = (x - mean) / (x + mean)
    if abs(v) >= 0.1:
        return x * math.log(x / mean) + mean - x
    square = v * v
    series = 0.0
    for j in range(8, 0, -1):
        series = (series + 1.0 / (2 * j + 1)) * square
    return (x - mean) * v + 2.0 * x * v * series


@njit(cache=True, nogil=True)
def _stirling_error(x: float) -> float:
    """ln x! − ln(√(2πx)·(x/e)^x) of whole numbers; the series is exact to rounding from 16 on."""
    if x < _SMALL:
        return float(_SMALL_ERRORS[int(x)])
    square = x * x
    tail = 1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square
    return (1 / 12 - (1 / 360 - tail / square) / square) / x
