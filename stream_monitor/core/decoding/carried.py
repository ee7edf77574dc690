"""Predictions that labels bring with them: such a label needs no record of the inference topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import Reason
from stream_monitor.core.decoding.envelope import Envelope
from stream_monitor.core.decoding.inference import DEFAULT_VERSION
from stream_monitor.core.decoding.query import JsonQueries
from stream_monitor.core.policy import PARTITION_KEY

CARRIED: Final = pa.schema(
    [
        ("row", pa.int64()),
        ("prediction_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("timestamp_us", pa.int64()),
        ("segments", pa.list_(pa.string())),
        ("predicted_label", pa.string()),
        ("score", pa.float64()),
        ("predicted_value", pa.float64()),
    ]
)
"""One row per label that carries its prediction: `row` is the label's, times are µs since the epoch."""


class CarriedPredictions:
    """Reads `model`, `model_version`, `prediction` (with its own `timestamp`) and `tags` of labels."""

    def __init__(
        self, queries: JsonQueries, models: Mapping[str, Sequence[str]], future_tolerance_ms: int
    ) -> None:
        self._queries = queries
        self._models = models
        self._keys = sorted({key for keys in models.values() for key in keys} - {PARTITION_KEY})
        self._tolerance_ms = future_tolerance_ms

    def decode(
        self,
        envelope: Envelope,
        texts: pa.StringArray,
        model: pa.StringArray,
        record_ms: NDArray[np.int64],
        partition: NDArray[np.int32],
    ) -> pa.Table:
        """The predictions of the good labels that name a model; rejects those that cannot be read.

        A label has the partition of its prediction.
        """
        named = np.asarray(model.is_valid())
        known = np.asarray(pc.is_in(model, pa.array(sorted(self._models), pa.string())))
        envelope.reject(
            named & ~known, Reason.UNKNOWN_MODEL, "the model is not configured: add its file"
        )
        at = np.flatnonzero(named & envelope.is_good)
        if not len(at):
            return CARRIED.empty_table()
        table = self._queries.transform(texts.take(pa.array(at)), self._structure())
        record = table["json"].combine_chunks()
        fields = dict(zip((f.name for f in record.type), record.flatten(), strict=True))
        prediction = dict(
            zip(
                (f.name for f in fields["prediction"].type),
                fields["prediction"].flatten(),
                strict=True,
            )
        )
        times = self._queries.epochs(prediction["timestamp"])
        self._require_times(envelope, at, times, record_ms[at])
        kept = np.flatnonzero(envelope.is_good[at])
        index = pa.array(kept)
        return pa.table(
            [
                pa.array(at[kept]),
                fields["prediction_id"].take(index),
                fields["model"].take(index),
                pc.fill_null(fields["model_version"], DEFAULT_VERSION).take(index),
                times.take(index),
                pa.array(
                    self._segments(fields, kept, partition[at]), CARRIED.field("segments").type
                ),
                prediction["label"].take(index),
                pc.fill_null(prediction["score"], np.nan).take(index),
                pc.fill_null(prediction["value"], np.nan).take(index),
            ],
            schema=CARRIED,
        )

    def _structure(self) -> dict[str, Any]:
        structure: dict[str, Any] = dict.fromkeys(
            ("prediction_id", "model", "model_version", "timestamp"), "VARCHAR"
        )
        structure["prediction"] = {
            "label": "VARCHAR", "score": "DOUBLE", "value": "DOUBLE", "timestamp": "VARCHAR",
        }  # fmt: skip
        if self._keys:
            structure["tags"] = dict.fromkeys(self._keys, "VARCHAR")
        return structure

    def _require_times(
        self, envelope: Envelope, at: NDArray[np.int64], times: pa.Int64Array,
        record_ms: NDArray[np.int64],
    ) -> None:  # fmt: skip
        absent, ahead = np.zeros_like(envelope.is_good), np.zeros_like(envelope.is_good)
        absent[at] = np.asarray(pc.fill_null(pc.less(times, 0), True))
        envelope.reject(
            absent,
            Reason.MISSING_FIELD,
            "a label that names its model needs prediction.timestamp, the prediction's time",
        )
        latest = (record_ms + self._tolerance_ms) * 1_000
        late = np.asarray(pc.fill_null(times, 0), dtype=np.int64) > latest
        ahead[at] = late & (record_ms >= 0)
        envelope.reject(
            ahead, Reason.FUTURE_TIMESTAMP, "prediction.timestamp is ahead of its record"
        )

    def _segments(
        self, fields: dict[str, pa.Array], kept: NDArray[np.int64], partition: NDArray[np.int32]
    ) -> list[list[str | None]]:
        index = pa.array(kept)
        models = fields["model"].take(index).to_pylist()
        tags = fields["tags"].take(index).to_pylist() if self._keys else [None] * len(kept)
        found = zip(models, tags, partition[kept].tolist(), strict=True)
        return [
            [
                str(at) if key == PARTITION_KEY else (row or {}).get(key)
                for key in self._models[name]
            ]
            for name, row, at in found
        ]
