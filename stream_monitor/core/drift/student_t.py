"""The upper tail of Student's t distribution."""

from numba import njit

from stream_monitor.core.drift.beta import beta_kernel


def student_t_survival(t: float, dof: float) -> float:
    """Return P(T > t) for a Student t variable with ``dof`` degrees of freedom.

    Formula: I_x(dof/2, 1/2)/2 with x = dof/(dof + t²). Assumption: dof > 0. At t = 0 it is 1/2.
    Range: 0 to 1, no units; relative accuracy 1e-9 or better down to 1e-12 and below.
    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1.

    >>> round(student_t_survival(2.093024, 19), 6)
    0.025
    """
    return float(student_t_kernel(float(t), float(dof)))


@njit(cache=True, nogil=True)
def student_t_kernel(t: float, dof: float) -> float:
    """`student_t_survival`, compiled."""
    square = t * t
    tail = 0.5 * beta_kernel(dof / 2.0, 0.5, dof / (dof + square), square / (dof + square))
    return tail if t >= 0.0 else 1.0 - tail
