"""The index of a file that is opened, read from its rows piece by piece."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.id_index import (
    FLAG_BITS,
    IS_LABELLED,
    IS_PREDICTED,
    IdIndex,
)


def read_index(cursor: DuckDBPyConnection, index: IdIndex) -> int:
    """Fills an empty index; returns the number of predictions."""
    [[held]] = schema.run(cursor, schema.HELD)
    applied_to = schema.fetch(cursor, schema.APPLIED_TO).column("prediction").to_numpy()
    index.reserve(held)
    for batch in schema.stream(cursor, schema.PREDICTION_IDS):
        sequence = batch.column("seq").to_numpy()
        is_labelled = _is_among(sequence, applied_to)
        values = sequence << FLAG_BITS | IS_PREDICTED | np.where(is_labelled, IS_LABELLED, 0)
        index.put(*_ids(batch), values)
        index.commit()
    waiting = schema.fetch(cursor, schema.WAITING_IDS).combine_chunks()
    index.add_labels(*_ids(waiting), waiting.column("seq").to_numpy())
    index.commit()
    return int(held)


def _ids(rows: pa.Table | pa.RecordBatch) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    return rows.column("hash").to_numpy(), rows.column("check").to_numpy()


def _is_among(values: NDArray[np.int64], rising: NDArray[np.int64]) -> NDArray[np.bool_]:
    if len(rising) == 0:
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(rising, values), len(rising) - 1)
    found: NDArray[np.bool_] = rising[at] == values
    return found
