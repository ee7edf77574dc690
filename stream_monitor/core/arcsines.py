"""Rates on a scale on which the noise of their rows does not depend on them, as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def arcsines(counts: Counts, of: Counts) -> Floats:
    """arcsin√ of each rate; NaN where there are no rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.arcsin(np.sqrt(counts / of)))


def arcsine_noise(of: Counts, counts: Counts | None = None, total: Counts | None = None) -> Floats:
    """Sampling variance of `arcsines` of so many rows: a quarter of 1/rows; NaN where there are none.

    At less than a quarter of an expected row, as ``counts`` of ``total`` tell it, that is too much: there
    it is the rate itself.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = np.where(of > 0, 0.25 / of, np.nan)
        return noise if counts is None or total is None else np.minimum(noise, counts / total)
