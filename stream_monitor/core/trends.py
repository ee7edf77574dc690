"""The trend of each numeric feature over the last windows of a size: what slowly moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream_monitor.core.drift.monotone_trend import mann_kendall_p, theil_sen_slope
from stream_monitor.core.policy import TREND_WINDOWS
from stream_monitor.core.references import WindowProfile


@dataclass(frozen=True, slots=True)
class Trend:
    """A feature's mean over the last `windows` windows: its change per window in the feature's unit, and p.

    p is that of Mann–Kendall against no trend.
    """

    feature: str
    slope: float
    p: float
    windows: int


def trends_of(history: Sequence[WindowProfile], window: WindowProfile) -> tuple[Trend, ...]:
    """One per numeric feature with a value in each window; none with fewer than 8 windows.

    `history` holds earlier windows in order of time.
    """
    recent = [*history, window][-TREND_WINDOWS:]
    means = np.stack([w.tables.numeric.mean for w in recent])
    if len(recent) < 8 or not means.size:
        return ()
    p, slope = mann_kendall_p(means), theil_sen_slope(means)
    names = window.profile.layout.binning.schema.numeric
    figures = zip(names, slope.tolist(), p.tolist(), strict=True)
    return tuple(
        Trend(name, s, q, len(recent))
        for name, s, q in figures
        if np.isfinite(s) and np.isfinite(q)
    )
