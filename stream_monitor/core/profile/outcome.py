"""Outcomes: confusion matrix, score × label histogram, error sums and label delays; all of it subtracts."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.profile.part import Field, Part
from stream_monitor.core.profile.score import SCORE_BINS, score_bin
from stream_monitor.core.schema import Outcome, OutcomeKind

DELAY_EDGES_S: Final = 60.0 * 2.0 ** (np.arange(61) / 3)
"""61 edges from one minute to two years, a factor 2^(1/3) apart."""
CLIP_STEPS: Final = 2**36
HALF_BITS: Final = 18


class OutcomePart(Part):
    """Label counts of one outcome; parameters: the Outcome.

    `confusion[actual, predicted]` has one more slot for other classes. Where a missing label means a
    class, `predicted` and `predicted_scores` count the events themselves, so that what has no label is
    a subtraction (performance/absent.py). Numbers are quantised to the
    outcome's resolution, clipped at ±2³⁶ steps (counted in `clipped`): Σy, Σe, Σ|e|, and Σe², Σy² as
    Σa², Σab, Σb² of q = a·2¹⁸ + b.
    """

    name = "outcome"

    @classmethod
    def fields(cls, params: Outcome) -> tuple[Field, ...]:
        """Labels and delays, and by kind a confusion matrix or error sums."""
        common = (Field("labels", ()), Field("delay", (len(DELAY_EDGES_S) + 1,)))
        if params.kind is OutcomeKind.CLASS:
            size = len(params.classes) + 1
            pairs = (Field("confusion", (size, size)), Field("scores", (2, SCORE_BINS)))
            if params.absent_means is None:
                return (*common, *pairs)
            events = (Field("predicted", (size,)), Field("predicted_scores", (SCORE_BINS,)))
            return (*common, *pairs, *events)
        sums = ("actual", "error", "absolute_error", "clipped", "invalid")
        squares = (Field("square_error", (3,)), Field("square_actual", (3,)))
        return (*common, *(Field(name, ()) for name in sums), *squares)

    def update(
        self,
        label: pa.StringArray,
        predicted_label: pa.StringArray,
        score: NDArray[np.float64],
        predicted_value: NDArray[np.float64],
        delay_us: NDArray[np.int64],
        sign: NDArray[np.int64],
        slot: NDArray[np.int64],
    ) -> None:
        """Adds (sign +1) or takes out (sign −1) n pairs of prediction and label (slot −1: neither)."""
        rows = np.flatnonzero(slot >= 0)
        if not len(rows):
            return
        where, sign = slot[rows], sign[rows]
        np.add.at(self.arrays["labels"], where, sign)
        delays = np.searchsorted(DELAY_EDGES_S, delay_us[rows] / 1e6, side="right")
        np.add.at(self.arrays["delay"], (where, delays), sign)
        if self.params.kind is OutcomeKind.CLASS:
            self._classes(label.take(rows), predicted_label.take(rows), score[rows], where, sign)
        else:
            self._numbers(label.take(rows), predicted_value[rows], where, sign)

    def update_events(
        self, predicted_label: pa.StringArray, score: NDArray[np.float64], slot: NDArray[np.int64]
    ) -> None:
        """Counts n events by what was predicted (slot −1: not counted), if a missing label means a class."""
        rows = np.flatnonzero(slot >= 0)
        if self.params.absent_means is None or not len(rows):
            return
        guess = self._class_of(predicted_label.take(pa.array(rows)))
        np.add.at(self.arrays["predicted"], (slot[rows], guess), 1)
        scored = rows[(score[rows] >= 0) & (score[rows] <= 1)]
        np.add.at(self.arrays["predicted_scores"], (slot[scored], score_bin(score[scored])), 1)

    def _class_of(self, label: pa.StringArray) -> NDArray[np.int64]:
        """Index of each label's class, one past the last for labels of none."""
        found = pc.index_in(label, pa.array(self.params.classes, pa.string()))
        other = len(self.params.classes)
        return np.asarray(found.fill_null(other).to_numpy(zero_copy_only=False), dtype=np.int64)

    def _classes(
        self,
        label: pa.StringArray,
        predicted: pa.StringArray,
        score: NDArray[np.float64],
        where: NDArray[np.int64],
        sign: NDArray[np.int64],
    ) -> None:
        actual, guess = self._class_of(label), self._class_of(predicted)
        np.add.at(self.arrays["confusion"], (where, actual, guess), sign)
        scored = (score >= 0) & (score <= 1)
        positive = (actual == self.params.classes.index(self.positive)).astype(np.int64)
        place = (where[scored], positive[scored], score_bin(score[scored]))
        np.add.at(self.arrays["scores"], place, sign[scored])

    def _numbers(
        self,
        label: pa.StringArray,
        predicted: NDArray[np.float64],
        where: NDArray[np.int64],
        sign: NDArray[np.int64],
    ) -> None:
        actual = _as_numbers(label)
        valid = np.isfinite(actual) & np.isfinite(predicted)
        np.add.at(self.arrays["invalid"], where[~valid], sign[~valid])
        actual, predicted = actual[valid], predicted[valid]
        where, sign = where[valid], sign[valid]
        with np.errstate(over="ignore"):  # what overflows is clipped
            error, actual = (x / self.params.resolution for x in (predicted - actual, actual))
        outside = (np.abs(error) > CLIP_STEPS) | (np.abs(actual) > CLIP_STEPS)
        np.add.at(self.arrays["clipped"], where[outside], sign[outside])
        for name, steps in (("error", error), ("actual", actual)):
            q = np.rint(np.clip(steps, -CLIP_STEPS, CLIP_STEPS)).astype(np.int64)
            np.add.at(self.arrays[name], where, sign * q)
            high = q >> HALF_BITS
            low = q - (high << HALF_BITS)
            squares = np.stack([high * high, high * low, low * low], axis=1)
            np.add.at(self.arrays[f"square_{name}"], where, sign[:, None] * squares)
            if name == "error":
                np.add.at(self.arrays["absolute_error"], where, sign * np.abs(q))

    @property
    def positive(self) -> str:
        """The class that a score speaks of: the configured one, else the last."""
        return str(self.params.positive or self.params.classes[-1])

    def summarise(self) -> int | None:
        """Number of labels in the first slot; None without any. Metrics are in performance/."""
        return int(self.arrays["labels"][0]) or None


def _as_numbers(label: pa.StringArray) -> NDArray[np.float64]:
    """Labels read as numbers, NaN where they are none."""

    def number(text: str | None) -> float:
        try:
            return float(text) if text is not None else float("nan")
        except ValueError:
            return float("nan")

    return np.array([number(text) for text in label.to_pylist()], dtype=np.float64)
