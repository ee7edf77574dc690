"""The largest change of any one share: one category among hundreds, which chi-square dilutes."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_monitor.core.drift.hypergeometric import two_sided_kernel
from stream_monitor.core.drift.score import Score


def largest_share_change(
    k: NDArray[np.int64], w: NDArray[np.int64], *, tested: int | None = None
) -> Score | None:
    """Test every category against the rest, and report the largest move of a share.

    Formula: statistic = effect = max |k/m − w/n|. p = min(1, C·min p_c): p_c is the exact two-sided
    hypergeometric p of category c against all others, C the number of categories that hold a row.
    That is the Bonferroni bound on the exact permutation test of the most surprising category, so
    it is never too small; the category with the smallest p_c need not be the one that moved most.
    Two categories are one test: C counts 1. With ``tested`` only so many of the first are tested; the
    others, such as values that the reference cannot have, are among the rest.
    Assumption: independent rows.
    None when either side is empty. Constant on both sides gives 0 and p = 1; few rows are exact and
    conservative.
    Range: effect 0 to 1, a share (0.01 is one point).
    Reference: Fisher, The logic of inductive inference, 1935 (the exact test of one category).

    >>> score = largest_share_change(np.array([90, 5, 5]), np.array([80, 5, 15]))
    >>> round(score.effect, 6), round(score.p, 4)
    (0.1, 0.0952)
    """
    m, n = int(k.sum()), int(w.sum())
    if m == 0 or n == 0:
        return None
    cells = len(k) if tested is None else tested
    change, p = float(share_change_kernel(k, w, cells)), float(share_p_kernel(k, w, cells))
    return Score(statistic=change, p=p, effect=change, n=n, m=m)


@njit(cache=True, nogil=True)
def share_change_kernel(k: NDArray[np.int64], w: NDArray[np.int64], tested: int) -> float:
    """The effect of `largest_share_change`, compiled; neither side is empty."""
    m, n = k.sum(), w.sum()
    change = 0.0
    for c in range(tested):
        change = max(change, abs(k[c] / m - w[c] / n))
    return change


@njit(cache=True, nogil=True)
def share_p_kernel(k: NDArray[np.int64], w: NDArray[np.int64], tested: int) -> float:
    """The p of `largest_share_change`, compiled; neither side is empty."""
    n = float(w.sum())
    total = k.sum() + n
    smallest, cells, rows = 1.0, 0, 0
    for c in range(tested):
        if k[c] + w[c] > 0:
            rows += k[c] + w[c]
            p = two_sided_kernel(float(w[c]), n, float(k[c] + w[c]), total)
            smallest = min(smallest, p)
            cells += 1
    if cells == 2 and rows == total:
        return smallest
    return min(1.0, cells * smallest)
