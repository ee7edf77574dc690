"""Where a window's summaries lie among those of reference windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_monitor.core.drift.distance_null import predictive_p_of_distances
from stream_monitor.core.drift.window_null import (
    RowNoise,
    WindowNull,
    predictive_p_among,
    predictive_p_among_skewed,
    predictive_p_in_slot,
    predictive_p_of_differences,
)
from stream_monitor.core.verdicts import LEAST_DOF

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def mean_over_windows(values: Floats) -> Floats:
    """The mean over K windows, (K, ...), without those that are NaN; 0 without any."""
    is_known = np.isfinite(values)
    total = np.where(is_known, values, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(1, is_known.sum(axis=0)))


@dataclass(frozen=True)
class Placing:
    """How a window is placed among K reference windows, given in order of time.

    `slots` (K,) and `slot` name the slots of the windows and of the judged one, for WindowNull.SLOTS.
    """

    null: WindowNull = WindowNull.AMONG
    slots: Counts | None = None
    slot: int = 0

    @property
    def slots_of_windows(self) -> Counts:
        """The slots; none unless they are used."""
        return np.zeros(0, np.int64) if self.slots is None else self.slots

    @property
    def is_beside(self) -> NDArray[np.bool_]:
        """Which windows a window is placed among directly, (K, 1) or (1, 1): of SLOTS, those of its slot."""
        if self.null is not WindowNull.SLOTS:
            return np.ones((1, 1), np.bool_)
        return np.asarray(self.slots_of_windows == self.slot)[:, None]

    def p(
        self, c: Floats, reference: Floats, noise: RowNoise | None = None, is_skewed: bool = False
    ) -> Floats:
        """p of F summaries among the windows' (K, F); NaN for none, or with too few windows.

        Summaries of values may be skewed between windows; of AMONG that is taken into account.
        """
        if self.null is WindowNull.SLOTS:
            slots = self.slots_of_windows
            return predictive_p_in_slot(c, reference, slots, self.slot, LEAST_DOF, noise)
        if self.null is WindowNull.DIFFERENCES:
            return predictive_p_of_differences(c, reference, LEAST_DOF)
        among = predictive_p_among_skewed if is_skewed else predictive_p_among
        return among(c, reference, LEAST_DOF, noise)

    def p_above(self, c: Floats, reference: Floats, noise: Floats, ratio: Floats) -> Floats:
        """p of F distances so far up, in logarithms, as `predictive_p_of_distances` tells.

        A distance between neighbours is a difference already: for DIFFERENCES it is placed among them.
        """
        slots = self.slots_of_windows if self.null is WindowNull.SLOTS else None
        return predictive_p_of_distances(c, reference, noise, ratio, slots, self.slot, LEAST_DOF)
