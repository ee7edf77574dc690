"""How much of an injected drift each row has, and chance by that strength."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def strength(timestamp_us: NDArray[np.int64], start_us: int, ramp_us: int = 0) -> Floats:
    """The strength of a drift at each instant: 0 before the start, 1 after the ramp, linear between.

    >>> strength(np.array([0, 10, 15, 20, 30]), 10, 10).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    since = timestamp_us - start_us
    if ramp_us <= 0:
        return (since >= 0).astype(np.float64)
    return np.clip(since / ramp_us, 0.0, 1.0)


def chosen(weight: Floats, share: float, rng: Generator) -> Flags:
    """Rows drawn by chance, each with probability `share` times its strength."""
    return rng.random(len(weight)) < share * weight


def untouched(weight: Floats, known: Flags) -> Flags:
    """The known rows before the drift, which tell what was normal; all known ones where there are none."""
    before = known & (weight == 0)
    return before if before.any() else known
