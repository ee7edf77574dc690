"""The prediction's score on a fixed grid of 1,000 bins, for calibration and estimates without labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.profile.part import Field, Part

SCORE_BINS = 1_000
MICRO = 1_000_000


class ScorePart(Part):
    """Score histogram on [0, 1], scores outside, and Σ confidence (max(s, 1−s)) in millionths."""

    name = "score"

    @classmethod
    def fields(cls, params: None) -> tuple[Field, ...]:
        """The grid, what lies outside, and the confidence."""
        return (Field("counts", (SCORE_BINS,)), Field("outside", ()), Field("confidence", ()))

    def update(self, score: NDArray[np.float64], slot: NDArray[np.int64]) -> None:
        """Counts n scores, NaN where there is none, into each row's slot (−1: not counted)."""
        rows = np.flatnonzero((slot >= 0) & ~np.isnan(score))
        if not len(rows):
            return
        s, where = score[rows], slot[rows]
        inside = (s >= 0) & (s <= 1)
        np.add.at(self.arrays["outside"], where[~inside], 1)
        s, where = s[inside], where[inside]
        flat = np.bincount(where * SCORE_BINS + score_bin(s), minlength=self.slots * SCORE_BINS)
        self.arrays["counts"] += flat.reshape(self.slots, SCORE_BINS)
        confidence = np.rint(np.maximum(s, 1 - s) * MICRO).astype(np.int64)
        np.add.at(self.arrays["confidence"], where, confidence)

    def summarise(self) -> float | None:
        """Mean confidence in [0.5, 1] of the first slot; None without scores."""
        n = int(self.arrays["counts"][0].sum())
        return int(self.arrays["confidence"][0]) / MICRO / n if n else None


def score_bin(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """The grid's bin of scores in [0, 1]; 1.0 belongs to the last."""
    return np.minimum((score * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
