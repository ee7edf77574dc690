"""The two-sample chi-square test: with the largest share change it decides categories."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.gamma import chi_square_survival_kernel
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
    statistic, p = chi_square_kernel(k, w, float(minimum_expected))
    if math.isnan(statistic):
        return None
    return Score(statistic=statistic, p=p, effect=math.sqrt(statistic * (1 / n + 1 / m)), n=n, m=m)


@njit(cache=True, nogil=True)
def chi_square_kernel(
    k: NDArray[np.int64], w: NDArray[np.int64], minimum_expected: float
) -> tuple[float, float]:
    """Statistic and p of `chi_square`, compiled; NaN for None; neither side is empty."""
    ratio = math.sqrt(w.sum() / k.sum())
    rare = _rare_cells(k, w, minimum_expected)
    statistic, cells, met, other_k, other_w = 0.0, 0, 0, 0, 0
    for c in range(len(k)):
        met += k[c] + w[c] > 0
        if rare[c]:
            other_k += k[c]
            other_w += w[c]
        elif k[c] + w[c] > 0:
            statistic += _cell(k[c], w[c], ratio)
            cells += 1
    if other_k + other_w > 0:
        statistic += _cell(other_k, other_w, ratio)
        cells += 1
    if cells < 2:
        return (0.0, 1.0) if met == 1 else (math.nan, math.nan)
    return statistic, chi_square_survival_kernel(statistic, float(cells - 1))


def two_sample_statistic(k: NDArray[np.int64], w: NDArray[np.int64]) -> float:
    """Return Σ (√(n/m)·k − √(m/n)·w)²/(k + w) over the cells that hold a row.

    Formula as stated; no assumption. Both sides must hold a row; cells empty on both sides add
    nothing, so a constant feature gives 0.
    Range: 0 (equal shares) to n + m (no cell shared), no units.
    Reference: Press et al., Numerical Recipes, 3rd edition, 14.3.2.

    >>> round(two_sample_statistic(np.array([10, 0]), np.array([0, 30])), 6)
    40.0
    """
    return float(two_sample_kernel(k, w))


@njit(cache=True, nogil=True)
def two_sample_kernel(k: NDArray[np.int64], w: NDArray[np.int64]) -> float:
    """`two_sample_statistic`, compiled."""
    ratio = math.sqrt(w.sum() / k.sum())
    statistic = 0.0
    for c in range(len(k)):
        if k[c] + w[c] > 0:
            statistic += _cell(k[c], w[c], ratio)
    return statistic


@njit(cache=True, nogil=True)
def _cell(k: int, w: int, ratio: float) -> float:
    difference = ratio * k - w / ratio
    return difference * difference / (k + w)


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
    filled = (k + w) > 0
    rare = _rare_cells(k, w, float(minimum_expected))[filled]
    if not rare.any():
        return k[filled], w[filled]
    return _gather(k[filled], rare), _gather(w[filled], rare)


@njit(cache=True, nogil=True)
def _rare_cells(
    k: NDArray[np.int64], w: NDArray[np.int64], minimum_expected: float
) -> NDArray[np.bool_]:
    """The cells to merge; never an empty one."""
    m, n = k.sum(), w.sum()
    least = minimum_expected * (m + n) / max(1, min(m, n))
    rare = np.zeros(len(k), np.bool_)
    merged, smallest = 0, -1
    for c in range(len(k)):
        pooled = k[c] + w[c]
        if 0 < pooled < least:
            rare[c] = True
            merged += pooled
        elif pooled > 0 and (smallest < 0 or pooled < k[smallest] + w[smallest]):
            smallest = c
    if 0 < merged < least and smallest >= 0:
        rare[smallest] = True
    return rare


def _gather(counts: NDArray[np.int64], rare: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.append(counts[~rare], counts[rare].sum())
