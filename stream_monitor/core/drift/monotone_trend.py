"""Whether a series rises or falls: Mann–Kendall's test and Theil–Sen's slope, for many series at once."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mann_kendall_p(series: Floats) -> Floats:
    """Return the two-sided p of F series over K equal steps, (K, F), that neither rise nor fall.

    Formula: S = Σ_{i<j} sign(x_j − x_i), z = (S ∓ 1)/√(K·(K − 1)·(2K + 5)/18), standard normal; ties are
    not corrected for, which is conservative.
    Assumption: steps independent; no shape is assumed of the values. NaN where a value is missing or
    K < 8, too few for the normal law.
    Range: 0 to 1, no units.
    Reference: Mann, Nonparametric tests against trend, 1945; Kendall, Rank Correlation Methods, 1948.

    >>> mann_kendall_p(np.arange(10.0).reshape(-1, 1)).round(5).tolist()
    [8e-05]
    """
    k = len(series)
    if k < 8:
        return np.full(series.shape[1], np.nan)
    s = np.zeros(series.shape[1])
    for i in range(k - 1):
        s += np.sign(series[i + 1 :] - series[i]).sum(axis=0)
    sd = math.sqrt(k * (k - 1) * (2 * k + 5) / 18)
    z = np.maximum(0.0, np.abs(s) - 1) / sd
    return np.array([math.erfc(v / math.sqrt(2.0)) for v in z.tolist()])


def theil_sen_slope(series: Floats) -> Floats:
    """Return the slope per step of F series over K equal steps, (K, F): the median of all pairs' slopes.

    Formula: median over i < j of (x_j − x_i)/(j − i). Assumption: none; up to 29 % of the values may be
    arbitrary. NaN where a value is missing or K < 2.
    Range: any sign, the values' unit per step.
    Reference: Sen, Estimates of the regression coefficient based on Kendall's tau, 1968.

    >>> theil_sen_slope(np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [90.0]])).tolist()
    [1.0]
    """
    k = len(series)
    if k < 2:
        return np.full(series.shape[1], np.nan)
    first, last = np.triu_indices(k, 1)
    slopes = (series[last] - series[first]) / (last - first)[:, None]
    return np.asarray(np.median(slopes, axis=0))
