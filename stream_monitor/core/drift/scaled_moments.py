"""Where a window's values lie and how far they spread, on a scale that does not saturate."""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

NEGLIGIBLE_VARIANCE: Final = 1e-3
"""On the scale of `scaled_mean`; see `log_spread`."""
LEAST_VALUES: Final = 10
"""Of fewer the variance is not known well enough to know its noise."""


@njit(cache=True, nogil=True)
def scaled_moments(
    fine: Counts, sums: Counts, medians: Floats, iqrs: Floats, steps: Floats
) -> Floats:
    """Return location, spread and the sampling variances of both of F features, (4, F); NaN without rows.

    `scaled_mean` and `log_spread` of the bins' own means; no spread of fewer than LEAST_VALUES values.
    Sampling variances: σ²/n, and by the delta method (m₄ − σ⁴ + 2σ⁴/n)/n/(σ² + 0.001)².
    """
    found = np.full((4, len(fine)), np.nan)
    for f in range(len(fine)):
        means = bin_means_kernel(fine[f], sums[f], medians[f], steps[f])
        mean, variance, fourth = scaled_moments_kernel(fine[f], means, medians[f], iqrs[f])
        n = fine[f].sum()
        if math.isnan(mean):
            continue
        found[0, f], found[2, f] = mean, variance / n
        if n >= LEAST_VALUES:
            slope = 1.0 / (variance + NEGLIGIBLE_VARIANCE)
            found[1, f] = math.log(variance + NEGLIGIBLE_VARIANCE)
            of_square = max(0.0, fourth - variance * variance) + 2.0 * variance * variance / n
            found[3, f] = slope * slope * of_square / n
    return found


def scaled_mean(counts: Counts, bin_means: Floats, median: float, iqr: float) -> float | None:
    """Summarise location: the mean of the bins' means, on a scale that does not saturate.

    Formula: Σ q_b·asinh((x̄_b − median)/(2·IQR)), q the shares and x̄ the window's own bin means
    (NaN where empty); median and IQR are the reference's. About linear within an IQR, logarithmic
    beyond.
    Assumption: none. A thousandfold change still shows, one far row does not rule.
    None when no row, when the IQR is not positive (constant or mostly one value), or when a bin
    that holds rows has no finite mean.
    Range: any sign, 0 at the median, no units.
    Reference: Johnson, Systems of frequency curves, 1949 (the asinh scale).

    >>> round(scaled_mean(np.array([1, 1]), np.array([1.0, 5.0]), median=1.0, iqr=2.0), 6)
    0.440687
    """
    found = float(scaled_moments_kernel(counts, bin_means, float(median), float(iqr))[0])
    return None if math.isnan(found) else found


def log_spread(counts: Counts, bin_means: Floats, median: float, iqr: float) -> float | None:
    """Summarise spread: the logarithm of the variance, on the scale of `scaled_mean`.

    Formula: ln(σ² + 0.001), σ² = Σ q_b·(y_b − ȳ)² of the bins' scaled means y. The constant is a
    standard deviation of a fifteenth of an IQR: below it, values count as all alike.
    Assumption: none. None as for `scaled_mean`.
    Range: −6.9 upwards, no units.
    Reference: Bartlett and Kendall, The statistical analysis of variance-heterogeneity and the
    logarithmic transformation, 1946.

    >>> round(log_spread(np.array([1, 1]), np.array([-1.0, 1.0]), median=0.0, iqr=1.0), 6)
    -1.458586
    """
    variance = float(scaled_moments_kernel(counts, bin_means, float(median), float(iqr))[1])
    return None if math.isnan(variance) else math.log(variance + NEGLIGIBLE_VARIANCE)


@njit(cache=True, nogil=True)
def scaled_moments_kernel(
    counts: Counts, bin_means: Floats, median: float, iqr: float
) -> tuple[float, float, float]:
    """`scaled_mean`, compiled, and the second and fourth moment around it; NaN for None."""
    n = counts.sum()
    if n == 0 or not iqr > 0.0:
        return math.nan, math.nan, math.nan
    scaled, mean = np.zeros(len(counts)), 0.0
    for b in range(len(counts)):
        if counts[b] > 0:
            if not math.isfinite(bin_means[b]):
                return math.nan, math.nan, math.nan
            scaled[b] = math.asinh((bin_means[b] - median) / (2 * iqr))
            mean += counts[b] / n * scaled[b]
    second = fourth = 0.0
    for b in range(len(counts)):
        if counts[b] > 0:
            square = (scaled[b] - mean) ** 2
            second += counts[b] / n * square
            fourth += counts[b] / n * square * square
    return mean, second, fourth


@njit(cache=True, nogil=True)
def bin_means_kernel(counts: Counts, sums: Counts, median: float, step: float) -> Floats:
    """Each bin's own mean, NaN where it is empty."""
    means = np.full(len(counts), np.nan)
    for b in range(len(counts)):
        if counts[b] > 0:
            means[b] = median + step * (sums[b] / counts[b])
    return means
