"""One correlation beside the reference's, as a score."""

from __future__ import annotations

import math

import numpy as np

from stream_monitor.core.drift.correlation import correlation_changes
from stream_monitor.core.drift.score import Score


def correlation_change(r: float, n: int, reference: float, m: int) -> Score | None:
    """Statistic is z, effect |r − r_ref|; None when it cannot be measured."""
    sides = (np.array([value], np.float64) for value in (r, n, reference, m))
    z, p = correlation_changes(*sides)
    if not math.isfinite(float(z[0])):
        return None
    return Score(statistic=float(z[0]), p=float(p[0]), effect=abs(r - reference), n=n, m=m)
