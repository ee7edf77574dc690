"""How unusual a window is among reference windows: for streams whose windows differ without drift.

Each summary turns a window into one signed number; ``predictive_p`` places it among the
reference's.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.chi_square import two_sample_statistic
from stream_monitor.core.drift.student_t import student_t_survival

# Summaries are of order one; a difference below this is rounding, whatever the windows' spread.
_SMALLEST_SD = 1e-9


def predictive_p(c: float, reference: NDArray[np.float64]) -> float | None:
    """Return the two-sided p of summary ``c`` among K summaries of reference windows.

    Formula: t = (c − mean)/(sd·√(1 + 1/K)), Student t with K − 1 degrees of freedom, sd with K − 1.
    Assumption: windows independent and their summaries about normal; 20 or more of them to judge at
    1 %. Skewed summaries are too eager far out.
    None when K < 2. Reference windows without spread count as spread 1e-9, so that equal gives p =
    1 and any real difference a p near 0: they hold no evidence that windows vary, and the test of
    independent rows is left to decide.
    Range: 0 to 1, no units.
    Reference: Geisser, Predictive Inference, 1993.

    >>> round(predictive_p(3.0, np.array([0.0, 1.0, -1.0])), 4)
    0.1217
    """
    count = len(reference)
    if count < 2:
        return None
    sd = max(float(reference.std(ddof=1)), _SMALLEST_SD)
    t = (c - float(reference.mean())) / (sd * math.sqrt(1 + 1 / count))
    return min(1.0, 2.0 * student_t_survival(abs(t), count - 1))


def scaled_mean(
    counts: NDArray[np.int64], bin_means: NDArray[np.float64], median: float, iqr: float
) -> float | None:
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
    n = int(counts.sum())
    filled = counts > 0
    if n == 0 or not iqr > 0 or not np.isfinite(bin_means[filled]).all():
        return None
    scaled = np.arcsinh((bin_means[filled] - median) / (2 * iqr))
    return float(np.sum(counts[filled] / n * scaled))


def log_shape(k: NDArray[np.int64], w: NDArray[np.int64]) -> float | None:
    """Summarise shape: the logarithm of the chi-square distance to the reference.

    Formula: ln Σ (√(n/m)·k − √(m/n)·w)²/(k + w) on coarse bins, none merged. For a reference's own
    window pass k without it (k − w). Pool guard bins into the edge bins first: the reference
    defines its extremes, so its own windows never fall outside while a fresh one does.
    Assumption: windows of about the same number of rows.
    None when either side is empty or the shares are equal to the last row (a constant feature):
    a distance of 0 has no logarithm and shows no drift.
    Range: any sign, nats.
    Reference: Wilson and Hilferty, The distribution of chi-square, 1931 (why a transform helps).

    >>> round(log_shape(np.array([50, 50]), np.array([70, 30])), 6)
    2.120264
    """
    if not k.any() or not w.any():
        return None
    statistic = two_sample_statistic(k, w)
    return math.log(statistic) if statistic > 1e-12 else None


def arcsine_share(x: int, n: int) -> float | None:
    """Summarise a rate: a scale on which sampling noise does not depend on the rate.

    Formula: arcsin √(x/n). Anscombe's (x + 3/8)/(n + 3/4) was simulated beside it and not taken:
    between half and one expected row a window it is 3 times too eager at 0.1 %, this 0.6 times;
    elsewhere they are alike. Assumption: none; below half an expected row a window no scale makes
    the counts normal, and the test of independent rows has to agree.
    None when n is 0. Rates of 0 and 1 are defined.
    Range: 0 to π/2, radians; the noise has sd about 1/(2·√n).
    Reference: Freeman and Tukey, Transformations related to the angular and the square root, 1950.

    >>> round(arcsine_share(1, 4), 6)  # π/6
    0.523599
    """
    return math.asin(math.sqrt(x / n)) if n else None


def combine_bonferroni(ps: Sequence[float]) -> float | None:
    """Return one p for several looks at the same feature.

    Formula: min(1, count·smallest). Assumption: none, dependence included. None without any p.
    Range: 0 to 1, no units; one p is returned as it is.
    Reference: Dunn, Multiple comparisons among means, 1961.

    >>> combine_bonferroni([0.25, 0.5])
    0.5
    """
    return min(1.0, len(ps) * min(ps)) if ps else None
