"""How far up a window's distance to the reference lies among reference windows', whatever rows they hold."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.gamma import chi_square_survival_kernel
from stream_monitor.core.drift.predictive_t import (
    NORMAL_PLACES,
    predictive_p_kernel,
    wilson_hilferty,
)
from stream_monitor.core.drift.window_null import NULL_CODES, WindowNull

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def harmonic_rows(m: Counts, n: Counts) -> Floats:
    """Return h = n·m/(n + m), what a distance between n and m rows is multiplied by to be a chi-square.

    >>> harmonic_rows(np.array([100, 0]), np.array([300, 0])).tolist()
    [75.0, 0.0]
    """
    return np.asarray(n * m / np.maximum(1, n + m))


def predictive_p_of_distances(
    c: Floats, reference: Floats, noise: Floats, ratio: Floats, slots: Counts | None = None,
    slot: int = 0, least_dof: int = 1,
) -> Floats:  # fmt: skip
    """Return the p of F distances so far up, in logarithms, among those of K reference windows, (K, F).

    ``noise`` (F,) is the distance that rows alone make; a distance is scaled so that it does not depend on
    the rows, as chi-square is. ``ratio`` (F,) is by how much more the judged window's scale is than the
    reference windows': of h = n·m/(n + m), n its rows and m those that it is measured against.
    Formula: what windows vary by without drift is an excess x over the noise g, and it grows with h. Of
    ratio r > 1, ``c`` has risen by ρ = ln((g + x·r)/(g + x)), x = max(0, M − g) of the mean M of the
    windows' distances (with ``slots``, of the slot's), and p is that of c − ρ by the null of
    `predictive_p_among_skewed` (or `predictive_p_in_slot`), but at least P(G > exp c), G a gamma of mean
    g + x·r and variance 2g + 4x·r + v·r², over the x that M and its error leave possible. v is what the
    windows' own variance, with its error, leaves over 2g + 4x, at most the 2x² of an excess in one
    direction, and the more of that, 1 − 1/r, the larger the part of it is that the windows have not shown;
    where that variance is less than 2g + 4x, so is G's, by as much of it as they have shown.
    With a ratio below 1 ``c`` stays: it can then only be too small.
    One-sided: a window nearer to the reference than usual has not changed, p = 1. Above, p is not halved:
    between windows such a distance has a heavier tail than a t.
    Assumption: as there; the reference's windows hold about the same number of rows.
    NaN as there. Range: 0 to 1, no units.
    Reference: Patnaik, The non-central chi-square and F distributions, 1949 (the mean grows by the
    non-centrality); Weerahandi, Generalized confidence intervals, 1993 (the expectation).

    >>> windows = np.log(np.linspace(4.0, 10.0, 20)).reshape(-1, 1)
    >>> c, noise = np.log(np.array([30.0])), np.array([6.0])
    >>> [round(float(predictive_p_of_distances(c, windows, noise, np.array([r]))[0]), 4) for r in (1.0, 9.0)]
    [0.0001, 0.1284]
    """
    if not len(reference):
        return np.full(len(c), np.nan)
    null = WindowNull.AMONG_SKEWED if slots is None else WindowNull.SLOTS
    named = np.zeros(0, np.int64) if slots is None else slots.astype(np.int64)
    found: Floats = _p_of_columns(
        NULL_CODES[null], np.ascontiguousarray(c), np.ascontiguousarray(reference), named, slot,
        np.asarray(noise, np.float64), np.asarray(ratio, np.float64), least_dof,
    )  # fmt: skip
    return found


@njit(cache=True, nogil=True)
def _p_of_columns(
    null: int, c: Floats, reference: Floats, slots: Counts, slot: int, noise: Floats, ratio: Floats,
    least_dof: int,
) -> Floats:  # fmt: skip
    found = np.empty(len(c))
    for f in range(len(c)):
        count, mean, variance = _moments(reference, f, slots, slot)
        is_larger = ratio[f] > 1.0 and mean > 0.0
        rise = 0.0
        if is_larger:
            excess = max(0.0, mean - noise[f])
            rise = math.log((noise[f] + excess * ratio[f]) / (noise[f] + excess))
        p = predictive_p_kernel(
            null, c[f] - rise, reference, f, slots, slot, 0.0, 0.0, least_dof, True
        )
        if is_larger and p < 1.0:
            own = _p_of_excess(math.exp(c[f]), noise[f], ratio[f], count, mean, variance)
            p = max(p, own)
        found[f] = p
    return found


@njit(cache=True, nogil=True)
def _p_of_excess(
    distance: float, noise: float, ratio: float, count: int, mean: float, variance: float
) -> float:
    nodes, weights = NORMAL_PLACES
    # Of the chi-square that varies about its mean as much as the mean of so many distances does.
    dof = 2.0 * count * mean * mean / max(variance, 1e-6 * mean * mean)
    most = variance * (1.0 + math.sqrt(2.0 / max(1, count - 1)))
    unseen = 1.0 - 1.0 / ratio
    p = 0.0
    for i in range(len(nodes)):
        excess = max(0.0, mean / wilson_hilferty(nodes[i], dof) - noise)
        of_one_direction, of_rows = 2.0 * excess * excess, 2.0 * noise + 4.0 * excess
        between = min(of_one_direction, max(0.0, most - of_rows))
        between += unseen * (of_one_direction - between)
        narrow = min(1.0, most / of_rows)  # windows may vary less than a chi-square
        narrow += unseen * (1.0 - narrow)
        expected = noise + ratio * excess
        shape = 2.0 * expected * expected
        shape /= narrow * (2.0 * noise + 4.0 * ratio * excess) + ratio * ratio * between
        p += weights[i] * chi_square_survival_kernel(distance * shape / expected, shape)
    return p


@njit(cache=True, nogil=True)
def _moments(reference: Floats, f: int, slots: Counts, slot: int) -> tuple[int, float, float]:
    """How many windows (of the slot) have a distance, and the distances' mean and variance.

    0 without any; of one window the variance is that of an excess in one direction.
    """
    count, total, square = 0, 0.0, 0.0
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]) and (len(slots) == 0 or slots[k] == slot):
            count += 1
            total += math.exp(reference[k, f])
    mean = total / max(1, count)
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]) and (len(slots) == 0 or slots[k] == slot):
            square += (math.exp(reference[k, f]) - mean) ** 2
    return count, mean, square / (count - 1) if count > 1 else 2.0 * mean * mean
