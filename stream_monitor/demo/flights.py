"""The demo's real data: every departure scheduled at EWR, JFK and LGA in 2013 (see DATA.md)."""

from __future__ import annotations

from importlib.resources import files

import pyarrow as pa
import pyarrow.parquet as pq

CATEGORICAL_FEATURES = ("carrier", "dest", "origin")
NUMERIC_FEATURES = (
    "dep_delay",
    "distance",
    "humid",
    "precip",
    "pressure",
    "sched_hour",
    "temp",
    "visib",
    "wind_speed",
)
FEATURES = CATEGORICAL_FEATURES + NUMERIC_FEATURES
LATE = "late"
ON_TIME = "on_time"
TIME_ZONE = "America/New_York"
NOTABLE_DAYS = {"2013-02-08": "blizzard Nemo"}
"""Words for days of this year, by ISO date in New York."""


def load() -> pa.Table:
    """Read the flights, one row per scheduled flight in the order of scheduled departure.

    Columns: `prediction_id`, `timestamp` (scheduled departure), the features, `label` and
    `label_time` (the landing). `dep_delay` is null for a cancelled flight, the weather where its
    station reported none, and `label` and `label_time` where the flight was cancelled or diverted.
    """
    resource = files("stream_monitor.demo").joinpath("flights.parquet")
    return pq.read_table(pa.BufferReader(resource.read_bytes()))
