"""Drifts of numbers: arrays (n,) in the feature's unit, NaN where there is none; NaN stays NaN.

`weight` (n,) is each row's strength (see strength.py). What was normal (mean, standard deviation) is taken
from the rows of strength 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stream_monitor.core.injection.strength import Floats, chosen, untouched

UNIT_FACTOR: Final = 1_000.0
"""What a wrong unit multiplies by: grams for kilograms, milliseconds for seconds."""


def shift_mean(values: Floats, weight: Floats, size: float) -> Floats:
    """Adds `size` standard deviations at full strength; the spread stays.

    >>> shift_mean(np.array([0.0, 2.0, 0.0, 2.0]), np.array([0.0, 0, 1, 1]), 3.0).tolist()
    [0.0, 2.0, 3.0, 5.0]
    """
    return values + size * _normal(values, weight)[1] * weight


def scale_spread(values: Floats, weight: Floats, factor: float) -> Floats:
    """Moves values away from the mean, `factor` times as far at full strength; the mean stays.

    >>> scale_spread(np.array([0.0, 2.0, 0.0, 2.0]), np.array([0.0, 0, 1, 1]), 2.0).tolist()
    [0.0, 2.0, -1.0, 3.0]
    """
    mean = _normal(values, weight)[0]
    return np.where(weight > 0, mean + (values - mean) * (1 + (factor - 1) * weight), values)


def mistake_unit(values: Floats, weight: Floats, share: float, rng: Generator) -> Floats:
    """A share of the rows is in another unit: UNIT_FACTOR times as large."""
    return np.where(chosen(weight, share, rng), values * UNIT_FACTOR, values)


def reverse_ranks(
    values: Floats, weight: Floats, share: float, groups: NDArray[np.int64], rng: Generator
) -> Floats:
    """Gives a share of each group's rows the values of one another, the largest for the smallest.

    The values of a group are the same as before, so that no margin changes; a dependence with any other
    column changes its sign at full strength. `groups` (n,) names each row's group, such as its window.

    >>> weight, groups = np.ones(3), np.zeros(3, np.int64)
    >>> reverse_ranks(np.array([5.0, 1.0, 9.0]), weight, 1.0, groups, np.random.default_rng(0)).tolist()
    [5.0, 9.0, 1.0]
    """
    reversed_ = values.copy()
    rows = np.flatnonzero(chosen(weight, share, rng) & np.isfinite(values))
    for group in np.unique(groups[rows]):
        own = rows[groups[rows] == group]
        ranked = own[np.argsort(values[own], kind="stable")]
        reversed_[ranked] = values[ranked[::-1]]
    return reversed_


def _normal(values: Floats, weight: Floats) -> tuple[float, float]:
    """Mean and standard deviation before the drift; (0, 0) without a value."""
    known = values[untouched(weight, np.isfinite(values))]
    return (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
