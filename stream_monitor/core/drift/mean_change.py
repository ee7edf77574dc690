"""The change of a mean between two samples, from counts and sums: errors of a regression."""

import math
from dataclasses import dataclass
from fractions import Fraction

from stream_monitor.core.drift.score import Score
from stream_monitor.core.drift.student_t import student_t_survival


@dataclass(frozen=True, slots=True)
class MeanChange:
    """``score`` has t as its statistic, p, and |difference| as its effect, in the values' unit.

    ``difference`` is the window's mean minus the reference's; ``relative`` is that by the
    reference's mean without its sign, None where that is 0.

    >>> MeanChange(Score(0.0, 1.0, 0.0, 5, 5), difference=0.0, relative=None).relative is None
    True
    """

    score: Score
    difference: float
    relative: float | None


def mean_change(
    window: tuple[int, float, float], reference: tuple[int, float, float]
) -> MeanChange | None:
    """Compare two means from (rows, Σx, Σx²) of each side.

    Formula: Welch's t = (x̄ − x̄_ref)/√(s²/n + s_ref²/m), two-sided, with the Welch–Satterthwaite
    degrees of freedom. Sums are taken as exact (whole numbers of any size are), so nothing cancels.
    Assumption: independent rows, means about normal: a few dozen rows, more for skewed values.
    None when a side has fewer than 2 rows or a sum that is not finite. Without spread on both sides
    p is 1 for equal means and 0 for any others, with t infinite.
    Range: t any sign; the effect has the values' unit.
    Reference: Welch, The generalization of Student's problem when several different population
    variances are involved, 1947.

    >>> change = mean_change((4, 20, 120), (4, 12, 46))
    >>> change.difference, round(change.relative, 4), round(change.score.p, 4)
    (2.0, 0.6667, 0.2577)
    """
    sides = (window, reference)
    if any(n < 2 or not (math.isfinite(x) and math.isfinite(xx)) for n, x, xx in sides):
        return None
    (mean, error), (reference_mean, reference_error) = map(_mean_and_error, sides)
    difference = mean - reference_mean
    t, p = _welch(float(difference), (error, window[0]), (reference_error, reference[0]))
    return MeanChange(
        Score(statistic=t, p=p, effect=abs(float(difference)), n=window[0], m=reference[0]),
        float(difference),
        float(difference / abs(reference_mean)) if reference_mean else None,
    )


def _mean_and_error(side: tuple[int, float, float]) -> tuple[Fraction, float]:
    """The mean, and the variance of the mean."""
    n, total, squares = side
    x, xx = Fraction(total), Fraction(squares)
    spread = max(Fraction(0), xx - x * x / n)
    return x / n, float(spread / (n - 1) / n)


def _welch(
    difference: float, side: tuple[float, int], other: tuple[float, int]
) -> tuple[float, float]:
    (a, n), (b, m) = side, other
    if a + b <= 0.0:
        return (0.0, 1.0) if difference == 0.0 else (math.copysign(math.inf, difference), 0.0)
    t = difference / math.sqrt(a + b)
    largest = max(a, b)
    x, y = a / largest, b / largest
    dof = (x + y) ** 2 / (x * x / (n - 1) + y * y / (m - 1))
    return t, min(1.0, 2.0 * student_t_survival(abs(t), dof))
