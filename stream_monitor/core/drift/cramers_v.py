"""How two categorical features go together, and whether that changed while each stayed as it was."""

import math

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.gamma import chi_square_survival
from stream_monitor.core.drift.score import Score

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_MINIMUM_MARGIN = 10.0
_MINIMUM_CELL = 0.5
_MOST_ROUNDS = 100
_CONVERGED = 1e-6


def cramers_v(table: Counts) -> float | None:
    """Return the association of two categorical features from their table of counts.

    Formula: √(max(0, φ² − (r−1)(c−1)/(n−1))/(min(r̃, c̃) − 1)), φ² = X²/n of the r×c filled rows
    and columns, r̃ = r − (r−1)²/(n−1), c̃ alike: what chance adds is taken off.
    Assumption: independent rows.
    None with fewer than 2 rows, or when a feature is constant.
    Range: 0 to 1, no units.
    Reference: Bergsma, A bias-correction for Cramér's V and Tschuprow's T, 2013.

    >>> cramers_v(np.array([[50, 0], [0, 50]]))
    1.0
    """
    filled = table[table.any(axis=1)][:, table.any(axis=0)]
    n = int(filled.sum())
    rows, columns = filled.shape
    if n < 2 or min(rows, columns) < 2:
        return None
    phi = float(np.sum(standardised_residuals(filled) ** 2))
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    sides = (rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1))
    most = min(sides) - 1.0
    return min(1.0, math.sqrt(phi / most)) if most > 0 else None


def standardised_residuals(tables: Counts) -> Floats:
    """Return (p_ij − p_i·p_j)/√(p_i·p_j) of tables (..., r, c): the pattern of an association.

    Formula as stated; their squares sum to X²/n. No assumption. Empty rows, columns and tables
    give 0.
    Range: −1 to 1, no units.
    Reference: Haberman, The analysis of residuals in cross-classified tables, 1973.

    >>> standardised_residuals(np.array([[5, 0], [0, 5]])).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    shares = tables / np.maximum(1, tables.sum(axis=(-2, -1), keepdims=True))
    product = shares.sum(axis=-1, keepdims=True) * shares.sum(axis=-2, keepdims=True)
    return np.asarray((shares - product) / np.sqrt(np.where(product > 0, product, 1.0)))


def association_change(k: Counts, w: Counts) -> Score | None:
    """Test whether the association of a pair in a window's table w is that of the reference's, k.

    Formula: Pearson's X² of both tables against the fit without three-way interaction (every odds
    ratio the same on both sides, each side with its own margins), found by iterative proportional
    fitting; (r−1)(c−1) degrees of freedom, less for combinations that neither side has. Margins
    with fewer than 10 rows expected in the smaller side are folded into one; cells with less than
    half a row expected are added up and take their part of the degrees of freedom with them.
    Effect: √(max(0, Σ(ρ − ρ_ref)² − (r−1)(c−1)·h)/(min(r, c) − 1)) of the standardised residuals
    ρ, h = 1/n + 1/m. That is |ΔV| where an association gets weaker or stronger, and sees one that
    turns into another of the same V.
    Assumption: independent rows, margins that have not moved (folding is exact only then).
    None when a side is empty or when fewer than 2×2 categories are left.
    Range: statistic 0 upwards; effect 0 to 2, no units.
    Reference: Bartlett, Contingency table interactions, 1935; Deming and Stephan 1940.

    >>> same = association_change(np.array([[40, 10], [10, 40]]), np.array([[20, 5], [5, 20]]))
    >>> same.p, same.effect
    (1.0, 0.0)
    """
    m, n = int(k.sum()), int(w.sum())
    if m == 0 or n == 0:
        return None
    k, w = _fold(k, w)
    sides = np.stack([w, k])
    pooled = (k + w) > 0
    rows, columns = pooled.shape
    if min(rows, columns) < 2:
        return None
    dof = int(pooled.sum()) - rows - columns + 1
    effect = _pattern_change(sides, (rows - 1) * (columns - 1))
    if dof < 1:
        return Score(statistic=0.0, p=1.0, effect=effect, n=n, m=m)
    statistic, dof = _pearson(sides, _without_interaction(sides), pooled, dof)
    p = chi_square_survival(statistic, dof)
    return Score(statistic=statistic, p=p, effect=effect, n=n, m=m)


def _fold(k: Counts, w: Counts) -> tuple[Counts, Counts]:
    """Both tables with the rare rows in the last row and the rare columns in the last column."""
    smaller = min(int(k.sum()), int(w.sum())) / int((k + w).sum())
    for _ in range(2):
        margin = (k + w).sum(axis=1)
        rare = margin * smaller < _MINIMUM_MARGIN
        k, w = (np.concatenate([t[~rare], t[rare].sum(axis=0, keepdims=True)]).T for t in (k, w))
    keep = np.ix_((k + w).any(axis=1), (k + w).any(axis=0))
    return k[keep], w[keep]


def _without_interaction(sides: Counts) -> Floats:
    """Expected counts (2, r, c) with the observed margins of every two of the three dimensions."""
    size = sides.sum(axis=(1, 2), keepdims=True)
    fit = sides.sum(axis=0) * (size / sides.sum())
    for _ in range(_MOST_ROUNDS):
        before = fit
        for axis in (2, 1, 0):
            total = fit.sum(axis=axis, keepdims=True)
            wanted = sides.sum(axis=axis, keepdims=True)
            fit = fit * np.divide(wanted, total, out=np.zeros_like(total), where=total > 0)
        if float(np.abs(fit - before).max()) <= _CONVERGED * (1.0 + float(fit.max())):
            break
    return np.asarray(fit)


def _pearson(sides: Counts, fit: Floats, pooled: NDArray[np.bool_], dof: int) -> tuple[float, int]:
    """X² and its degrees of freedom, sparse cells of each side added up."""
    sparse = pooled & (fit.min(axis=0) < _MINIMUM_CELL)
    dense = pooled & ~sparse
    statistic = float(np.sum((sides - fit)[:, dense] ** 2 / fit[:, dense]))
    observed, expected = sides[:, sparse].sum(axis=1), fit[:, sparse].sum(axis=1)
    some = expected > 0
    statistic += float(np.sum((observed - expected)[some] ** 2 / expected[some]))
    lost = max(0, int(sparse.sum()) - 1) / int(pooled.sum())
    return statistic, max(1, round(dof * (1.0 - lost)))


def _pattern_change(sides: Counts, dof: int) -> float:
    n, m = (int(total) for total in sides.sum(axis=(1, 2)))
    window, reference = standardised_residuals(sides)
    distance = float(np.sum((window - reference) ** 2)) - dof * (1 / n + 1 / m)
    return math.sqrt(max(0.0, distance) / (min(window.shape) - 1))
