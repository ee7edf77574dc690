"""The predictions of one file: written with their contexts, read by sequence number, dropped by age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.shared_rows import CONTEXTS, SharedRows
from stream_monitor.core.errors import StreamMonitorError

_EVER_US: Final = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions by rising `sequence`; `context` is each one's row in `contexts`."""

    sequence: NDArray[np.int64]
    contexts: pa.Table
    context: NDArray[np.int64]
    timestamp_us: NDArray[np.int64]
    score: NDArray[np.float64]
    predicted_value: NDArray[np.float64]


class StoredPredictions:
    """The table of predictions; it is read and written in the cursor's open transaction."""

    def __init__(self, cursor: DuckDBPyConnection) -> None:
        self._cursor = cursor
        in_use = schema.fetch(cursor, schema.CONTEXTS_IN_USE)
        self._contexts = SharedRows(cursor, "contexts", CONTEXTS, in_use)
        # No prediction of a model is older than this; there may be none so old.
        self._oldest_us: dict[str, int] = dict(
            schema.execute(cursor, schema.OLDEST_BY_MODEL, in_use)
        )
        self._oldest_before_us = dict(self._oldest_us)

    def insert(
        self,
        new: pa.Table,
        hashes: NDArray[np.uint64],
        checks: NDArray[np.uint32],
        sequence: NDArray[np.int64],
    ) -> None:
        """Adds predictions under these numbers."""
        columns = {
            "seq": sequence,
            "hash": hashes,
            "check": checks,
            "context": self._contexts.numbers(new),
            "timestamp_us": new.column("timestamp_us"),
            "score": new.column("score").fill_null(np.nan),
            "predicted_value": new.column("predicted_value").fill_null(np.nan),
        }
        schema.insert(self._cursor, "predictions", pa.table(columns))
        oldest_us = int(new.column("timestamp_us").to_numpy().min())
        for model in new.column("model").unique().to_pylist():
            self._oldest_us[model] = min(oldest_us, self._oldest_us.get(model, oldest_us))

    def at(self, sequence: NDArray[np.int64]) -> Predictions:
        """The predictions at these sequence numbers, which rise."""
        given = pa.table({"seq": sequence})
        found = schema.query(self._cursor, schema.PREDICTIONS_AT, given, *_bounds(sequence))
        if len(found) != len(sequence):
            raise StreamMonitorError("the store lost predictions it held: delete it to replay")
        columns = {name: found.column(name).to_numpy() for name in found.column_names}
        if not np.array_equal(columns["seq"], sequence):  # a scan is in order, a join may not be
            order = np.argsort(columns["seq"])
            columns = {name: values[order] for name, values in columns.items()}
        contexts, context = self._contexts.rows(columns["context"])
        return Predictions(
            sequence=sequence,
            contexts=contexts,
            context=context,
            timestamp_us=columns["timestamp_us"],
            score=columns["score"],
            predicted_value=columns["predicted_value"],
        )

    def delete(self, sequence: NDArray[np.int64]) -> None:
        """Drops the predictions at these sequence numbers, which rise."""
        given = pa.table({"seq": sequence})
        schema.execute(self._cursor, schema.DELETE_PREDICTIONS, given, *_bounds(sequence))

    def expiring(self, before_us: Mapping[str, int]) -> dict[str, int]:
        """The bound of each model that may have predictions older than it; of unnamed ones, any."""
        bounds = {model: before_us.get(model, _EVER_US) for model in self._oldest_us}
        return {model: us for model, us in bounds.items() if self._oldest_us[model] < us}

    def expire(self, model: str, before_us: int) -> Iterator[pa.Table]:
        """Drops a model's older predictions piece by piece; their seq, hash and check."""
        self._oldest_us[model] = before_us
        if before_us == _EVER_US:
            del self._oldest_us[model]
        extent, delete = schema.EXPIRING_PREDICTIONS, schema.EXPIRED_PREDICTIONS
        return schema.dropped(self._cursor, extent, delete, before_us, model)

    def commit(self) -> None:
        """Keeps what was learned."""
        self._contexts.commit()
        self._oldest_before_us = dict(self._oldest_us)

    def rollback(self) -> None:
        """Forgets what was learned since the last commit."""
        self._contexts.rollback()
        self._oldest_us = dict(self._oldest_before_us)


def _bounds(sequence: NDArray[np.int64]) -> tuple[int, int]:
    return (int(sequence[0]), int(sequence[-1])) if len(sequence) else (0, 0)
