"""How a pair of categorical features goes together in a window, as summaries to place among windows'."""

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.correlation import MINIMUM_ROWS
from stream_monitor.core.drift.cramers_v import standardised_residuals
from stream_monitor.core.drift.distance_null import harmonic_rows

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_NO_DISTANCE = 1e-12
_AXES = (-2, -1)


def pattern_strength(references: Counts, tables: Counts) -> Floats:
    """Return how strongly tables (K, r, c) show the reference's pattern, (K,).

    Formula: Σ ρ·ρ_ref/√Σ ρ_ref² of the standardised residuals ρ. No assumption. ``references`` is one
    table or one per window.
    NaN for fewer than MINIMUM_ROWS rows.
    Range: any sign, 0 where the features are independent; the reference's own is √(X²/n).
    Reference: Haberman, The analysis of residuals in cross-classified tables, 1973.

    >>> same = np.array([[30, 10], [10, 30]])
    >>> pattern_strength(same, same[None]).round(6).tolist()
    [0.5]
    """
    own, other = standardised_residuals(tables), standardised_residuals(references)
    length = np.sqrt((other * other).sum(axis=_AXES))
    strength = (own * other).sum(axis=_AXES) / np.maximum(length, _NO_DISTANCE)
    return np.where(tables.sum(axis=_AXES) >= MINIMUM_ROWS, strength, np.nan)


def log_pattern_distance(references: Counts, tables: Counts) -> Floats:
    """Return the logarithm of the tables' (K, r, c) distance to the reference's pattern, (K,).

    Formula: ln (h·Σ (ρ − ρ_ref)²), ρ the standardised residuals, h = n·m/(n + m), so that noise alone gives
    the same at any number of rows: `pattern_noise`. No assumption. ``references`` as in `pattern_strength`.
    NaN for fewer than MINIMUM_ROWS rows on a side.
    Range: −27.6 upwards, nats.
    Reference: as there.

    >>> k, w = np.array([[30, 10], [10, 30]]), np.array([[10, 30], [30, 10]])
    >>> log_pattern_distance(k, w[None]).round(6).tolist()  # 40 · 4 · 0.5²
    [3.688879]
    """
    own, other = standardised_residuals(tables), standardised_residuals(references)
    n, m = tables.sum(axis=_AXES), references.sum(axis=_AXES)
    distance = harmonic_rows(m, n) * ((own - other) ** 2).sum(axis=_AXES)
    enough = (n >= MINIMUM_ROWS) & (m >= MINIMUM_ROWS)
    return np.where(enough, np.log(np.maximum(distance, _NO_DISTANCE)), np.nan)


def pattern_noise(table: Counts) -> tuple[float, float]:
    """Return the noise of one row: n times the variance of `pattern_strength`, and of all ρ added up.

    Formula: the delta method: of the residuals' Jacobian J by the cells' shares p and the covariance
    S = diag(p) − p·pᵀ of one row, uᵀ·J·S·Jᵀ·u with u = ρ/√Σ ρ², and the trace of J·S·Jᵀ, which is
    (r − 1)·(c − 1) where the features are independent.
    Assumption: independent rows. (0, 0) for an empty table or a constant feature.
    Range: 0 upwards, no units.
    Reference: Agresti, Categorical Data Analysis, 2013, section 16.1 (the delta method).

    >>> [round(noise, 6) for noise in pattern_noise(np.array([[25, 25, 25], [25, 25, 25]]))]
    [0.0, 2.0]
    """
    filled = table[table.any(axis=1)][:, table.any(axis=0)]
    if min(filled.shape) < 2:
        return 0.0, 0.0
    shares = filled / filled.sum()
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    product = np.sqrt(np.outer(rows, columns))
    residuals = standardised_residuals(filled)
    slope = -0.5 * (residuals + 2.0 * product)
    same_row, same_column = np.eye(len(rows)), np.eye(len(columns))
    jacobian = (
        np.einsum("ij,ik,jl->ijkl", 1.0 / product, same_row, same_column)
        + np.einsum("ij,ik->ijk", slope / rows[:, None], same_row)[..., None]
        + np.einsum("ij,jl->ijl", slope / columns, same_column)[:, :, None, :]
    ).reshape(shares.size, shares.size)
    p = shares.ravel()
    centred = (jacobian - (jacobian @ p)[:, None]) * np.sqrt(p)
    length = np.sqrt((residuals * residuals).sum())
    direction = residuals.ravel() / max(float(length), _NO_DISTANCE)
    along = direction @ centred
    return float(along @ along), float((centred * centred).sum())
