"""How long labels take, from the delay histogram of an outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_monitor.core.profile.outcome import DELAY_EDGES_S, OutcomePart


@dataclass(frozen=True, slots=True)
class LabelDelay:
    """Quantiles of label time − prediction time in seconds: upper edges of bins a factor 2^(1/3) wide."""

    p50_s: float
    p95_s: float


def label_delay(part: OutcomePart) -> LabelDelay | None:
    """The delay of the labels that have come; None without any.

    The first bin ends at one minute, the last has no end and is told as its start (two years).
    """
    counts = np.cumsum(part.arrays["delay"][0])
    n = int(counts[-1])
    if n <= 0:
        return None
    last = len(DELAY_EDGES_S) - 1
    p50, p95 = (
        float(DELAY_EDGES_S[min(int(np.searchsorted(counts, q * n)), last)]) for q in (0.5, 0.95)
    )
    return LabelDelay(p50, p95)
