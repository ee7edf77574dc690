"""PCA reconstruction error: familiar, and reported only. It sees strong linear structure alone."""

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.score import Score

Floats = NDArray[np.float64]


def principal_components(correlation: Floats, covered: float = 0.9) -> Floats:
    """Return the fewest leading components (features, q) that cover a share of the variance.

    Formula: eigenvectors of the correlation matrix, largest eigenvalues first, until their sum
    reaches ``covered`` of the trace. Assumption: symmetric and without NaN; pairwise-complete
    correlations may give small negative eigenvalues, which count as 0.
    No feature gives no component. Range: orthonormal columns.
    Reference: Jolliffe, Principal Component Analysis, 2002, 6.1.1.

    >>> principal_components(np.array([[1.0, 0.9], [0.9, 1.0]])).shape
    (2, 1)
    """
    values, vectors = np.linalg.eigh(correlation)
    held = np.cumsum(np.maximum(values[::-1], 0.0))
    count = int(np.searchsorted(held, covered * held[-1])) + 1 if len(held) else 0
    return np.asarray(vectors[:, ::-1][:, :count])


def reconstruction_error(
    moments: Floats, reference: Floats, components: Floats, n: int, m: int
) -> Score | None:
    """Compare what the reference's components leave over of the window and of the reference.

    Formula: tr((I − PPᵀ)M) of the window's second moments M, by that of the reference's, both of
    features standardised by the reference's mean and deviation, so that the reference's M is its
    correlation matrix. Assumption: none as a ratio.
    None when a side is empty or when the components leave nothing of the reference (copies of
    features, or every component kept).
    Range: statistic and effect from 0, 1 without change, no units; no p. A flip of a correlation
    within the components is invisible to it.
    Reference: Jolliffe, Principal Component Analysis, 2002, 10.1.

    >>> sides = np.array([[1.0, -0.9], [-0.9, 1.0]]), np.array([[1.0, 0.9], [0.9, 1.0]])
    >>> round(reconstruction_error(*sides, principal_components(sides[1]), 100, 100).statistic, 6)
    19.0
    """
    if m == 0 or n == 0:
        return None
    left = np.eye(len(reference)) - components @ components.T
    own = float(np.sum(left * reference))
    if own <= 1e-9 * max(1, len(reference)):
        return None
    ratio = float(np.sum(left * moments)) / own
    return Score(statistic=ratio, p=None, effect=ratio, n=n, m=m)
