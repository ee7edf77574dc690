"""What many predictions share (model, version, profile, segments, predicted label), stored once.

A prediction's row keeps the number of its context: four times less to write than the strings.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema

STRINGS: Final = ("model", "version", "profile_id", "predicted_label")
SCHEMA: Final = pa.schema(
    [(name, pa.string()) for name in ("model", "version", "profile_id")]
    + [("segments", pa.list_(pa.string())), ("predicted_label", pa.string())]
)
_REMEMBERED: Final = 100_000


class Contexts:
    """The contexts of one file. When too many are remembered all are forgotten: stored twice, no harm."""

    def __init__(self, cursor: DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._undo: list[tuple[Any, ...]] = []
        [[last]] = schema.run(cursor, "SELECT coalesce(max(context), 0) FROM contexts")
        self._next = 1 + int(last)

    def numbers(self, predictions: pa.Table) -> NDArray[np.int32]:
        """The context number of each prediction; new contexts are inserted."""
        codes, first_rows = _distinct(predictions)
        contexts = predictions.select(SCHEMA.names).take(pa.array(first_rows)).cast(SCHEMA)
        keys = [_key(row) for row in contexts.to_pylist()]
        unknown = [i for i, key in enumerate(keys) if key not in self._numbers]
        if unknown:
            numbers = range(self._next, self._next + len(unknown))
            self._next += len(unknown)
            self._numbers.update(zip((keys[i] for i in unknown), numbers, strict=True))
            self._undo.extend(keys[i] for i in unknown)
            column = pa.array(numbers, pa.int32())
            rows = contexts.take(pa.array(unknown)).append_column("context", column)
            schema.insert(self._cursor, "contexts", rows)
        return np.array([self._numbers[key] for key in keys], np.int32)[codes]

    def rows(self, numbers: NDArray[np.int32]) -> pa.Table:
        """The context of each number."""
        distinct, at = np.unique(numbers, return_inverse=True)
        given = pa.table({"context": distinct})
        found = schema.query(self._cursor, schema.CONTEXTS_AT, given)
        return found.select(SCHEMA.names).take(pa.array(at))

    def commit(self) -> None:
        """Keeps the numbers given."""
        self._undo.clear()
        if len(self._numbers) > _REMEMBERED:
            self._numbers.clear()

    def rollback(self) -> None:
        """Forgets the numbers given since the last commit."""
        for key in self._undo:
            del self._numbers[key]
        self._undo.clear()


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (*(row[name] for name in STRINGS), tuple(row["segments"] or ()))


def _distinct(predictions: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A code per row, numbered by first appearance, and the first row of each code."""
    codes = np.zeros(len(predictions), np.int64)
    for name in STRINGS:
        codes = _combined(codes, _codes(predictions.column(name).combine_chunks()))
    for position in _segment_codes(predictions.column("segments").combine_chunks()):
        codes = _combined(codes, position)
    highest = np.maximum.accumulate(codes)
    return codes, np.flatnonzero(np.diff(highest, prepend=-1))


def _segment_codes(segments: pa.ListArray) -> list[NDArray[np.int64]]:
    """A column of codes for each position in the lists; −1 beyond a list's end."""
    values = _codes(segments.values)
    offsets = segments.offsets.to_numpy()
    starts, lengths = offsets[:-1], segments.value_lengths().fill_null(0).to_numpy()
    columns = []
    for position in range(lengths.max(initial=0)):
        at = np.where(position < lengths, starts + position, 0)
        columns.append(np.where(position < lengths, values[at], -1))
    return columns


def _codes(values: pa.Array) -> NDArray[np.int64]:
    encoded = values.dictionary_encode(null_encoding="encode")
    codes: NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _combined(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(right) == 0 or right.min() == right.max():
        return left
    return _codes(pa.array(left * (right.max() + 2) + right + 1))
