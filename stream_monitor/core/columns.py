"""Decoded records as columns: what decoding and table readers produce and profiles consume."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

PRESENT, MISSING, WRONG_TYPE = 0, 1, 2
"""States of a feature value; a present number may still be non-finite."""


class Reason(StrEnum):
    """Why a record was rejected: the closed list of dead-letter reasons."""

    MALFORMED = "malformed"
    NOT_UTF8 = "not_utf8"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    FUTURE_TIMESTAMP = "future_timestamp"
    UNKNOWN_MODEL = "unknown_model"
    SCHEMA_MISMATCH = "schema_mismatch"
    NO_PREDICTION = "no_prediction"
    LABEL_EXPIRED = "label_expired"
    CONFLICT = "conflict"
    PROCESSING_ERROR = "processing_error"


@dataclass(frozen=True, slots=True)
class Rejected:
    """One record that is not counted: its row in the batch, the reason, and a message without payload.

    `model` is "" where the record does not tell it.
    """

    row: int
    reason: Reason
    message: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class UnknownFields:
    """Fields of `features` that the schema does not know, as seen on a sample of the rows.

    `looked` are the rows that were looked at; `row` and `name` have one entry per field that one carries.
    """

    looked: NDArray[np.int64]
    row: NDArray[np.int64]
    name: pa.DictionaryArray

    def moved(self, place: NDArray[np.int64]) -> UnknownFields:
        """The same after row i has become row place[i], −1 if it is left out."""
        looked, row = place[self.looked], place[self.row]
        kept = row >= 0
        return UnknownFields(looked[looked >= 0], row[kept], self.name.filter(pa.array(kept)))


@dataclass(frozen=True, slots=True)
class InferenceColumns:
    """`n` events of one model.

    Shapes: numeric (features, n) float64 with NaN where not present; states (features, n) uint8 of
    PRESENT, MISSING, WRONG_TYPE; categorical one dictionary array of length n per feature, null where
    not present; segments one dictionary array per segment key, null where the tag is absent.
    Times are microseconds since the epoch, UTC; latency is in milliseconds, NaN if absent; status 0 if
    absent. `row` is the row of the raw batch. The `sampled_*` and `coerced_*` columns hold what was
    seen on the 1-in-64 sample of ids: rows looked at, and (row, feature) pairs whose JSON type was not
    the declared one although the value could be read (features are numbered numeric first).
    `unknown` is None where records were not looked at, as in tables.
    """

    model: str
    row: NDArray[np.int64]
    prediction_id: pa.StringArray
    version: pa.DictionaryArray
    timestamp_us: NDArray[np.int64]
    is_timestamped: NDArray[np.bool_]
    numeric: NDArray[np.float64]
    numeric_state: NDArray[np.uint8]
    categorical: tuple[pa.DictionaryArray, ...]
    categorical_state: NDArray[np.uint8]
    segments: tuple[pa.DictionaryArray, ...]
    predicted_label: pa.StringArray
    score: NDArray[np.float64]
    predicted_value: NDArray[np.float64]
    latency_ms: NDArray[np.float64]
    status: NDArray[np.int64]
    sampled_row: NDArray[np.int64]
    coerced_row: NDArray[np.int64]
    coerced_feature: NDArray[np.int64]
    unknown: UnknownFields | None = None

    @property
    def n(self) -> int:
        """Number of events."""
        return len(self.timestamp_us)

    def take(self, rows: NDArray[np.int64], model: str | None = None) -> InferenceColumns:
        """The events at rising positions `rows`, as another model's if one is named."""
        place = np.full(self.n, -1, np.int64)
        place[rows] = np.arange(len(rows))
        sampled, coerced = place[self.sampled_row], place[self.coerced_row]
        index = pa.array(rows)
        return InferenceColumns(
            model=self.model if model is None else model,
            row=self.row[rows],
            prediction_id=self.prediction_id.take(index),
            version=self.version.take(index),
            timestamp_us=self.timestamp_us[rows],
            is_timestamped=self.is_timestamped[rows],
            numeric=self.numeric[:, rows],
            numeric_state=self.numeric_state[:, rows],
            categorical=tuple(column.take(index) for column in self.categorical),
            categorical_state=self.categorical_state[:, rows],
            segments=tuple(column.take(index) for column in self.segments),
            predicted_label=self.predicted_label.take(index),
            score=self.score[rows],
            predicted_value=self.predicted_value[rows],
            latency_ms=self.latency_ms[rows],
            status=self.status[rows],
            sampled_row=sampled[sampled >= 0],
            coerced_row=coerced[coerced >= 0],
            coerced_feature=self.coerced_feature[coerced >= 0],
            unknown=None if self.unknown is None else self.unknown.moved(place),
        )


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """`n` labels of any model: `label` is null where a label is taken back; times as in InferenceColumns."""

    row: NDArray[np.int64]
    prediction_id: pa.StringArray
    outcome: pa.StringArray
    label: pa.StringArray
    timestamp_us: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of labels."""
        return len(self.timestamp_us)


@dataclass(frozen=True, slots=True)
class MatchedColumns:
    """`n` labels beside their predictions, all of one model and one outcome.

    `sign` is +1 where the pair is added and −1 where a corrected or retracted label is taken out.
    Segments are indices into `segment_names` (−1: none), one array per segment key.
    """

    model: str
    outcome: str
    version: pa.StringArray
    profile_id: pa.StringArray
    segments: tuple[pa.StringArray, ...]
    timestamp_us: NDArray[np.int64]
    predicted_label: pa.StringArray
    score: NDArray[np.float64]
    predicted_value: NDArray[np.float64]
    label: pa.StringArray
    delay_us: NDArray[np.int64]
    sign: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.timestamp_us)
