"""One source partition's predictions and labels in an open file, in one local transaction at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.columns import LABELS, PAIRS, PREDICTIONS
from stream_monitor.connectors.pending_store.id_hash import id_hashes
from stream_monitor.connectors.pending_store.id_index import (
    FLAG_BITS,
    IS_LABELLED,
    IS_PREDICTED,
    LAST_SEQUENCE,
    IdIndex,
)
from stream_monitor.connectors.pending_store.label_join import Awaited, LabelJoin, Labelled
from stream_monitor.connectors.pending_store.reopening import read_index
from stream_monitor.connectors.pending_store.stored_labels import StoredLabels
from stream_monitor.connectors.pending_store.stored_predictions import StoredPredictions
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.ports import Joined


class Partition:
    """The store of one partition over a cursor whose catalog is its file."""

    def __init__(self, cursor: DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._predictions = StoredPredictions(cursor)
        self._labels = StoredLabels(cursor)
        self._join = LabelJoin(self._predictions, self._labels)
        self._index = IdIndex()
        [[self._next]] = schema.run(cursor, schema.NEXT_SEQUENCE)
        self._is_changed = False
        self.held = self._held_before = read_index(cursor, self._index)

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
        batch = self._look_up(labels)
        met = self._join.meet(batch, awaited, horizons_us)
        applied = met.applied
        self._index.add_labels(
            batch.hashes[applied], batch.checks[applied], batch.sequence[applied]
        )
        self._wait(batch, met.waiting)
        return Joined(is_new, met.pairs, met.states)

    def erase(self, ids: pa.StringArray) -> pa.Table:
        """As PendingStore.erase."""
        ids = ids.unique()
        hashes, checks = id_hashes(ids)
        values = self._index.values(hashes, checks)
        order = np.argsort(values)  # which is by sequence number, unknown ids first
        order = order[values[order] != 0]
        if len(order) == 0:
            return PAIRS.empty_table()
        self._begin()
        values, hashes, checks = values[order], hashes[order], checks[order]
        is_held, is_labelled = values & IS_PREDICTED != 0, values & IS_LABELLED != 0
        sequence = values >> FLAG_BITS
        followed = is_held & is_labelled
        pairs = self._join.taken_out(ids.take(pa.array(order[followed])), sequence[followed])
        self._labels.delete_applied(sequence[followed])
        self._labels.delete_waiting(_id_rows(hashes[is_labelled], checks[is_labelled]))
        self._predictions.delete(sequence[is_held])
        self._index.put(hashes, checks, np.zeros(len(values), np.int64))
        self.held -= int(is_held.sum())
        return pairs

    def expire(self, predictions_before_us: Mapping[str, int], labels_before_us: int) -> pa.Table:
        """As PendingStore.expire."""
        lost = [LABELS.append(pa.field("seq", pa.int64())).empty_table()]
        if self._labels.is_expiring(labels_before_us):
            self._begin()
            for dropped in self._labels.expire(labels_before_us):
                self._forget(dropped, 0)
                lost.append(dropped.select(lost[0].column_names))
        for model, before_us in self._predictions.expiring(predictions_before_us).items():
            self._begin()
            for dropped in self._predictions.expire(model, before_us):
                self.held -= len(dropped)
                followed = self._forget(dropped, IS_PREDICTED)
                self._labels.delete_applied(dropped.column("seq").to_numpy()[followed])
        order = [("offset", "ascending"), ("seq", "ascending")]
        return pa.concat_tables(lost).sort_by(order).select(LABELS.names)

    def commit(self, offsets: Mapping[str, int]) -> None:
        """Makes the open transaction durable together with the next offset of each topic."""
        self._begin()
        for topic, offset in offsets.items():
            schema.run(self._cursor, "DELETE FROM offsets WHERE topic = ?", topic)
            schema.run(self._cursor, "INSERT INTO offsets VALUES (?, ?)", topic, offset)
        schema.run(self._cursor, "COMMIT")
        self._is_changed = False
        self._held_before = self.held
        for part in (self._index, self._predictions, self._labels):
            part.commit()

    def rollback(self) -> None:
        """Undoes the open transaction."""
        if not self._is_changed:
            return
        schema.run(self._cursor, "ROLLBACK")
        self._is_changed = False
        self.held = self._held_before
        for part in (self._index, self._predictions, self._labels):
            part.rollback()

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
            self._predictions.insert(new, hashes[rows], checks[rows], sequence)
            self._number(len(rows))
            self.held += len(rows)
        is_early = before[rows] & IS_LABELLED != 0
        at = rows[is_early]
        ids = predictions.column("prediction_id").take(pa.array(at)).combine_chunks()
        lowest = int((before[at] >> FLAG_BITS).min(initial=LAST_SEQUENCE))
        return is_new, Awaited(ids, hashes[at], checks[at], sequence[is_early], lowest)

    def _look_up(self, labels: pa.Table) -> Labelled:
        hashes, checks = id_hashes(labels.column("prediction_id").combine_chunks())
        values = self._index.values(hashes, checks)
        is_predicted = values & IS_PREDICTED != 0
        sequence = np.where(is_predicted, values >> FLAG_BITS, -1)
        is_followed = is_predicted & (values & IS_LABELLED != 0)
        return Labelled(labels, hashes, checks, sequence, is_followed)

    def _wait(self, batch: Labelled, rows: NDArray[np.int64]) -> None:
        """Stores the batch's labels that wait, at rising `rows`."""
        if len(rows) == 0:
            return
        hashes, checks = batch.hashes[rows], batch.checks[rows]
        sequence = self._next + np.arange(len(rows))
        self._number(len(rows))
        labels = batch.labels.take(pa.array(rows))
        for name, values in (("seq", sequence), ("hash", hashes), ("check", checks)):
            labels = labels.append_column(name, pa.array(values))
        self._labels.wait(labels)
        self._index.add_labels(hashes, checks, sequence)

    def _forget(self, dropped: pa.Table, flag: int) -> NDArray[np.bool_]:
        """Takes dropped rows' ids (hash, check) out of the index; returns which had labels.

        `flag` is IS_PREDICTED where predictions were dropped, 0 where waiting labels were: these leave
        the ids of known predictions alone.
        """
        hashes, checks = dropped["hash"].to_numpy(), dropped["check"].to_numpy()
        values = self._index.values(hashes, checks)
        had_labels: NDArray[np.bool_] = values & IS_LABELLED != 0
        is_gone = (values != 0) & (values & IS_PREDICTED == flag)
        self._index.put(hashes[is_gone], checks[is_gone], np.zeros(int(is_gone.sum()), np.int64))
        maybe = is_gone & had_labels
        if maybe.any():
            left = self._labels.first_waiting(_id_rows(hashes[maybe], checks[maybe]))
            columns = [left.column(name).to_numpy() for name in ("hash", "check", "seq")]
            self._index.add_labels(*columns)
        return had_labels

    def _number(self, rows: int) -> None:
        self._next += rows
        if self._next > LAST_SEQUENCE:
            raise StreamMonitorError("the store has numbered its last row: delete it to replay")


def _id_rows(hashes: object, checks: object) -> pa.Table:
    return pa.table({"hash": hashes, "check": checks})
