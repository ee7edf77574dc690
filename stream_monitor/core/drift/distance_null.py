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
Slots = NDArray[np.int64]


def predictive_p_of_distances(
    c: Floats, reference: Floats, noise: Floats, ratio: Floats, slots: Slots | None = None,
    slot: int = 0, least_dof: int = 1,
) -> Floats:  # fmt: skip
    """Return the p of F distances so far up, in logarithms, among those of K reference windows, (K, F).

    ``noise`` (F,) is the distance that rows alone make, ``ratio`` (F,) the judged window's rows ÷ the
    reference windows'. A distance is scaled so that noise does not depend on the rows, as chi-square is.
    Formula: what windows vary by without drift is an excess x over the noise g, and it grows with the
    rows. Of ratio r > 1 times as many, ``c`` has risen by ρ = ln((g + x·r)/(g + x)), x = max(0, M − g)
    of the windows' mean M of the distances themselves, and p is that of c − ρ by the null of
    `predictive_p_among_skewed` (with ``slots`` of `predictive_p_in_slot`), but at least what an excess
    in one direction leaves likely: E of P(g' + x·r·χ²(1) > exp c), g' a chi-square of mean g, the sum
    taken as a gamma of its mean and variance, over the means that M and its error leave possible.
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
    [0.0001, 0.1327]
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
    null: int, c: Floats, reference: Floats, slots: Slots, slot: int, noise: Floats, ratio: Floats,
    least_dof: int,
) -> Floats:  # fmt: skip
    found = np.empty(len(c))
    for f in range(len(c)):
        mean, error = _mean_and_error(reference, f)
        is_larger = ratio[f] > 1.0 and math.isfinite(error)
        rise = 0.0
        if is_larger:
            excess = max(0.0, mean - noise[f])
            rise = math.log((noise[f] + excess * ratio[f]) / (noise[f] + excess))
        p = predictive_p_kernel(
            null, c[f] - rise, reference, f, slots, slot, 0.0, 0.0, least_dof, True
        )
        if is_larger and p < 1.0:
            p = max(p, _p_of_one_direction(math.exp(c[f]), noise[f], ratio[f], mean, error))
        found[f] = p
    return found


@njit(cache=True, nogil=True)
def _p_of_one_direction(
    distance: float, noise: float, ratio: float, mean: float, error: float
) -> float:
    nodes, weights = NORMAL_PLACES
    dof = 2.0 * (mean / max(error, 1e-3 * mean)) ** 2  # of a chi-square with this relative error
    p = 0.0
    for i in range(len(nodes)):
        excess = ratio * max(0.0, mean / wilson_hilferty(nodes[i], dof) - noise)
        expected = noise + excess
        variance = 2.0 * noise + 4.0 * excess + 2.0 * excess * excess
        shape = 2.0 * expected * expected / variance
        p += weights[i] * chi_square_survival_kernel(distance * shape / expected, shape)
    return p


@njit(cache=True, nogil=True)
def _mean_and_error(reference: Floats, f: int) -> tuple[float, float]:
    """The mean distance of the windows that have one, and its standard error; NaN with fewer than two."""
    count, total, square = 0, 0.0, 0.0
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]):
            count += 1
            total += math.exp(reference[k, f])
    if count < 2:
        return math.nan, math.nan
    mean = total / count
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]):
            square += (math.exp(reference[k, f]) - mean) ** 2
    return mean, math.sqrt(square / (count - 1) / count)
