from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stream_monitor.demo.events import Record, Tick, ticks
from stream_monitor.demo.flights import FEATURES

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def week(predicted: pa.Table) -> pa.Table:
    return predicted.slice(34_000, 7_000)  # around the blizzard


def _cancelled(record: Record) -> bool:
    return json.loads(record[1])["features"]["dep_delay"] is None


def test_an_inference_record_is_canonical(predicted: pa.Table) -> None:
    key, value, timestamp_ms = next(ticks(predicted, HOUR)).inference[0]
    record = json.loads(value)
    score = record["prediction"].pop("score")
    assert 0 < score < 1
    assert record == {
        "prediction_id": "2013-01-01-UA-1545-EWR",
        "model": "flights",
        "model_version": "1",
        "timestamp": "2013-01-01T10:15:00Z",
        "features": {
            "carrier": "UA",
            "dest": "IAH",
            "origin": "EWR",
            "dep_delay": 2,
            "distance": 1400,
            "humid": 64.43,
            "precip": 0,
            "pressure": 1011.9,
            "sched_hour": 5.25,
            "temp": 39.02,
            "visib": 10,
            "wind_speed": 12.65858,
        },
        "prediction": {"label": "on_time"},
        "tags": {"origin": "EWR"},
    }
    assert key == b"2013-01-01-UA-1545-EWR"
    assert timestamp_ms == _ms(record["timestamp"])


def test_a_label_record_is_canonical(predicted: pa.Table) -> None:
    key, value, timestamp_ms = next(ticks(predicted, DAY)).labels[0]
    record = json.loads(value)
    assert record == {
        "prediction_id": key.decode(),
        "outcome": "label",
        "label": "on_time",
        "timestamp": "2013-01-01T11:43:00Z",
    }
    assert timestamp_ms == _ms(record["timestamp"])


def test_a_missing_feature_is_sent_as_null(week: pa.Table) -> None:
    values = [json.loads(value) for tick in ticks(week, DAY) for _, value, _ in tick.inference]
    assert all(set(value["features"]) == set(FEATURES) for value in values)
    nulls = sum(value["features"]["dep_delay"] is None for value in values)
    assert nulls == week["dep_delay"].null_count > 500


def test_everything_is_sent_once_and_in_the_order_of_event_time(week: pa.Table) -> None:
    sent = list(ticks(week, HOUR))
    inference = [record for tick in sent for record in tick.inference]
    labels = [record for tick in sent for record in tick.labels]
    assert [key.decode() for key, _, _ in inference] == week["prediction_id"].to_pylist()
    landed = week.filter(pc.is_valid(week["label"]))["prediction_id"].to_pylist()
    assert sorted(key.decode() for key, _, _ in labels) == sorted(landed)
    for records in (inference, labels):
        assert all(before[2] <= after[2] for before, after in pairwise(records))


def test_each_record_lies_within_its_tick(week: pa.Table) -> None:
    for tick in ticks(week, HOUR):
        since_ms, until_ms = tick.until_us // 1000 - 3_600_000, tick.until_us // 1000
        assert all(since_ms <= ms < until_ms for _, _, ms in (*tick.inference, *tick.labels))


def test_quiet_hours_of_the_night_are_ticks_too(week: pa.Table) -> None:
    sent = list(ticks(week, HOUR))
    assert {after.until_us - before.until_us for before, after in pairwise(sent)} == {3_600_000_000}
    assert any(not tick.inference and not tick.labels for tick in sent)
    assert sent[-1].labels


def test_a_cancelled_flight_never_gets_a_label(week: pa.Table) -> None:
    sent = list(ticks(week, DAY))
    cancelled = {r[0] for tick in sent for r in tick.inference if _cancelled(r)}
    assert cancelled
    assert not cancelled & {key for tick in sent for key, _, _ in tick.labels}


def test_the_model_can_be_named(week: pa.Table) -> None:
    tick = next(ticks(week, DAY, model="delays"))
    assert json.loads(tick.inference[0][1])["model"] == "delays"


def test_without_flights_there_is_no_tick(week: pa.Table) -> None:
    assert list(ticks(week.slice(0, 0), DAY)) == []


def test_flights_that_never_land_still_give_ticks(week: pa.Table) -> None:
    cancelled = week.filter(pc.is_null(week["label"]))
    sent: list[Tick] = list(ticks(cancelled, DAY))
    assert sum(len(tick.inference) for tick in sent) == cancelled.num_rows
    assert not any(tick.labels for tick in sent)


def _ms(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp() * 1000)
