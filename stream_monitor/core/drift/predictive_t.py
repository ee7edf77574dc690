"""The compiled predictive t of each null; what they promise is told in window_null.py."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.student_t import student_t_kernel

Floats = NDArray[np.float64]

# Summaries are of order one; a difference below this is rounding, whatever the windows' spread.
_SMALLEST_SD = 1e-9


@njit(cache=True, nogil=True)
def two_sided_t_kernel(t: float, dof: int) -> float:
    """The two-sided tail of Student's t, compiled."""
    return min(1.0, 2.0 * student_t_kernel(abs(t), float(dof)))


@njit(cache=True, nogil=True)
def predictive_t_kernel(
    null: int, c: float, reference: Floats, f: int, slots: NDArray[np.int64], slot: int
) -> tuple[float, int]:
    """t of ``c`` under a null, against column f, and its degrees of freedom: 0 where there is no t."""
    if math.isnan(c):
        return 0.0, 0
    if null == 0:
        return _among(c, reference, f, False)
    if null == 3:
        return _among(c, reference, f, True)
    if null == 1:
        return _of_differences(c, reference, f)
    return _in_slot(c, reference, f, slots, slot)


@njit(cache=True, nogil=True)
def _among(c: float, reference: Floats, f: int, is_skewed: bool) -> tuple[float, int]:
    count, total, square, cube = 0, 0.0, 0.0, 0.0
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]):
            total += reference[k, f]
            count += 1
    if count < 2:
        return 0.0, 0
    mean = total / count
    for k in range(len(reference)):
        if not math.isnan(reference[k, f]):
            square += (reference[k, f] - mean) ** 2
            cube += (reference[k, f] - mean) ** 3
    sd = max(math.sqrt(square / (count - 1)), _SMALLEST_SD)
    t = (c - mean) / (sd * math.sqrt(1 + 1 / count))
    return _unskewed(t, cube / count / sd**3) if is_skewed else t, count - 1


@njit(cache=True, nogil=True)
def _unskewed(t: float, skewness: float) -> float:
    """The t of a symmetric summary that lies as far out, never further than t: z + g·(z² − 1)/6 = |t|."""
    g = skewness if t > 0.0 else -skewness
    if g <= 0.0 or abs(t) <= 1.0:
        return t
    z = (math.sqrt(9.0 + 6.0 * g * abs(t) + g * g) - 3.0) / g
    return math.copysign(min(abs(t), z), t)


@njit(cache=True, nogil=True)
def _of_differences(c: float, reference: Floats, f: int) -> tuple[float, int]:
    count, square = 0, 0.0
    for k in range(1, len(reference)):
        step = reference[k, f] - reference[k - 1, f]
        if not math.isnan(step):
            square += step * step
            count += 1
    last = reference[len(reference) - 1, f]
    if not count or math.isnan(last):
        return 0.0, 0
    return (c - last) / max(math.sqrt(square / count), _SMALLEST_SD), count


@njit(cache=True, nogil=True)
def _in_slot(
    c: float, reference: Floats, f: int, slots: NDArray[np.int64], slot: int
) -> tuple[float, int]:
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
        return 0.0, 0
    sd = max(math.sqrt(square / dof), _SMALLEST_SD)
    return (c - means[slot]) / (sd * math.sqrt(1 + 1 / counts[slot])), dof
