"""Parquet and CSV files as Arrow tables, read with DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from stream_monitor.core.errors import StreamMonitorError

_READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv_auto",
    ".csv.gz": "read_csv_auto",
    ".tsv": "read_csv_auto",
}


def read_table(path: Path) -> pa.Table:
    """A file as a table; raises StreamMonitorError naming the file and what is allowed."""
    ending = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    reader = _READERS.get(ending.lower())
    if reader is None:
        raise StreamMonitorError(f"{path} is neither .parquet nor .csv (or .csv.gz)")
    if not path.is_file():
        raise StreamMonitorError(f"there is no file {path}")
    try:
        connection = duckdb.connect(":memory:")
        connection.execute("SET TimeZone = 'UTC'")
        quoted = str(path).replace("'", "''")
        return connection.sql(f"SELECT * FROM {reader}('{quoted}')").to_arrow_table()
    except duckdb.Error as error:
        raise StreamMonitorError(f"{path} cannot be read as {ending[1:]}: {error}") from error
