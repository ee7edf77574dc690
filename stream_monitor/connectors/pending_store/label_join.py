"""Labels meet predictions: what a batch does to the pairs, and which label rows the file then holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store.columns import PAIRS
from stream_monitor.connectors.pending_store.label_runs import (
    NO_HORIZON,
    RETRACTION,
    STATES,
    WAITING,
    LabelRows,
    Resolution,
    resolve,
)
from stream_monitor.connectors.pending_store.pairs import pairs_of
from stream_monitor.connectors.pending_store.stored_labels import StoredLabels
from stream_monitor.connectors.pending_store.stored_predictions import (
    Predictions,
    StoredPredictions,
)

_STATES: Final = np.array(STATES, object)


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
    """The batch's new predictions whose labels came first, numbered from `lowest_label`."""

    ids: pa.StringArray
    hashes: NDArray[np.uint64]
    checks: NDArray[np.uint32]
    sequence: NDArray[np.int64]
    lowest_label: int


@dataclass(frozen=True, slots=True)
class Met:
    """Pairs, one state per label of the batch, and which of these now count or wait in the file."""

    pairs: pa.Table
    states: list[str]
    applied: NDArray[np.int64]
    waiting: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Labels of known predictions: `applied` stored ones that count, `waiting` stored ones, the batch's.

    `place` is where stored ones are; outcomes and labels are codes into dictionaries.
    """

    applied: int
    waiting: int
    place: NDArray[np.int64]
    outcome: pa.DictionaryArray
    label: pa.DictionaryArray
    timestamp_us: NDArray[np.int64]


class LabelJoin:
    """The join of one file; it reads and writes in the file's open transaction."""

    def __init__(self, predictions: StoredPredictions, labels: StoredLabels) -> None:
        self._predictions = predictions
        self._labels = labels

    def meet(
        self, batch: Labelled, awaited: Awaited, horizons_us: Mapping[tuple[str, str], int]
    ) -> Met:
        """Pairs the labels of known predictions, and stores those that count."""
        known = np.flatnonzero(batch.sequence >= 0)
        wanted = np.concatenate([batch.sequence[known], awaited.sequence])
        sequence, wanted_at = np.unique(wanted, return_inverse=True)
        if len(sequence) == 0:
            return _all_wait(len(batch.labels))
        applied, waiting = self._earlier(batch, awaited)
        candidates = _candidates(applied, waiting, _take(batch.labels, known))
        earlier = [table.column("prediction").to_numpy() for table in (applied, waiting)]
        at = np.searchsorted(sequence, np.concatenate(earlier))
        at = np.concatenate([at, wanted_at[: len(known)]])
        predictions = self._predictions.at(sequence)
        rows = _label_rows(candidates, predictions, at, horizons_us)
        resolution = resolve(rows)
        self._store(candidates, sequence[at], resolution)
        first_new = candidates.applied + candidates.waiting
        states = np.full(len(batch.labels), WAITING)
        states[known] = resolution.state[first_new:]
        ids = _ids(batch, known, awaited, wanted_at, len(sequence))
        new = resolution.applied[resolution.applied >= first_new] - first_new
        return Met(
            pairs=_pairs(candidates, predictions, ids, rows, resolution),
            states=_STATES[states].tolist(),
            applied=known[new],
            waiting=np.flatnonzero(states == WAITING),
        )

    def taken_out(self, ids: pa.StringArray, sequence: NDArray[np.int64]) -> pa.Table:
        """The pairs, out of the counts, of predictions at these sequence numbers, which rise."""
        labels = self._labels.applied(sequence)
        labels = labels.filter(labels.column("label").is_valid())
        if len(labels) == 0:
            return PAIRS.empty_table()
        found = labels.column("prediction").to_numpy()
        distinct, at = np.unique(found, return_inverse=True)
        own_ids = ids.take(pa.array(np.searchsorted(sequence, found)))
        return pairs_of(
            self._predictions.at(distinct), at, own_ids, labels, np.full(len(labels), -1)
        )

    def _earlier(self, batch: Labelled, awaited: Awaited) -> tuple[pa.Table, pa.Table]:
        """Stored labels of the batch's predictions: those that count, those that wait."""
        followed = np.flatnonzero(batch.is_followed)
        sequence, first = np.unique(batch.sequence[followed], return_index=True)
        rows = followed[first]
        waiting = self._labels.waiting(
            np.concatenate([sequence, awaited.sequence]),
            np.concatenate([batch.hashes[rows], awaited.hashes]),
            np.concatenate([batch.checks[rows], awaited.checks]),
            lowest=int(sequence.min(initial=awaited.lowest_label)),
        )
        return self._labels.applied(sequence), waiting

    def _store(
        self, candidates: _Candidates, sequence: NDArray[np.int64], resolution: Resolution
    ) -> None:
        superseded, applied = resolution.superseded, resolution.applied
        counted = superseded < candidates.applied
        place = candidates.place[superseded]
        self._labels.delete(place[counted], place[~counted])
        if len(applied):
            rows = pa.array(applied)
            self._labels.apply(
                sequence[applied],
                candidates.outcome.take(rows),
                candidates.label.take(rows),
                candidates.timestamp_us[applied],
            )


def _all_wait(labels: int) -> Met:
    states = [STATES[WAITING]] * labels
    return Met(PAIRS.empty_table(), states, np.zeros(0, np.int64), np.arange(labels))


def _candidates(applied: pa.Table, waiting: pa.Table, new: pa.Table) -> _Candidates:
    names = ["outcome", "label", "timestamp_us"]
    rows = pa.concat_tables([part.select(names) for part in (applied, waiting, new)])
    return _Candidates(
        applied=len(applied),
        waiting=len(waiting),
        place=np.concatenate([part.column("place").to_numpy() for part in (applied, waiting)]),
        outcome=rows.column("outcome").combine_chunks().dictionary_encode(),
        label=rows.column("label").combine_chunks().dictionary_encode(),
        timestamp_us=rows.column("timestamp_us").to_numpy(),
    )


def _label_rows(
    candidates: _Candidates,
    predictions: Predictions,
    at: NDArray[np.int64],
    horizons_us: Mapping[tuple[str, str], int],
) -> LabelRows:
    models, outcomes = predictions.contexts["model"], candidates.outcome.dictionary
    horizons = np.full((len(models), len(outcomes)), NO_HORIZON)
    for pair in np.ndindex(horizons.shape):
        key = (models[pair[0]].as_py(), outcomes[pair[1]].as_py())
        horizons[pair] = horizons_us.get(key, NO_HORIZON)
    outcome = _int64(candidates.outcome.indices)
    order = np.arange(len(at))
    return LabelRows(
        prediction=at,
        outcome=outcome,
        label=_int64(candidates.label.indices.fill_null(RETRACTION)),
        timestamp_us=candidates.timestamp_us,
        delay_us=candidates.timestamp_us - predictions.timestamp_us[at],
        horizon_us=horizons[predictions.context[at], outcome],
        is_applied=order < candidates.applied,
        is_stored=order < candidates.applied + candidates.waiting,
    )


def _ids(
    batch: Labelled,
    known: NDArray[np.int64],
    awaited: Awaited,
    wanted_at: NDArray[np.int64],
    predictions: int,
) -> tuple[pa.Array, NDArray[np.int64]]:
    """Ids, and which of them is each prediction's."""
    row = np.zeros(predictions, np.int64)
    first_awaited = len(batch.labels)
    row[wanted_at] = np.concatenate([known, first_awaited + np.arange(len(awaited.ids))])
    ids = batch.labels.column("prediction_id").combine_chunks()
    return pa.concat_arrays([ids, awaited.ids]) if len(awaited.ids) else ids, row


def _pairs(
    candidates: _Candidates,
    predictions: Predictions,
    ids: tuple[pa.Array, NDArray[np.int64]],
    rows: LabelRows,
    resolution: Resolution,
) -> pa.Table:
    """The pairs taken out, then those added."""
    row = np.concatenate([resolution.removed, resolution.added])
    sign = np.ones(len(row), np.int64)
    sign[: len(resolution.removed)] = -1
    at = rows.prediction[row]
    labels = {
        "outcome": candidates.outcome.take(pa.array(row)).cast(pa.string()),
        "label": candidates.label.take(pa.array(row)).cast(pa.string()),
        "timestamp_us": rows.timestamp_us[row],
    }
    texts, text = ids
    return pairs_of(predictions, at, texts.take(pa.array(text[at])), pa.table(labels), sign)


def _take(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """The rows at rising positions."""
    return table if len(rows) == len(table) else table.take(pa.array(rows))


def _int64(values: pa.Array) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = values.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
