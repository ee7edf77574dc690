"""One source partition's predictions and labels in an open file, in one local transaction at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.columns import LABELS, PAIRS, PREDICTIONS
from stream_monitor.connectors.pending_store.contexts import Contexts
from stream_monitor.connectors.pending_store.id_hash import id_hashes
from stream_monitor.connectors.pending_store.id_index import (
    FLAG_BITS,
    IS_LABELLED,
    IS_PREDICTED,
    LAST_SEQUENCE,
    IdIndex,
)
from stream_monitor.connectors.pending_store.label_join import Awaited, LabelJoin, Labelled
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.ports import Joined


class Partition:
    """The store of one partition over a cursor whose catalog is its file."""

    def __init__(self, cursor: DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._contexts = Contexts(cursor)
        self._join = LabelJoin(cursor, self._contexts)
        self._index = IdIndex()
        [[self._next]] = schema.run(cursor, schema.NEXT_SEQUENCE)
        self._is_changed = False
        predictions = schema.fetch(cursor, schema.PREDICTION_IDS)
        self.held = self._held_before = len(predictions)
        values = _numpy(predictions, "seq") << FLAG_BITS | IS_PREDICTED
        self._index.put(*_ids(predictions), values)
        labels = schema.fetch(cursor, schema.LABEL_IDS)
        self._index.add_labels(*_ids(labels), _numpy(labels, "seq"))
        self._index.commit()

    def join(
        self,
        predictions: pa.Table,
        labels: pa.Table,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> Joined:
        """As PendingStore.join."""
        self._begin()
        predictions = predictions.select(PREDICTIONS.names).cast(PREDICTIONS)
        labels = labels.select(LABELS.names).cast(LABELS)
        is_new, awaited = self._add_predictions(predictions)
        if len(labels) == 0 and len(awaited.sequence) == 0:
            return Joined(is_new, PAIRS.empty_table(), [])
        met = self._join.meet(self._look_up(labels), awaited, horizons_us, self._next)
        self._number(len(met.stored))
        self._index.add_labels(*_ids(met.stored), _numpy(met.stored, "seq"))
        return Joined(is_new, met.pairs, met.states)

    def expire(self, before_us: int) -> pa.Table:
        """As PendingStore.expire."""
        self._begin()
        predictions = schema.fetch(self._cursor, schema.EXPIRED_PREDICTIONS, before_us)
        self.held -= len(predictions)
        labels = schema.fetch(self._cursor, schema.EXPIRED_LABELS, before_us)
        self._forget(predictions, IS_PREDICTED)
        self._forget(labels, 0)
        waiting = labels.filter(labels.column("is_waiting")).sort_by("seq")
        return waiting.select(LABELS.names)

    def commit(self, offsets: Mapping[str, int]) -> None:
        """Makes the open transaction durable together with the next offset of each topic."""
        self._begin()
        for topic, offset in offsets.items():
            schema.run(self._cursor, "DELETE FROM offsets WHERE topic = ?", topic)
            schema.run(self._cursor, "INSERT INTO offsets VALUES (?, ?)", topic, offset)
        schema.run(self._cursor, "COMMIT")
        self._is_changed = False
        self._held_before = self.held
        self._index.commit()
        self._contexts.commit()

    def rollback(self) -> None:
        """Undoes the open transaction."""
        if not self._is_changed:
            return
        schema.run(self._cursor, "ROLLBACK")
        self._is_changed = False
        self.held = self._held_before
        self._index.rollback()
        self._contexts.rollback()

    def offsets(self) -> dict[str, int]:
        """Committed next offset per topic."""
        return dict(schema.run(self._cursor, "SELECT topic, next_offset FROM offsets"))

    def _begin(self) -> None:
        if not self._is_changed:
            schema.run(self._cursor, "BEGIN")
            self._is_changed = True

    def _add_predictions(self, predictions: pa.Table) -> tuple[NDArray[np.bool_], Awaited]:
        """Which predictions are new, and those of them whose labels came first."""
        hashes, checks = id_hashes(predictions.column("prediction_id").combine_chunks())
        before = self._index.add_predictions(hashes, checks, self._next)
        is_new = before & IS_PREDICTED == 0
        rows = np.flatnonzero(is_new)
        sequence = self._next + np.arange(len(rows))
        if len(rows):
            new = predictions if len(rows) == len(predictions) else predictions.take(pa.array(rows))
            self._insert(new, hashes[rows], checks[rows], sequence)
        is_early = before[rows] & IS_LABELLED != 0
        at = rows[is_early]
        ids = predictions.column("prediction_id").take(pa.array(at)).combine_chunks()
        lowest = int((before[at] >> FLAG_BITS).min(initial=LAST_SEQUENCE))
        return is_new, Awaited(ids, hashes[at], checks[at], sequence[is_early], lowest)

    def _insert(
        self,
        new: pa.Table,
        hashes: NDArray[np.uint64],
        checks: NDArray[np.uint32],
        sequence: NDArray[np.int64],
    ) -> None:
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
        self._number(len(new))
        self.held += len(new)

    def _look_up(self, labels: pa.Table) -> Labelled:
        hashes, checks = id_hashes(labels.column("prediction_id").combine_chunks())
        values = self._index.values(hashes, checks)
        is_predicted = values & IS_PREDICTED != 0
        sequence = np.where(is_predicted, values >> FLAG_BITS, -1)
        return Labelled(
            labels, hashes, checks, sequence, is_predicted & (values & IS_LABELLED != 0)
        )

    def _forget(self, deleted: pa.Table, flag: int) -> None:
        """Takes deleted rows' ids out of the index; `flag` is what they lose for sure."""
        hashes, checks = _ids(deleted)
        values = self._index.values(hashes, checks)
        is_gone = (values != 0) & (values & IS_PREDICTED & ~flag == 0)
        hashes, checks, values = hashes[is_gone], checks[is_gone], values[is_gone]
        if len(values) == 0:
            return
        self._index.put(hashes, checks, np.zeros(len(values), np.int64))
        was_labelled = values & IS_LABELLED != 0
        given = pa.table({"hash": hashes[was_labelled], "check": checks[was_labelled]})
        if len(given):
            left = schema.query(self._cursor, schema.LABEL_IDS_LEFT, given)
            self._index.add_labels(*_ids(left), _numpy(left, "seq"))

    def _number(self, rows: int) -> None:
        self._next += rows
        if self._next > LAST_SEQUENCE:
            raise StreamMonitorError("the store has numbered its last row: delete it to replay")


def _ids(rows: pa.Table) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    return _numpy(rows, "hash"), _numpy(rows, "check")


def _numpy(rows: pa.Table, name: str) -> NDArray[Any]:
    values: NDArray[Any] = rows.column(name).to_numpy()
    return values
