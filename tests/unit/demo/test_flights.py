from __future__ import annotations

from datetime import date
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stream_monitor.demo.flights import FEATURES, NOTABLE_DAYS, TIME_ZONE


def _of_day(flights: pa.Table, day: date) -> pa.Table:
    local = pc.local_timestamp(flights["timestamp"].cast(pa.timestamp("us", TIME_ZONE)))
    return flights.filter(pc.equal(local.cast(pa.date32()), pa.scalar(day)))


def test_holds_every_flight_of_the_year_once(flights: pa.Table) -> None:
    assert flights.num_rows == 336_776
    assert pc.count_distinct(flights["prediction_id"]).as_py() == 336_776


def test_has_the_features_the_label_and_their_times(flights: pa.Table) -> None:
    others = {"prediction_id", "timestamp", "label", "label_time"}
    assert set(flights.column_names) == {*FEATURES, *others}


def test_is_in_the_order_of_scheduled_departure(flights: pa.Table) -> None:
    assert (np.diff(flights["timestamp"].to_numpy()) >= np.timedelta64(0)).all()


def test_timestamps_show_the_scheduled_hour_on_the_clock_of_new_york(flights: pa.Table) -> None:
    local = pc.local_timestamp(flights["timestamp"].cast(pa.timestamp("us", TIME_ZONE)))
    hours = pc.hour(local).to_numpy() + pc.minute(local).to_numpy() / 60
    np.testing.assert_allclose(flights["sched_hour"].to_numpy(), hours, atol=0.0051)


def test_half_of_the_flights_are_cancelled_when_the_blizzard_arrives(flights: pa.Table) -> None:
    storm = _of_day(flights, date(2013, 2, 8))
    assert (storm["dep_delay"].null_count, storm.num_rows) == (472, 930)
    assert "2013-02-08" in NOTABLE_DAYS


def test_only_cancelled_and_diverted_flights_have_no_label(flights: pa.Table) -> None:
    cancelled = flights["dep_delay"].null_count
    assert cancelled == 8_255
    assert flights["label"].null_count == flights["label_time"].null_count == cancelled + 1_175
    assert pc.all(pc.equal(flights["label"].is_null(), flights["label_time"].is_null())).as_py()


def test_about_a_quarter_of_the_landed_flights_is_late(flights: pa.Table) -> None:
    counts = pc.value_counts(flights["label"].drop_null().cast(pa.string())).to_pylist()
    by_label = {count["values"]: count["counts"] for count in counts}
    assert by_label == {"on_time": 249_716, "late": 77_630}


def test_every_label_comes_after_its_prediction(flights: pa.Table) -> None:
    delays = pc.subtract(flights["label_time"], flights["timestamp"]).drop_null()
    hours = delays.cast(pa.int64()).to_numpy() / 3.6e9
    assert 0 < hours.min() < hours.max() < 36


def test_weather_is_missing_rarely_except_for_pressure(flights: pa.Table) -> None:
    for name in ("temp", "humid", "wind_speed", "precip", "visib"):
        assert flights[name].null_count < 0.005 * flights.num_rows
    assert flights["pressure"].null_count == pytest.approx(0.115 * flights.num_rows, rel=0.01)


def test_is_small_enough_to_ship() -> None:
    resource = files("stream_monitor.demo").joinpath("flights.parquet")
    assert len(resource.read_bytes()) < 5_000_000
