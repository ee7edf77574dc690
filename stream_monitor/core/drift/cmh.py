"""The chi-square test within the slots of a season: an hour is compared with the same hour only."""

import math

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.gamma import chi_square_survival
from stream_monitor.core.drift.score import Score

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

# A direction with less than this share of its cells' own variance rests on a handful of rows.
_NEGLIGIBLE_VARIANCE = 0.01
_PRIOR_ROWS = 1.0
_MOST_EXACT = 200_000
_NO_MASS = 1e-30


def stratified_chi_square(
    k: Counts, w: Counts, *, ordered: bool = False, minimum_variance: float = 3.0
) -> Score | None:
    """Compare two tables of counts (slots, cells), each slot of the window with its own.

    Formula: within slot s of m_s reference and n_s window rows let p_s be the pooled shares.
    d = Σ w_s − n_s·p_s and V = Σ n_s·m_s/(N_s − 1)·(diag p_s − p_s·p_sᵀ), N_s = n_s + m_s, are the
    exact moments when rows change sides at random within their slot. X² = dᵀV⁻d against chi-square
    with the rank of V; directions with less than 1 % of their cells' variance are left out.
    d is also Σ m_s/N_s·(w_s − n_s·k_s/m_s): a slot counts by what its reference can tell, so thin
    slots need no rows borrowed from the whole, which under a strong season alarm (20 such rows a
    slot: 5 % at nominal 1 %). Rows of slots without any reference row form one more slot, against
    the whole reference. Cells whose V is below ``minimum_variance`` are merged, with their
    neighbours if ``ordered``, else with each other.
    Assumption: independent rows within a slot; any season between slots.
    None when a side is empty or when so few rows leave one cell; p = 1 if every slot is constant.
    Range: statistic 0 upwards. The effect compares shares of the window with Σ n_s·π_s/n, where π_s
    has the slot's reference rows and one row of the whole reference: the largest
    difference of cumulative shares if ``ordered``, else of shares; 0 to 1.
    Reference: Landis, Heyman and Koch, Average partial association in three-way contingency tables,
    1978; Cochran 1954; Mantel and Haenszel 1959.

    >>> season = np.array([[90, 10], [10, 90]])
    >>> stratified_chi_square(season, np.array([[90, 10], [0, 0]])).p  # rows of the first slot
    1.0
    """
    m, n = int(k.sum()), int(w.sum())
    if m == 0 or n == 0:
        return None
    effect = _effect(k, w, ordered)
    difference, variance = _moments(*_with_orphans(k, w))
    if not np.diag(variance).any():
        return Score(statistic=0.0, p=1.0, effect=effect, n=n, m=m)
    merged = _merge_cells(difference, variance, ordered, minimum_variance)
    if merged is None:
        return None
    statistic, dof = _quadratic_form(*merged)
    p = chi_square_survival(statistic, dof)
    return Score(statistic=statistic, p=p, effect=effect, n=n, m=m)


def stratified_rate_change(k: Counts, m: Counts, x: Counts, n: Counts) -> Score | None:
    """Compare x of n window rows with k of m reference rows, slot by slot (arrays of slots).

    Formula: the exact law of Σ x_s, a convolution of hypergeometric laws, p twice the smaller tail.
    Where Σ x_s can take more than 200,000 values, the normal law with the d and V of
    ``stratified_chi_square`` for one cell and a continuity correction of half a row.
    Assumption: independent rows within a slot; 0 ≤ k ≤ m and 0 ≤ x ≤ n in each.
    None when a side is empty. No or only marked rows give p = 1; few rows are conservative.
    Range: statistic is the window's rate, effect its distance to Σ n_s·π_s/n; shares from 0 to 1.
    Reference: Mantel and Haenszel, Statistical aspects of the analysis of data, 1959; Mehta, Patel
    and Gray, Computing an exact confidence interval for the common odds ratio, 1985.

    >>> one = stratified_rate_change(*(np.array([a]) for a in (0, 10, 5, 10)))
    >>> one.statistic, round(one.p, 6)  # a single slot is Fisher's exact test
    (0.5, 0.032508)
    """
    rows_m, rows_n = int(m.sum()), int(n.sum())
    if rows_m == 0 or rows_n == 0:
        return None
    reference, window = np.stack([m - k, k], axis=1), np.stack([n - x, x], axis=1)
    reference_slots, window_slots = _with_orphans(reference, window)
    used = (reference_slots.sum(axis=1) > 0) & (window_slots.sum(axis=1) > 0)
    p = _rate_p(reference_slots[used], window_slots[used])
    effect = _effect(reference, window, ordered=False)
    return Score(statistic=int(x.sum()) / rows_n, p=p, effect=effect, n=rows_n, m=rows_m)


def _with_orphans(k: Counts, w: Counts) -> tuple[Counts, Counts]:
    """One more slot: window rows whose slot has no reference row, against the whole reference."""
    orphaned = k.sum(axis=1) == 0
    rows = w[orphaned].sum(axis=0, keepdims=True)
    if not rows.any():
        return k, w
    whole = k.sum(axis=0, keepdims=True)
    return np.concatenate([k[~orphaned], whole]), np.concatenate([w[~orphaned], rows])


def _moments(k: Counts, w: Counts) -> tuple[Floats, Floats]:
    """d and V."""
    m, n = k.sum(axis=1), w.sum(axis=1)
    used = (m > 0) & (n > 0)
    k, w, m, n = k[used], w[used], m[used], n[used]
    total = (m + n)[:, None]
    shares = (k + w) / total
    weight = (n[:, None] * m[:, None]) / (total - 1)
    difference = (w - n[:, None] * shares).sum(axis=0)
    variance = np.diag((weight * shares).sum(axis=0)) - (weight * shares).T @ shares
    # What is constant within every slot varies by rounding only.
    varies = (((k + w) > 0) & ((k + w) < total)).any(axis=0)
    keep = np.outer(varies, varies)
    return np.where(varies, difference, 0.0), np.where(keep, variance, 0.0)


def _merge_cells(
    difference: Floats, variance: Floats, ordered: bool, minimum: float
) -> tuple[Floats, Floats] | None:
    """d and V with rare cells added up: neighbours, or without an order the rarest; None if one is left."""
    own = np.diag(variance)
    order = np.arange(len(own)) if ordered else np.argsort(-own, kind="stable")
    groups: list[list[int]] = [[]]
    for cell in order.tolist():
        groups[-1].append(cell)
        if variance[np.ix_(groups[-1], groups[-1])].sum() >= minimum:
            groups.append([])
    rest = groups.pop()
    if len(groups) < 2:
        return None
    groups[-1].extend(rest)
    gather = np.zeros((len(own), len(groups)))
    for i, cells in enumerate(groups):
        gather[cells, i] = 1.0
    return difference @ gather, gather.T @ variance @ gather


def _quadratic_form(difference: Floats, variance: Floats) -> tuple[float, int]:
    """dᵀV⁻d and the rank of V, each cell scaled to variance 1 first."""
    scale = np.sqrt(np.maximum(np.diag(variance), np.finfo(np.float64).tiny))
    values, vectors = np.linalg.eigh(variance / np.outer(scale, scale))
    kept = values > _NEGLIGIBLE_VARIANCE
    along = (vectors.T @ (difference / scale))[kept]
    return float(np.sum(along * along / values[kept])), int(kept.sum())


def _effect(k: Counts, w: Counts, ordered: bool) -> float:
    m, n = k.sum(axis=1, keepdims=True), w.sum(axis=1, keepdims=True)
    whole = k.sum(axis=0) / m.sum()
    expected = (n * (k + _PRIOR_ROWS * whole) / (m + _PRIOR_ROWS)).sum(axis=0)
    change = (w.sum(axis=0) - expected) / n.sum()
    return float(np.abs(np.cumsum(change) if ordered else change).max())


def _rate_p(k: Counts, w: Counts) -> float:
    """p of the marked rows (second column) given the totals of every slot."""
    kind, rows, total = (k + w)[:, 1], w.sum(axis=1), (k + w).sum(axis=1)
    lowest, highest = np.maximum(0, rows + kind - total), np.minimum(rows, kind)
    if int((highest - lowest).sum()) <= _MOST_EXACT:
        return _exact_p(int(w[:, 1].sum()), rows, kind, total)
    difference, variance = _moments(k, w)
    z = max(0.0, abs(float(difference[1])) - 0.5) / math.sqrt(float(variance[1, 1]))
    return math.erfc(z / math.sqrt(2.0))


def _exact_p(x: int, rows: Counts, kind: Counts, total: Counts) -> float:
    """Twice the smaller tail of a sum of independent hypergeometric counts."""
    law, lowest = np.ones(1), 0
    for n, marked, size in zip(rows.tolist(), kind.tolist(), total.tolist(), strict=True):
        low, one = _hypergeometric(n, marked, size)
        law = np.convolve(law, one)
        lowest += low
    lower, upper = law[: max(0, x - lowest + 1)].sum(), law[max(0, x - lowest) :].sum()
    return min(1.0, 2.0 * float(min(lower, upper)))


def _hypergeometric(n: int, marked: int, size: int) -> tuple[int, Floats]:
    """The lowest count that has mass, and the probabilities from there, by ratios of neighbours."""
    low, high = max(0, n + marked - size), min(n, marked)
    x = np.arange(low, high, dtype=np.float64)
    ratios = (marked - x) * (n - x) / ((x + 1) * (size - marked - n + x + 1))
    logs = np.append(0.0, np.cumsum(np.log(ratios)))
    law = np.exp(logs - logs.max())
    law /= law.sum()
    some = np.flatnonzero(law > _NO_MASS)
    return low + int(some[0]), law[some[0] : some[-1] + 1]
