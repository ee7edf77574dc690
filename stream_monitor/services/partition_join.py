"""The label join of one source partition's share of a batch, erasures in their place among predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream_monitor.services.ports import PendingStore

Horizons = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class JoinInput:
    """A partition's predictions (with `row`), those that came with labels, its labels, and erasures.

    Erasures are (row of the tombstone in the batch, prediction id), in order.
    """

    predictions: pa.Table | None
    carried: pa.Table | None
    labels: pa.Table | None
    erasures: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class PartitionJoined:
    """`is_new` for each of the inference `rows`; tables of pairs; one state per label."""

    rows: NDArray[np.int64]
    is_new: NDArray[np.bool_]
    pairs: list[pa.Table]
    label_states: list[str]


def join_partition(
    store: PendingStore, partition: int, given: JoinInput, horizons_us: Horizons
) -> PartitionJoined:
    """Joins what was given in the store's open transaction.

    An erased id that the batch also predicts is erased between the two; labels come last: whichever side
    of an erasure they are joined on, the pairs that stay are the same.
    """
    predictions = NO_PREDICTIONS if given.predictions is None else given.predictions
    labels = NO_LABELS if given.labels is None else given.labels
    rows = predictions["row"].to_numpy()
    is_new = np.zeros(len(rows), np.bool_)
    pairs: list[pa.Table] = []
    begin = 0
    for end, ids in _cuts(given.erasures, predictions):
        if end > begin:
            part = predictions.slice(begin, end - begin)
            joined = store.join(partition, _stored(part), _stored(NO_LABELS), horizons_us)
            is_new[begin:end] = joined.is_new
            pairs.append(joined.pairs)
            begin = end
        pairs.append(store.erase(partition, pa.array(ids, pa.string())))
    rest = predictions.slice(begin)
    own = len(rest)
    if given.carried is not None:
        rest = pa.concat_tables([rest, given.carried.select(rest.column_names)])
    joined = store.join(partition, _stored(rest), _stored(labels), horizons_us)
    is_new[begin:] = joined.is_new[:own]
    return PartitionJoined(rows, is_new, [*pairs, joined.pairs], joined.label_states)


def _cuts(
    erasures: Sequence[tuple[int, str]], predictions: pa.Table
) -> list[tuple[int, list[str]]]:
    """Where to stop among the predictions, and what to erase there."""
    if not erasures:
        return []
    predicted = set(predictions["prediction_id"].to_pylist()) if len(predictions) else set()
    first = [name for _, name in erasures if name not in predicted]
    cuts = [(0, first)] if first else []
    rows = predictions["row"].to_numpy()
    cuts += [
        (int(np.searchsorted(rows, row)), [name]) for row, name in erasures if name in predicted
    ]
    return cuts


def _stored(table: pa.Table) -> pa.Table:
    return table.drop_columns(["row"])


NO_PREDICTIONS = pa.table(
    {
        "row": pa.array([], pa.int64()),
        "prediction_id": pa.array([], pa.string()),
        "model": pa.array([], pa.string()),
        "version": pa.array([], pa.string()),
        "profile_id": pa.array([], pa.string()),
        "timestamp_us": pa.array([], pa.int64()),
        "segments": pa.array([], pa.list_(pa.string())),
        "predicted_label": pa.array([], pa.string()),
        "score": pa.array([], pa.float64()),
        "predicted_value": pa.array([], pa.float64()),
    }
)
NO_LABELS = pa.table(
    {
        "row": pa.array([], pa.int64()),
        "prediction_id": pa.array([], pa.string()),
        "outcome": pa.array([], pa.string()),
        "label": pa.array([], pa.string()),
        "timestamp_us": pa.array([], pa.int64()),
        "offset": pa.array([], pa.int64()),
    }
)
