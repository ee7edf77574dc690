"""The two-sample chi-square test: with the largest share change it decides categories."""

import math

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.gamma import chi_square_survival
from stream_monitor.core.drift.score import Score


def chi_square(
    k: NDArray[np.int64], w: NDArray[np.int64], *, minimum_expected: float = 5.0
) -> Score | None:
    """Compare two tables of counts over the same unordered cells.

    Formula: Σ (√(n/m)·k − √(m/n)·w)²/(k + w), against chi-square with B − 1 degrees of freedom.
    A cell's expected count is (k + w)/(n + m)·min(n, m); cells below ``minimum_expected`` are
    merged into one ``other``, and should that stay below it, with the smallest cell that was kept.
    B counts the cells after merging.
    Assumption: independent rows, both sides sampled (never a fixed reference).
    None when either side is empty, or when so few rows leave one cell after merging. A feature that
    is constant on both sides has statistic 0 and p = 1. ``minimum_expected=0`` merges nothing.
    Range: statistic 0 to n + m. The effect is √(h·statistic), h = 1/n + 1/m: Cohen's w against the
    pooled shares, 0 to (n + m)/√(n·m), 0.1 small and 0.5 large by custom.
    Reference: Press et al., Numerical Recipes, 3rd edition, 14.3.2 (unequal totals).

    >>> score = chi_square(np.array([50, 50]), np.array([70, 30]))
    >>> round(score.statistic, 6), round(score.p, 6), round(score.effect, 4)
    (8.333333, 0.003892, 0.4082)
    """
    m, n = int(k.sum()), int(w.sum())
    if m == 0 or n == 0:
        return None
    if np.count_nonzero(k + w) == 1:
        return Score(statistic=0.0, p=1.0, effect=0.0, n=n, m=m)
    k, w = merge_rare_cells(k, w, minimum_expected=minimum_expected)
    if len(k) < 2:
        return None
    statistic = two_sample_statistic(k, w)
    p = chi_square_survival(statistic, len(k) - 1)
    return Score(statistic=statistic, p=p, effect=math.sqrt(statistic * (1 / n + 1 / m)), n=n, m=m)


def two_sample_statistic(k: NDArray[np.int64], w: NDArray[np.int64]) -> float:
    """Return Σ (√(n/m)·k − √(m/n)·w)²/(k + w) over the cells that hold a row.

    Formula as stated; no assumption. Both sides must hold a row; cells empty on both sides add
    nothing, so a constant feature gives 0.
    Range: 0 (equal shares) to n + m (no cell shared), no units.
    Reference: Press et al., Numerical Recipes, 3rd edition, 14.3.2.

    >>> round(two_sample_statistic(np.array([10, 0]), np.array([0, 30])), 6)
    40.0
    """
    ratio = math.sqrt(float(w.sum()) / float(k.sum()))
    pooled = k + w
    filled = pooled > 0
    difference = ratio * k[filled] - w[filled] / ratio
    return float(np.sum(difference * difference / pooled[filled]))


def merge_rare_cells(
    k: NDArray[np.int64], w: NDArray[np.int64], *, minimum_expected: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return both tables without empty cells and with the rare ones added up in the last cell.

    Formula: rare is (k + w)·min(n, m)/(n + m) < ``minimum_expected``; a last cell that is itself
    rare takes in the smallest cell that was kept. No assumption. Totals are conserved; when all
    cells are rare one cell remains. Counts in, counts out.
    Reference: Cochran, Some methods for strengthening the common chi-square tests, 1954.

    >>> merge_rare_cells(np.array([90, 6, 4]), np.array([90, 7, 3]), minimum_expected=10)
    (array([90, 10]), array([90, 10]))
    """
    pooled = k + w
    k, w, pooled = k[pooled > 0], w[pooled > 0], pooled[pooled > 0]
    least = minimum_expected * int(pooled.sum()) / max(1, min(int(k.sum()), int(w.sum())))
    rare = pooled < least
    if not rare.any():
        return k, w
    if int(pooled[rare].sum()) < least and not rare.all():
        rare[int(np.argmin(np.where(rare, np.iinfo(np.int64).max, pooled)))] = True
    return _gather(k, rare), _gather(w, rare)


def _gather(counts: NDArray[np.int64], rare: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.append(counts[~rare], counts[rare].sum())
