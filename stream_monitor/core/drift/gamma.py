"""The regularised upper incomplete gamma function, from which chi-square tails follow."""

import math

from numba import njit

_ROUNDING = 1e-16
_CONVERGED = 1e-15
_TINY = 1e-300
_MOST_STEPS = 1_000_000


def gamma_survival(a: float, x: float) -> float:
    """Return Q(a, x), the probability that a gamma variable of shape a and scale 1 exceeds x.

    Formula: Γ(a, x)/Γ(a), by the power series of its complement below a + 1 and by a continued
    fraction above. Assumption: a > 0. At x ≤ 0 it is 1.
    Range: 0 to 1, no units; relative accuracy about 1e-12 for a up to a thousand.
    Reference: Gautschi, A computational procedure for incomplete gamma functions, 1979.

    >>> round(gamma_survival(0.5, 3.841459 / 2), 6)  # chi-square, one degree of freedom
    0.05
    """
    return float(gamma_kernel(float(a), float(x)))


@njit(cache=True, nogil=True)
def gamma_kernel(a: float, x: float) -> float:
    """`gamma_survival`, compiled."""
    if x <= 0.0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        return max(0.0, 1.0 - scale * _lower_series(a, x))
    return min(1.0, scale * _upper_fraction(a, x))


def chi_square_survival(statistic: float, dof: int) -> float:
    """Return P(X > statistic) for a chi-square variable with ``dof`` degrees of freedom.

    Formula: Q(dof/2, statistic/2). Assumption: dof ≥ 1. At statistic ≤ 0 it is 1.
    Range: 0 to 1, no units.
    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.19.

    >>> round(chi_square_survival(18.307038, 10), 6)
    0.05
    """
    return float(chi_square_survival_kernel(float(statistic), float(dof)))


@njit(cache=True, nogil=True)
def chi_square_survival_kernel(statistic: float, dof: float) -> float:
    """`chi_square_survival`, compiled."""
    return float(gamma_kernel(dof / 2.0, statistic / 2.0))


@njit(cache=True, nogil=True)
def _lower_series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for i in range(1, _MOST_STEPS):
        term *= x / (a + i)
        total += term
        if term <= total * _ROUNDING:
            break
    return total


@njit(cache=True, nogil=True)
def _upper_fraction(a: float, x: float) -> float:
    """Lentz's evaluation of the Legendre continued fraction; it converges for x ≥ a + 1."""
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    value = d
    for i in range(1, _MOST_STEPS):
        numerator = i * (a - i)
        b += 2.0
        d = 1.0 / (b + numerator * d or _TINY)
        c = b + numerator / c or _TINY
        step = c * d
        value *= step
        if abs(step - 1.0) <= _CONVERGED:
            break
    return value
