"""What every measurement of drift returns. Whether it matters is decided elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """One measured difference between a window and its reference.

    ``statistic`` is the test's own figure, ``effect`` a size that does not grow with the rows (each
    measurement states its units), ``p`` the probability of a statistic at least this extreme
    without drift, or None for a pure effect size. ``n`` counts the window's rows, ``m`` the
    reference's.

    >>> Score(statistic=0.2, p=None, effect=0.2, n=100, m=1000).effect
    0.2
    """

    statistic: float
    p: float | None
    effect: float
    n: int
    m: int
