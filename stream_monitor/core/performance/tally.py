"""What performance is judged by: a few integers of a window's labels, which add up over windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from stream_monitor.core.performance.numbers import square_sum
from stream_monitor.core.policy import Aspect
from stream_monitor.core.profile.outcome import OutcomePart
from stream_monitor.core.schema import OutcomeKind


@dataclass(frozen=True, slots=True)
class Tally:
    """Shares as (hits, of) and means as (n, Σ, Σ²), by aspect; sums in steps of the outcome's resolution.

    Only one of the two holds anything: classes have shares, numbers have means.
    """

    shares: tuple[tuple[Aspect, int, int], ...] = ()
    means: tuple[tuple[Aspect, int, int, int], ...] = ()

    @classmethod
    def sum(cls, tallies: Iterable[Self]) -> Tally:
        """The tally of all together; empty for none."""
        shares: dict[Aspect, list[int]] = {}
        means: dict[Aspect, list[int]] = {}
        for tally in tallies:
            for aspect, *counts in tally.shares:
                held = shares.setdefault(aspect, [0, 0])
                shares[aspect] = [a + b for a, b in zip(held, counts, strict=True)]
            for aspect, *sums in tally.means:
                held = means.setdefault(aspect, [0, 0, 0])
                means[aspect] = [a + b for a, b in zip(held, sums, strict=True)]
        return Tally(
            tuple((aspect, x, n) for aspect, (x, n) in shares.items()),
            tuple((aspect, n, s, q) for aspect, (n, s, q) in means.items()),
        )


def tally_of(part: OutcomePart) -> Tally:
    """The tally of an outcome's counts, absent labels among them where they mean a class."""
    if part.params.kind is OutcomeKind.NUMBER:
        n = int(part.arrays["labels"][0]) - int(part.arrays["invalid"][0])
        squares = square_sum(part, "error")
        absolute, error = (int(part.arrays[name][0]) for name in ("absolute_error", "error"))
        return Tally(means=((Aspect.MAE, n, absolute, squares), (Aspect.BIAS, n, error, squares)))
    matrix = part.arrays["confusion"][0]
    positive = part.params.classes.index(part.positive)
    hit = int(matrix[positive, positive])
    return Tally(
        shares=(
            (Aspect.ACCURACY, int(np.trace(matrix[:-1, :-1])), int(matrix.sum())),
            (Aspect.PRECISION, hit, int(matrix[:, positive].sum())),
            (Aspect.RECALL, hit, int(matrix[positive].sum())),
        )
    )


def tally_to_json(tally: Tally) -> list[Any]:
    """A JSON-ready form."""
    return [tally.shares, tally.means]


def tally_from_json(data: list[Any]) -> Tally:
    """The tally again."""
    shares, means = data
    return Tally(
        tuple((Aspect(aspect), x, n) for aspect, x, n in shares),
        tuple((Aspect(aspect), n, s, q) for aspect, n, s, q in means),
    )
