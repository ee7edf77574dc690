"""The labels of one file: those that count beside their predictions, those that wait, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.shared_rows import ANSWERS, SharedRows

LABEL_ROWS: Final = pa.schema(
    [
        ("prediction", pa.int64()),
        ("place", pa.int64()),
        ("outcome", pa.string()),
        ("label", pa.string()),
        ("timestamp_us", pa.int64()),
    ]
)
_FEW_LABELS: Final = 256
_NEVER_US: Final = int(np.iinfo(np.int64).max)


class StoredLabels:
    """The tables of labels; they are read and written in the cursor's open transaction.

    What is read are LABEL_ROWS: `prediction` is its sequence number, `place` where the label is stored.
    """

    def __init__(self, cursor: DuckDBPyConnection) -> None:
        self._cursor = cursor
        in_use = schema.fetch(cursor, schema.ANSWERS_IN_USE)
        self._answers = SharedRows(cursor, "answers", ANSWERS, in_use)
        [[oldest_us]] = schema.run(cursor, schema.OLDEST_WAITING)
        # No waiting label is older than this; there may be none so old.
        self._oldest_us = _NEVER_US if oldest_us is None else int(oldest_us)
        self._oldest_before_us = self._oldest_us

    def applied(self, predictions: NDArray[np.int64]) -> pa.Table:
        """The labels that count for these predictions."""
        if len(predictions) == 0:
            return LABEL_ROWS.empty_table()
        given = pa.table({"prediction": predictions})
        bounds = (int(predictions.min()), int(predictions.max()))
        found = schema.query(self._cursor, schema.APPLIED_LABELS, given, *bounds)
        return found.select(LABEL_ROWS.names).cast(LABEL_ROWS)

    def waiting(
        self,
        predictions: NDArray[np.int64],
        hashes: NDArray[np.uint64],
        checks: NDArray[np.uint32],
        lowest: int,
    ) -> pa.Table:
        """The labels that wait for these predictions, in order; their own numbers begin at `lowest`."""
        if len(predictions) == 0:
            return LABEL_ROWS.empty_table()
        given = pa.table({"prediction": predictions, "hash": hashes, "check": checks})
        found = schema.query(self._cursor, schema.WAITING_LABELS, given, lowest)
        return found.select(LABEL_ROWS.names).cast(LABEL_ROWS)

    def apply(
        self,
        predictions: NDArray[np.int64],
        outcomes: pa.DictionaryArray,
        labels: pa.DictionaryArray,
        timestamps_us: NDArray[np.int64],
    ) -> None:
        """Adds labels that count. Few values are shared; many, such as numbers, are spelled out."""
        nulls = pa.nulls(len(labels), pa.string())
        is_shared = len(labels.dictionary) <= _FEW_LABELS
        answers = pa.table({"outcome": outcomes, "label": labels if is_shared else nulls})
        columns = {
            "prediction": predictions,
            "answer": self._answers.numbers(answers),
            "label": nulls if is_shared else labels.cast(pa.string()),
            "timestamp_us": timestamps_us,
        }
        schema.insert(self._cursor, "applied", pa.table(columns))

    def wait(self, labels: pa.Table) -> None:
        """Adds labels that wait: LABELS beside seq, hash and check."""
        schema.insert(self._cursor, "waiting", labels)
        oldest_us = int(labels.column("timestamp_us").to_numpy().min())
        self._oldest_us = min(self._oldest_us, oldest_us)

    def delete(self, applied: NDArray[np.int64], waiting: NDArray[np.int64]) -> None:
        """Drops labels by their places."""
        if len(applied):
            schema.execute(self._cursor, schema.DELETE_APPLIED, pa.table({"place": applied}))
        if len(waiting):
            bounds = (int(waiting.min()), int(waiting.max()))
            given = pa.table({"seq": waiting})
            schema.execute(self._cursor, schema.DELETE_WAITING, given, *bounds)

    def delete_applied(self, predictions: NDArray[np.int64]) -> None:
        """Drops the labels that count for these predictions."""
        if len(predictions):
            bounds = (int(predictions.min()), int(predictions.max()))
            given = pa.table({"seq": predictions})
            schema.execute(self._cursor, schema.DELETE_APPLIED_TO, given, *bounds)

    def delete_waiting(self, ids: pa.Table) -> None:
        """Drops the labels that wait for these ids (hash, check)."""
        if len(ids):
            schema.execute(self._cursor, schema.DELETE_WAITING_FOR, ids)

    def first_waiting(self, ids: pa.Table) -> pa.Table:
        """Sequence number of the first waiting label of each id (hash, check) that has any."""
        return schema.query(self._cursor, schema.WAITING_IDS_LEFT, ids)

    def is_expiring(self, before_us: int) -> bool:
        """Whether waiting labels may be older."""
        return self._oldest_us < before_us

    def expire(self, before_us: int) -> Iterator[pa.Table]:
        """Drops waiting labels that are older, piece by piece; their rows."""
        self._oldest_us = before_us
        extent, delete = schema.EXPIRING_WAITING, schema.EXPIRED_WAITING
        return schema.dropped(self._cursor, extent, delete, before_us)

    def commit(self) -> None:
        """Keeps what was learned."""
        self._answers.commit()
        self._oldest_before_us = self._oldest_us

    def rollback(self) -> None:
        """Forgets what was learned since the last commit."""
        self._answers.rollback()
        self._oldest_us = self._oldest_before_us
