"""The shape of a window that holds more rows than the reference's, where windows differ without drift."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def without_growth(c: Floats, shapes: Floats, dof: Floats, ratio: Floats) -> Floats:
    """Return the F summaries ``c`` of `log_shape` without what ``ratio`` times the rows explain.

    ``shapes`` (K, F) are the summaries of reference windows, NaN for none; ``dof`` (F,) the degrees of
    freedom of their chi-square.
    Formula: chi-square is the rows' noise, about g = dof − 1 in the logarithm's mean, and an excess that
    windows vary by, which grows with the rows. With the excess x = max(0, exp(mean + 2·sd/√K) − g), the
    largest that the windows leave likely, ``c`` may have risen by r = ln((g + x·ratio)/(g + x)):
    max(mean, c − r) above the mean. Below it, and with a ratio below 1, ``c`` stays.
    Assumption: the reference's windows hold about the same number of rows.
    Range: that of ``c``, nats; never further from the mean.
    Reference: Patnaik, The non-central chi-square and F distributions, 1949 (the mean grows by the
    non-centrality).

    >>> c, dof, ratio = np.array([5.0]), np.array([7.0]), np.array([10.0])
    >>> without_growth(c, np.full((20, 1), np.log(6.0)), dof, ratio).round(2).tolist()
    [5.0]
    >>> without_growth(c, np.full((20, 1), np.log(12.0)), dof, ratio).round(2).tolist()
    [3.3]
    """
    is_known = np.isfinite(shapes)
    k = np.maximum(2, is_known.sum(axis=0))
    mean = np.where(is_known, shapes, 0.0).sum(axis=0) / k
    square = np.where(is_known, (shapes - mean) ** 2, 0.0).sum(axis=0)
    noise = np.maximum(dof - 1.0, 0.25)
    excess = np.maximum(0.0, np.exp(mean + 2.0 * np.sqrt(square / (k - 1) / k)) - noise)
    rise = np.log((noise + excess * np.fmax(1.0, ratio)) / (noise + excess))
    return np.where(c > mean, np.maximum(mean, c - rise), c)
