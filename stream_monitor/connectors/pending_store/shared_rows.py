"""What many rows share, stored once: a prediction's context, a label's outcome and value.

Rows of the big tables keep the number of what they share: several times less to write than the strings.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from stream_monitor.connectors.pending_store import schema

CONTEXTS: Final = pa.schema(
    [(name, pa.string()) for name in ("model", "version", "profile_id")]
    + [("segments", pa.list_(pa.string())), ("predicted_label", pa.string())]
)
ANSWERS: Final = pa.schema([("outcome", pa.string()), ("label", pa.string())])
_REMEMBERED: Final = 100_000


class SharedRows:
    """A table of numbered rows of strings and lists of strings.

    Rows whose number is not `in_use` are deleted. When too many rows are remembered all are forgotten:
    stored twice, no harm.
    """

    def __init__(
        self, cursor: DuckDBPyConnection, table: str, columns: pa.Schema, in_use: pa.Table
    ) -> None:
        self._cursor = cursor
        self._table = table
        self._columns = columns
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._undo: list[tuple[Any, ...]] = []
        unused = f"DELETE FROM {table} WHERE number NOT IN (SELECT number FROM given)"
        schema.execute(cursor, unused, in_use)
        [[last]] = schema.run(cursor, f"SELECT coalesce(max(number), 0) FROM {table}")
        self._next = 1 + int(last)

    def numbers(self, rows: pa.Table) -> NDArray[np.int32]:
        """The number of each row; new ones are inserted."""
        codes, first_rows = _distinct([rows.column(name) for name in self._columns.names])
        distinct = rows.select(self._columns.names).take(pa.array(first_rows)).cast(self._columns)
        keys = [_key(row) for row in distinct.to_pylist()]
        unknown = [i for i, key in enumerate(keys) if key not in self._numbers]
        if unknown:
            numbers = range(self._next, self._next + len(unknown))
            self._next += len(unknown)
            self._numbers.update(zip((keys[i] for i in unknown), numbers, strict=True))
            self._undo.extend(keys[i] for i in unknown)
            column = pa.array(numbers, pa.int32())
            added = distinct.take(pa.array(unknown)).append_column("number", column)
            schema.insert(self._cursor, self._table, added)
        return np.array([self._numbers[key] for key in keys], np.int32)[codes]

    def rows(self, numbers: NDArray[np.int32]) -> tuple[pa.Table, NDArray[np.int64]]:
        """The distinct rows of these numbers, and which of them each number names."""
        distinct, at = np.unique(numbers, return_inverse=True)
        found = schema.query(
            self._cursor,
            f"SELECT t.* FROM {self._table} t JOIN given g ON t.number = g.number ORDER BY 1",
            pa.table({"number": distinct}),
        )
        return found.select(self._columns.names).cast(self._columns), at

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
    return tuple(tuple(value) if isinstance(value, list) else value for value in row.values())


def _distinct(columns: list[pa.ChunkedArray]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A code per row, numbered by first appearance, and the first row of each code."""
    codes = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values = column.combine_chunks()
        is_list = pa.types.is_list(values.type)
        for right in _list_codes(values) if is_list else [_codes(values)]:
            codes = _combined(codes, right)
    if len(codes) and codes.max() == 0:
        return codes, np.zeros(1, np.int64)
    highest = np.maximum.accumulate(codes)
    return codes, np.flatnonzero(np.diff(highest, prepend=-1))


def _list_codes(lists: pa.ListArray) -> list[NDArray[np.int64]]:
    """A column of codes for each position in the lists; −1 beyond a list's end."""
    values = _codes(lists.values)
    offsets = lists.offsets.to_numpy()
    starts, lengths = offsets[:-1], lists.value_lengths().fill_null(0).to_numpy()
    columns = []
    for position in range(lengths.max(initial=0)):
        at = np.where(position < lengths, starts + position, 0)
        columns.append(np.where(position < lengths, values[at], -1))
    return columns


def _codes(values: pa.Array) -> NDArray[np.int64]:
    if pa.types.is_dictionary(values.type):
        indices = values.indices.fill_null(-1)
    else:
        indices = values.dictionary_encode(null_encoding="encode").indices
    codes: NDArray[np.int64] = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _combined(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(right) == 0 or right.min() == right.max():
        return left
    return _codes(pa.array(left * (right.max() + 2) + right + 1))
