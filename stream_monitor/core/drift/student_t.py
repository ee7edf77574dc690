"""The upper tail of Student's t distribution."""

from stream_monitor.core.drift.beta import beta_probability


def student_t_survival(t: float, dof: float) -> float:
    """Return P(T > t) for a Student t variable with ``dof`` degrees of freedom.

    Formula: I_x(dof/2, 1/2)/2 with x = dof/(dof + t²). Assumption: dof > 0. At t = 0 it is 1/2.
    Range: 0 to 1, no units; relative accuracy 1e-9 or better down to 1e-12 and below.
    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1.

    >>> round(student_t_survival(2.093024, 19), 6)
    0.025
    """
    square = t * t
    tail = 0.5 * beta_probability(
        dof / 2.0, 0.5, dof / (dof + square), complement=square / (dof + square)
    )
    return tail if t >= 0.0 else 1.0 - tail
