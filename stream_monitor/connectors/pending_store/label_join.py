"""Labels meet predictions: what a batch does to the pairs, and which label rows the file then holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.columns import PAIRS
from stream_monitor.connectors.pending_store.contexts import Contexts
from stream_monitor.connectors.pending_store.label_runs import (
    NO_HORIZON,
    RETRACTION,
    STATES,
    WAITING,
    LabelRows,
    Resolution,
    resolve,
)
from stream_monitor.core.errors import StreamMonitorError

_CANDIDATE: Final = ("prediction", "seq", "hash", "check", "outcome", "label", "timestamp_us")


@dataclass(frozen=True, slots=True)
class Labelled:
    """The batch's labels beside what the index knows: the prediction's sequence number (−1: unknown).

    `is_followed`: the prediction is known and so may be other labels of it.
    """

    labels: pa.Table
    hashes: NDArray[np.uint64]
    checks: NDArray[np.uint32]
    sequence: NDArray[np.int64]
    is_followed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Awaited:
    """The batch's new predictions whose labels came first, at `lowest_label` or later in the file."""

    ids: pa.StringArray
    hashes: NDArray[np.uint64]
    checks: NDArray[np.uint32]
    sequence: NDArray[np.int64]
    lowest_label: int


@dataclass(frozen=True, slots=True)
class Met:
    """Pairs, one state per label of the batch, and the label rows that were stored."""

    pairs: pa.Table
    states: list[str]
    stored: pa.Table


class LabelJoin:
    """The join of one file; it reads and writes in the cursor's open transaction."""

    def __init__(self, cursor: DuckDBPyConnection, contexts: Contexts) -> None:
        self._cursor = cursor
        self._contexts = contexts

    def meet(
        self,
        batch: Labelled,
        awaited: Awaited,
        horizons_us: Mapping[tuple[str, str], int],
        first_sequence: int,
    ) -> Met:
        """Stores the labels, numbered from `first_sequence`, and pairs those of known predictions."""
        known = np.flatnonzero(batch.sequence >= 0)
        wanted = np.concatenate([batch.sequence[known], awaited.sequence])
        sequence, wanted_at = np.unique(wanted, return_inverse=True)
        predictions = self._predictions(sequence)
        earlier = self._earlier_labels(batch, awaited)
        candidates = pa.concat_tables([earlier.select(_CANDIDATE), _candidates(batch, known)])
        earlier_at = np.searchsorted(sequence, earlier.column("prediction").to_numpy())
        at = np.concatenate([earlier_at, wanted_at[: len(known)]])
        is_applied = np.zeros(len(candidates), np.bool_)
        is_applied[: len(earlier)] = ~earlier.column("is_waiting").to_numpy()
        outcomes = candidates.column("outcome").combine_chunks().dictionary_encode()
        rows = _label_rows(candidates, predictions, at, is_applied, outcomes, horizons_us)
        resolution = resolve(rows)
        states = np.full(len(batch.labels), WAITING)
        states[known] = resolution.state[len(earlier) :]
        self._delete(candidates.column("seq").to_numpy()[resolution.superseded])
        applied = _applied(candidates, resolution.applied, rows)
        stored = pa.concat_tables([applied, _waiting(batch, np.flatnonzero(states == WAITING))])
        numbers = first_sequence + np.arange(len(stored))
        stored = stored.append_column("seq", pa.array(numbers))
        if len(stored):
            schema.insert(self._cursor, "labels", stored)
        ids = _ids_by_prediction(batch, known, awaited, wanted_at, len(sequence))
        pairs = _pairs(
            candidates, predictions.append_column("prediction_id", ids), rows, resolution
        )
        return Met(pairs, [STATES[state] for state in states.tolist()], stored)

    def _predictions(self, sequence: NDArray[np.int64]) -> pa.Table:
        """The predictions at these sequence numbers, which rise."""
        bounds = (int(sequence[0]), int(sequence[-1])) if len(sequence) else (0, 0)
        given = pa.table({"seq": sequence})
        found = schema.query(self._cursor, schema.PREDICTIONS_AT, given, *bounds)
        if len(found) != len(sequence):
            raise StreamMonitorError("the store lost predictions it held: delete it to replay")
        contexts = self._contexts.rows(found.column("context").to_numpy())
        for name in contexts.column_names:
            found = found.append_column(name, contexts.column(name))
        return found

    def _earlier_labels(self, batch: Labelled, awaited: Awaited) -> pa.Table:
        """Stored labels of the batch's predictions: the applied ones, then those that wait, in order."""
        followed = np.flatnonzero(batch.is_followed)
        sequence, first = np.unique(batch.sequence[followed], return_index=True)
        rows = followed[first]
        given = {
            "prediction": np.concatenate([sequence, awaited.sequence]),
            "hash": np.concatenate([batch.hashes[rows], awaited.hashes]),
            "check": np.concatenate([batch.checks[rows], awaited.checks]),
        }
        lowest = int(sequence.min(initial=awaited.lowest_label))
        return schema.query(self._cursor, schema.LABELS_OF, pa.table(given), lowest)

    def _delete(self, sequence: NDArray[np.int64]) -> None:
        if len(sequence):
            bounds = (int(sequence.min()), int(sequence.max()))
            schema.execute(self._cursor, schema.DELETE_LABELS, pa.table({"seq": sequence}), *bounds)


def _candidates(batch: Labelled, known: NDArray[np.int64]) -> pa.Table:
    labels = batch.labels.take(pa.array(known))
    columns = {
        "prediction": batch.sequence[known],
        "seq": np.full(len(known), -1),
        "hash": batch.hashes[known],
        "check": batch.checks[known],
        **{name: labels.column(name) for name in ("outcome", "label", "timestamp_us")},
    }
    return pa.table(columns)


def _label_rows(
    candidates: pa.Table,
    predictions: pa.Table,
    at: NDArray[np.int64],
    is_applied: NDArray[np.bool_],
    outcomes: pa.DictionaryArray,
    horizons_us: Mapping[tuple[str, str], int],
) -> LabelRows:
    models = predictions.column("model").combine_chunks().dictionary_encode()
    horizons = np.full((len(models.dictionary), len(outcomes.dictionary)), NO_HORIZON)
    for i, model in enumerate(models.dictionary.to_pylist()):
        for j, outcome in enumerate(outcomes.dictionary.to_pylist()):
            horizons[i, j] = horizons_us.get((model, outcome), NO_HORIZON)
    labels = candidates.column("label").combine_chunks().dictionary_encode()
    outcome_codes = _int64(outcomes.indices)
    timestamp_us = candidates.column("timestamp_us").to_numpy()
    return LabelRows(
        prediction=at,
        outcome=outcome_codes,
        label=_int64(labels.indices.fill_null(RETRACTION)),
        timestamp_us=timestamp_us,
        delay_us=timestamp_us - predictions.column("timestamp_us").to_numpy()[at],
        horizon_us=horizons[_int64(models.indices)[at], outcome_codes],
        is_applied=is_applied,
        is_stored=candidates.column("seq").to_numpy() >= 0,
    )


def _applied(candidates: pa.Table, applied: NDArray[np.int64], rows: LabelRows) -> pa.Table:
    """Rows that hold groups' effective labels: they expire with their predictions."""
    labels = candidates.take(pa.array(applied))
    columns = {name: labels.column(name) for name in _CANDIDATE[2:]}
    columns["prediction_id"] = pa.nulls(len(labels), pa.string())
    columns["expires_us"] = pa.array(rows.timestamp_us[applied] - rows.delay_us[applied])
    columns["is_waiting"] = pa.array(np.zeros(len(labels), np.bool_))
    return pa.table(columns)


def _waiting(batch: Labelled, waiting: NDArray[np.int64]) -> pa.Table:
    labels = batch.labels.take(pa.array(waiting))
    columns: dict[str, Any] = {"hash": batch.hashes[waiting], "check": batch.checks[waiting]}
    columns |= {name: labels.column(name) for name in ("outcome", "label", "timestamp_us")}
    columns["prediction_id"] = labels.column("prediction_id")
    columns["expires_us"] = labels.column("timestamp_us")
    columns["is_waiting"] = np.ones(len(labels), np.bool_)
    return pa.table(columns)


def _ids_by_prediction(
    batch: Labelled,
    known: NDArray[np.int64],
    awaited: Awaited,
    wanted_at: NDArray[np.int64],
    predictions: int,
) -> pa.Array:
    row = np.zeros(predictions, np.int64)
    first_awaited = len(batch.labels)
    row[wanted_at] = np.concatenate([known, first_awaited + np.arange(len(awaited.ids))])
    batch_ids = batch.labels.column("prediction_id").combine_chunks()
    return pa.concat_arrays([batch_ids, awaited.ids]).take(pa.array(row))


def _pairs(
    candidates: pa.Table, predictions: pa.Table, rows: LabelRows, resolution: Resolution
) -> pa.Table:
    """The pairs out and in, those of one prediction and outcome together."""
    row = np.concatenate([resolution.removed, resolution.added])
    sign = np.ones(len(row), np.int64)
    sign[: len(resolution.removed)] = -1
    order = np.lexsort((rows.outcome[row], rows.prediction[row]))
    row, sign = row[order], sign[order]
    labels = candidates.take(pa.array(row))
    columns: dict[str, Any] = {
        "outcome": labels.column("outcome"),
        "label": labels.column("label"),
        "delay_us": rows.delay_us[row],
        "sign": sign,
    }
    matched = predictions.take(pa.array(rows.prediction[row]))
    columns |= {name: matched.column(name) for name in PAIRS.names if name not in columns}
    return pa.table(columns).select(PAIRS.names).cast(PAIRS)


def _int64(values: pa.Array) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = values.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
