"""The DuckDB queries of decoding: nested JSON → Arrow columns, and the JSON types behind odd values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

_GUARDED_BATCHES = 16

# A number is an epoch in s, ms or µs by its size; everything else is RFC 3339 (no zone: UTC).
_EPOCH = """
CASE WHEN TRY_CAST({0} AS DOUBLE) IS NULL THEN epoch_us(TRY_CAST({0} AS TIMESTAMPTZ))
     WHEN abs(TRY_CAST({0} AS DOUBLE)) < 1e11 THEN TRY_CAST(TRY_CAST({0} AS DOUBLE) * 1e6 AS BIGINT)
     WHEN abs(TRY_CAST({0} AS DOUBLE)) < 1e14 THEN TRY_CAST(TRY_CAST({0} AS DOUBLE) * 1e3 AS BIGINT)
     ELSE TRY_CAST(TRY_CAST({0} AS DOUBLE) AS BIGINT) END
"""


class JsonQueries:
    """One in-memory DuckDB connection; plain first, guarded for a while after a poisoned batch."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute("SET TimeZone = 'UTC'")
        self._guarded = 0

    def transform(self, texts: pa.StringArray, structure: dict[str, Any]) -> pa.Table:
        """`json` (a struct, null where the text is not JSON) and `timestamp_us` (null if unreadable)."""
        literal = orjson.dumps(structure).decode().replace("'", "''")
        if self._guarded:
            self._guarded -= 1
        else:
            try:
                return self._transform(texts, "text", literal)
            except duckdb.Error:
                self._guarded = _GUARDED_BATCHES
        return self._transform(texts, "CASE WHEN json_valid(text) THEN text END", literal)

    def _transform(self, texts: pa.StringArray, source: str, literal: str) -> pa.Table:
        epoch = _EPOCH.format('json."timestamp"')
        return self._run(
            texts,
            f"SELECT json, {epoch} AS timestamp_us "
            f"FROM (SELECT json_transform({source}, '{literal}') AS json FROM batch)",
        )

    def types(self, texts: pa.StringArray, pointers: Sequence[str]) -> list[NDArray[np.object_]]:
        """Per JSON pointer the JSON types (`None` absent, `NULL`, `OBJECT`, …), one per text.

        The pointer `""` is the text itself; every text must be JSON.
        """
        if not len(texts):
            return [np.empty(0, object) for _ in pointers]
        listed = ", ".join("'" + pointer.replace("'", "''") + "'" for pointer in pointers)
        table = self._run(texts, f"SELECT json_type(text, [{listed}]) AS types FROM batch")
        flat = table["types"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return [flat[i :: len(pointers)] for i in range(len(pointers))]

    def keys(self, texts: pa.StringArray, pointer: str) -> pa.ListArray:
        """The keys of the object at a JSON pointer, none without an object; every text must be JSON."""
        query = f"SELECT json_keys(text, '{pointer}') AS keys FROM batch"
        return self._run(texts, query)["keys"].combine_chunks()

    def texts_at(self, texts: pa.StringArray, pointer: str) -> pa.StringArray:
        """The value at a pointer as text, null where absent or where the text is not JSON."""
        return (
            self._run(
                texts,
                f"SELECT json_extract_string(CASE WHEN json_valid(text) THEN text END, '{pointer}') "
                "AS value FROM batch",
            )["value"]
            .combine_chunks()
        )  # fmt: skip

    def epochs(self, times: pa.StringArray) -> pa.Int64Array:
        """Times as texts in µs since the epoch, null where they are none."""
        query = f"SELECT {_EPOCH.format('text')} AS timestamp_us FROM batch"
        return self._run(times, query)["timestamp_us"].combine_chunks()

    def _run(self, texts: pa.StringArray, query: str) -> pa.Table:
        self._connection.register("batch", pa.table({"text": texts}))
        return self._connection.sql(query).to_arrow_table()


def pointer(*names: str) -> str:
    """The JSON pointer of nested names.

    >>> pointer("features", "a/b")
    '/features/a~1b'
    """
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
