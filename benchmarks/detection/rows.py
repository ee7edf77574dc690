"""One figure of the table: how often something was found, how sure that is, and what it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scipy import stats

CONFIDENCE: Final = 0.99
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """`value` is a rate of `repetitions`, or a figure in `unit`; None in a column means that it has none.

    `interval` is the 99 % confidence interval of the value (Clopper–Pearson of a rate, Garwood of a count
    per week). `is_met` is None for what has no target: another system's figure. `is_shown` is False for
    what only the JSON keeps.
    """

    part: str
    case: str
    value: float
    unit: str = ""
    alpha: float | None = None
    floor: str = ""
    n: int | None = None
    m: int | None = None
    repetitions: int | None = None
    interval: Interval | None = None
    target: str = ""
    is_met: bool | None = None
    note: str = ""
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """What a row promises: the words, and whether a value with its interval keeps them."""

    words: str
    keeps: Callable[[float, Interval], bool]


def at_least(share: float) -> Target:
    """The rate itself is as high."""
    return Target(f"≥ {share:.3g}", lambda rate, _: rate >= share)


def at_most(share: float) -> Target:
    """The rate itself is as low."""
    return Target(f"≤ {share:.3g}", lambda rate, _: rate <= share)


def near(alpha: float, most: float, least: float = 0.0) -> Target:
    """Actual ÷ nominal: the interval reaches below `most` and, where given, above `least`."""
    words = f"ratio interval below {most:.3g}" + (f", above {least:.3g}" if least else "")
    return Target(words, lambda _, ends: ends[0] < most * alpha and ends[1] > least * alpha)


def clopper_pearson(hits: int, of: int) -> Interval:
    """The exact 99 % interval of a binomial rate.

    >>> tuple(round(end, 4) for end in clopper_pearson(0, 100))
    (0.0, 0.0516)
    """
    tail = (1 - CONFIDENCE) / 2
    low = stats.beta.ppf(tail, hits, of - hits + 1) if hits else 0.0
    high = stats.beta.ppf(1 - tail, hits + 1, of - hits) if hits < of else 1.0
    return float(low), float(high)


def garwood(count: float, over: float) -> Interval:
    """The exact 99 % interval of a Poisson rate, from a count in so many units of time."""
    tail = (1 - CONFIDENCE) / 2
    low = stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    high = stats.chi2.ppf(1 - tail, 2 * count + 2) / 2
    return float(low) / over, float(high) / over


def rate_row(
    part: str, case: str, hits: int, of: int, target: Target | None = None, *,
    alpha: float | None = None, floor: str = "", n: int | None = None, m: int | None = None,
    note: str = "", is_shown: bool = True,
) -> Row:  # fmt: skip
    """A rate of alarms among repetitions."""
    rate, interval = hits / of, clopper_pearson(hits, of)
    return Row(
        part, case, rate, "", alpha, floor, n, m, of, interval,
        target.words if target else "", target.keeps(rate, interval) if target else None,
        note, is_shown,
    )  # fmt: skip


def weekly_row(part: str, case: str, count: int, weeks: int, most: float, note: str = "") -> Row:
    """Incidents per week, over so many weeks."""
    value = count / weeks
    return Row(
        part, case, value, "per week", repetitions=weeks, interval=garwood(count, weeks),
        target=f"≤ {most:.3g} per week", is_met=value <= most, note=note,
    )  # fmt: skip


def fact_row(
    part: str, case: str, value: float, unit: str, target: str, is_met: bool, note: str = ""
) -> Row:
    """A figure that is not drawn at random: a time, a number of days."""
    return Row(part, case, value, unit, target=target, is_met=is_met, note=note)
