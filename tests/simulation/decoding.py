"""Decoding that is asked the same thing once: DuckDB takes most of a simulated second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

import duckdb
import pyarrow as pa

from stream_monitor.core.decoding import query


@contextmanager
def remembered_queries() -> Iterator[None]:
    """Every decoder shares one connection, and answers are kept: batches are read again and again."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    answers: dict[tuple[str, tuple[str | None, ...]], pa.Table] = {}
    ask = query.JsonQueries._run

    def run(self: query.JsonQueries, texts: pa.StringArray, text: str) -> pa.Table:
        asked = (text, tuple(texts.to_pylist()))
        if asked not in answers:
            answers[asked] = ask(self, texts, text)
        return answers[asked]

    shared = SimpleNamespace(connect=lambda *_, **__: connection, Error=duckdb.Error)
    try:
        with patch.object(query, "duckdb", shared), patch.object(query.JsonQueries, "_run", run):
            yield
    finally:
        connection.close()
