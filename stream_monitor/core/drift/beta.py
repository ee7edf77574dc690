"""The regularised incomplete beta function, behind Student's t and the negative binomial."""

import math

from numba import njit

_TINY = 1e-300
_CONVERGED = 1e-15
_MOST_STEPS = 1_000_000


def beta_probability(a: float, b: float, x: float, complement: float | None = None) -> float:
    """Return I_x(a, b), the probability that a beta(a, b) variable is at most x.

    Formula: a continued fraction at x, or at 1 − x on the side where it converges fast.
    ``complement`` is 1 − x, given by callers that know it without cancellation. Assumption: a > 0,
    b > 0. It is 0 at x ≤ 0 and 1 at x ≥ 1.
    Range: 0 to 1, no units; relative accuracy about 1e-12 while a + b stays below a few thousand.
    Reference: Didonato and Morris, Significant digit computation of the incomplete beta, 1992.

    >>> round(beta_probability(2.0, 3.0, 0.5), 6)
    0.6875
    """
    y = 1.0 - x if complement is None else complement
    return float(beta_kernel(float(a), float(b), float(x), float(y)))


@njit(cache=True, nogil=True)
def beta_kernel(a: float, b: float, x: float, y: float) -> float:
    """`beta_probability`, compiled; y is 1 − x."""
    if x <= 0.0:
        return 0.0
    if y <= 0.0:
        return 1.0
    scale = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(y)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, scale * _fraction(a, b, x) / a)
    return max(0.0, 1.0 - scale * _fraction(b, a, y) / b)


@njit(cache=True, nogil=True)
def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's evaluation, two steps of the continued fraction a turn."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or _TINY)
    value = d
    for i in range(1, _MOST_STEPS):
        even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i))
        odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1))
        for numerator in (even, odd):
            d = 1.0 / (1.0 + numerator * d or _TINY)
            c = 1.0 + numerator / c or _TINY
            step = c * d
            value *= step
        if abs(step - 1.0) <= _CONVERGED:
            break
    return value
