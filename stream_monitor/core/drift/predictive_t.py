"""The compiled p of each null of windows; what they promise is told in window_null.py."""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.student_t import student_t_kernel

Floats = NDArray[np.float64]

# Summaries are of order one; a difference below this is rounding, whatever the windows' spread.
_SMALLEST_SD = 1e-9

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
NORMAL_PLACES: Final = (
    np.ascontiguousarray(_NODES),
    np.ascontiguousarray(_WEIGHTS / _WEIGHTS.sum()),
)
"""Places and weights of a standard normal variable, for an expectation over it."""


@njit(cache=True, nogil=True)
def predictive_p_kernel(
    null: int, c: float, reference: Floats, f: int, slots: NDArray[np.int64], slot: int,
    noise: float, mean_noise: float, least_dof: int, is_upper: bool = False,
) -> float:  # fmt: skip
    """The p of ``c`` under a null, against column f; NaN where there is none.

    ``noise`` is the sampling variance of ``c``, ``mean_noise`` that of the column, on average; both 0 where
    they are not known. With ``is_upper`` a ``c`` that is not above has p = 1.
    """
    distance, spread, dof, weight = _placed(null, c, reference, f, slots, slot)
    if dof < max(1, least_dof):
        return math.nan
    if null == 1 or (noise == 0.0 and mean_noise == 0.0) or spread <= _SMALLEST_SD**2:
        p = two_sided_t_kernel(distance / math.sqrt(spread * (1.0 + weight)), dof)
    else:
        p = _p_beyond_noise(abs(distance), spread, dof, weight, noise, mean_noise)
    return 1.0 if is_upper and distance <= 0.0 else p


@njit(cache=True, nogil=True)
def two_sided_t_kernel(t: float, dof: int) -> float:
    """The two-sided tail of Student's t, compiled."""
    return min(1.0, 2.0 * student_t_kernel(abs(t), float(dof)))


@njit(cache=True, nogil=True)
def _p_beyond_noise(
    distance: float, spread: float, dof: int, weight: float, noise: float, mean_noise: float
) -> float:
    """E over W ~ χ²(dof) of the normal tail at the variance that W, the spread and the noise imply."""
    nodes, weights = NORMAL_PLACES
    p = 0.0
    for i in range(len(nodes)):
        possible = spread / wilson_hilferty(nodes[i], dof)
        variance = max(0.0, possible - mean_noise) + noise + weight * possible
        p += weights[i] * math.erfc(distance / math.sqrt(2.0 * variance))
    return min(1.0, p)


@njit(cache=True, nogil=True)
def wilson_hilferty(z: float, dof: float) -> float:
    """χ²(dof)/dof where a normal variable is z; the far lower tail, where it ends, has no weight."""
    step = 2.0 / (9.0 * dof)
    root = max(1.0 - step + z * math.sqrt(step), 0.05)
    return root * root * root


@njit(cache=True, nogil=True)
def _placed(
    null: int, c: float, reference: Floats, f: int, slots: NDArray[np.int64], slot: int
) -> tuple[float, float, int, float]:
    """Distance from the null's mean, variance between windows, its degrees of freedom (0: none), 1/K."""
    if math.isnan(c):
        return 0.0, 1.0, 0, 0.0
    if null == 0:
        return _among(c, reference, f, False)
    if null == 3:
        return _among(c, reference, f, True)
    if null == 1:
        return _of_differences(c, reference, f)
    return _in_slot(c, reference, f, slots, slot)


@njit(cache=True, nogil=True)
def _among(c: float, reference: Floats, f: int, is_skewed: bool) -> tuple[float, float, int, float]:
    count, total, square, cube = 0, 0.0, 0.0, 0.0
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]):
            total += reference[k, f]
            count += 1
    if count < 2:
        return 0.0, 1.0, 0, 0.0
    mean = total / count
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]):
            square += (reference[k, f] - mean) ** 2
            cube += (reference[k, f] - mean) ** 3
    sd = max(math.sqrt(square / (count - 1)), _SMALLEST_SD)
    distance = c - mean
    if is_skewed:
        unit = sd * math.sqrt(1 + 1 / count)
        distance = unit * _unskewed(distance / unit, cube / count / sd**3)
    return distance, sd * sd, count - 1, 1 / count


@njit(cache=True, nogil=True)
def _unskewed(t: float, skewness: float) -> float:
    """The t of a symmetric summary that lies as far out, never further than t: z + g·(z² − 1)/6 = |t|."""
    g = skewness if t > 0.0 else -skewness
    if g <= 0.0 or abs(t) <= 1.0:
        return t
    z = (math.sqrt(9.0 + 6.0 * g * abs(t) + g * g) - 3.0) / g
    return math.copysign(min(abs(t), z), t)


@njit(cache=True, nogil=True)
def _of_differences(c: float, reference: Floats, f: int) -> tuple[float, float, int, float]:
    count, square = 0, 0.0
    for k in range(1, len(reference)):
        step = reference[k, f] - reference[k - 1, f]
        if not math.isnan(step):
            square += step * step
            count += 1
    last = reference[len(reference) - 1, f]
    if not count or math.isnan(last):
        return 0.0, 1.0, 0, 0.0
    return c - last, max(square / count, _SMALLEST_SD**2), count, 0.0


@njit(cache=True, nogil=True)
def _in_slot(
    c: float, reference: Floats, f: int, slots: NDArray[np.int64], slot: int
) -> tuple[float, float, int, float]:
    counts, means = np.zeros(slots.max() + 1), np.zeros(slots.max() + 1)
    square, dof = 0.0, 0
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]):
            s = slots[k]
            counts[s] += 1.0
            off = reference[k, f] - means[s]
            means[s] += off / counts[s]
            square += off * (reference[k, f] - means[s])
            dof += counts[s] > 1.0
    if slot >= len(counts) or counts[slot] == 0.0 or not dof:
        return 0.0, 1.0, 0, 0.0
    return c - means[slot], max(square / dof, _SMALLEST_SD**2), dof, 1 / counts[slot]
