"""The change of one rate: missing, non-finite, wrong type, out of range, an error class."""

from numba import njit

from stream_monitor.core.drift.hypergeometric import two_sided_kernel
from stream_monitor.core.drift.score import Score


def rate_change(k: int, m: int, x: int, n: int) -> Score | None:
    """Compare x of n rows in the window with k of m in the reference.

    Formula: Fisher's exact test, p = min(1, 2·min(P(X ≤ x), P(X ≥ x))), X hypergeometric with
    k + x marked rows among m + n and n drawn. Exact at every size: no approximation sets in.
    Assumption: independent rows; 0 ≤ k ≤ m and 0 ≤ x ≤ n.
    None when m or n is 0. A rate of 0 or 1 on both sides has p = 1; few rows are conservative.
    Range: statistic is the window's rate x/n, effect |x/n − k/m|, both shares from 0 to 1.
    Reference: Fisher, The logic of inductive inference, 1935.

    >>> score = rate_change(k=0, m=10, x=5, n=10)
    >>> score.statistic, score.effect, round(score.p, 6)
    (0.5, 0.5, 0.032508)
    """
    if m == 0 or n == 0:
        return None
    p = float(rate_kernel(k, m, x, n))
    return Score(statistic=x / n, p=p, effect=abs(x / n - k / m), n=n, m=m)


@njit(cache=True, nogil=True)
def rate_kernel(k: int, m: int, x: int, n: int) -> float:
    """The p of `rate_change`, compiled; m and n are not 0."""
    if k + x == 0 or k + x == m + n:
        return 1.0
    return float(two_sided_kernel(float(x), float(n), float(k + x), float(m + n)))
