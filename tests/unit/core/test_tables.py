from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.columns import MISSING
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.schema import PREDICTION_FEATURES, Schema
from stream_monitor.core.tables import ColumnMapping, TableRows, matched, read_rows
from tests.unit.core.builders import SCHEMA, model_spec

SPEC = model_spec()
T0 = datetime(2013, 2, 8, 14, tzinfo=UTC)
T0_US = 1_360_332_000_000_000


def table(**columns: Any) -> pa.Table:
    n = len(next(iter(columns.values()), [0]))
    whole = {"timestamp": [T0] * n, "amount": [1.0] * n, "carrier": ["UA"] * n}
    return pa.table({**whole, **columns})


def read(data: pa.Table, **mapping: Any) -> TableRows:
    return read_rows(data, ColumnMapping(**mapping), SPEC)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([T0], pa.timestamp("us", "UTC")),
        pa.array([T0], pa.timestamp("ns", "UTC")),
        pa.array([T0.replace(tzinfo=None)], pa.timestamp("s")),
        pa.array([T0.astimezone(timezone(timedelta(hours=-5)))], pa.timestamp("ms", "-05:00")),
        pa.array(["2013-02-08T14:00:00Z"]),
        pa.array(["2013-02-08 16:00:00+02:00"], pa.large_string()),
        pa.array([1_360_332_000]),
        pa.array([1_360_332_000.0]),
        pa.array([1_360_332_000_000]),
        pa.array([1_360_332_000_000_000]),
    ],
)
def test_times_of_any_kind_are_instants(column: pa.Array) -> None:
    assert read(table(timestamp=column)).events.timestamp_us.tolist() == [T0_US]


def test_dates_are_midnights_in_utc() -> None:
    found = read(table(timestamp=[date(2013, 2, 8)]))
    assert found.events.timestamp_us.tolist() == [T0_US - 14 * 3_600_000_000]


def test_nanoseconds_are_cut_to_microseconds() -> None:
    column = pa.array([T0_US * 1_000 + 999], pa.timestamp("ns", "UTC"))
    assert read(table(timestamp=column)).events.timestamp_us.tolist() == [T0_US]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([None, T0]),
        pa.array([None, 1_360_332_000]),
        pa.array([np.nan, 1.0]),
        pa.array([np.inf, 1.0]),
        pa.array([1e300, 1.0]),
        pa.array(["yesterday", "2013-02-08T14:00:00Z"]),
        pa.array([[1], [2]]),
        pa.array([True, False]),
    ],
)
def test_a_row_without_a_time_is_refused_and_the_column_named(column: pa.Array) -> None:
    with pytest.raises(InvalidSpecification, match="column timestamp"):
        read(table(timestamp=column))


def test_rows_are_sorted_by_time_and_ties_stay_in_order() -> None:
    times = [T0 + timedelta(hours=h) for h in (2, 0, 1, 0)]
    found = read(table(timestamp=times)).events
    assert found.row.tolist() == [1, 3, 2, 0]
    assert found.prediction_id.to_pylist() == ["1", "3", "2", "0"]


def test_the_first_of_each_id_in_time_is_kept() -> None:
    times = [T0 + timedelta(hours=h) for h in (3, 1, 2)]
    found = read(table(timestamp=times, key=[7, 7, 8]), id="key").events
    assert found.prediction_id.to_pylist() == ["7", "8"]
    assert found.row.tolist() == [1, 2]


def test_a_row_without_an_id_is_refused() -> None:
    with pytest.raises(InvalidSpecification, match="column key has 1 rows without an id"):
        read(table(key=["a", None]), id="key")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, 2]), [1.0, 2.0]),
        (pa.array([2**53 + 1, 1]), [2.0**53, 1.0]),
        (pa.array([True, False]), [1.0, 0.0]),
        (pa.array([Decimal("1.50"), Decimal("2")]), [1.5, 2.0]),
        (pa.array(["1.5", "2"]), [1.5, 2.0]),
        (pa.array([np.float32(0.5), np.float32(2)]), [0.5, 2.0]),
    ],
)
def test_numeric_features_take_any_type_that_holds_numbers(
    column: pa.Array, expected: list[float]
) -> None:
    assert read(table(amount=column)).events.numeric[0].tolist() == expected


@pytest.mark.parametrize("column", [pa.array(["x"]), pa.array([T0]), pa.array([[1.0]])])
def test_a_numeric_feature_without_numbers_is_refused_and_named(column: pa.Array) -> None:
    with pytest.raises(InvalidSpecification, match="column amount holds no numbers"):
        read(table(amount=column))


def test_null_is_missing_and_nan_is_not() -> None:
    events = read(table(amount=pa.array([None, np.nan, 1.0]), carrier=[None, "", "UA"])).events
    assert events.numeric_state.tolist() == [[MISSING, 0, 0]]
    assert events.categorical_state.tolist() == [[MISSING, 0, 0]]
    assert np.isnan(events.numeric[0, :2]).all()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([3, None]), ["3", None]),
        (pa.array([True, None]), ["true", None]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
    ],
)
def test_categories_are_text_whatever_their_type(
    column: pa.Array, expected: list[str | None]
) -> None:
    assert read(table(carrier=column)).events.categorical[0].to_pylist() == expected


def test_missing_columns_are_all_named_with_those_there_are() -> None:
    data = pa.table({"when": [T0], "amount": [1.0]})
    with pytest.raises(InvalidSpecification) as caught:
        read(data, timestamp="when", label="truth", features={"carrier": "airline"})
    assert str(caught.value) == (
        "model flights: the table has no column airline, truth; it has when, amount: "
        "map them under `columns`"
    )


def test_mapped_columns_are_read() -> None:
    spec = model_spec(segment_keys=("origin",), schema=Schema((*SCHEMA.features, *SCORED)))
    data = table(
        airport=["JFK"], dep=["late"], p=[0.7], v=["3"], ms=[4.5], code=[503], guess=[9.0]
    )  # fmt: skip
    mapping = ColumnMapping(
        segments={"origin": "airport"}, predicted_label="dep", score="p", model_version="v",
        latency_ms="ms", status="code", predicted_value="guess",
    )  # fmt: skip
    events = read_rows(data, mapping, spec).events
    assert events.segments[0].to_pylist() == ["JFK"]
    assert events.predicted_label.to_pylist() == ["late"]
    assert events.version.to_pylist() == ["3"]
    assert (events.score[0], events.latency_ms[0], events.status[0]) == (0.7, 4.5, 503)
    assert dict(zip(spec.schema.numeric, events.numeric[:, 0], strict=True)) == {
        "amount": 1.0, "prediction.score": 0.7, "prediction.value": 9.0,
    }  # fmt: skip


SCORED = PREDICTION_FEATURES


def test_prediction_features_without_a_column_are_missing() -> None:
    spec = model_spec(schema=Schema(PREDICTION_FEATURES))
    events = read_rows(table(), ColumnMapping(), spec).events
    assert events.numeric_state.tolist() == [[MISSING], [MISSING]]
    assert events.categorical_state.tolist() == [[MISSING]]


def test_a_version_that_is_null_is_the_default_one() -> None:
    events = read(table(v=["3", None]), model_version="v").events
    assert events.version.to_pylist() == ["3", "0"]


def test_odd_statuses_are_none() -> None:
    events = read(table(code=[1e300, np.nan, -5e9, 404.0]), status="code").events
    assert events.status.tolist() == [0, 0, 0, 404]


def test_a_label_arrives_with_its_prediction_unless_a_time_is_named() -> None:
    data = table(y=["late", None, "ok"], at=pa.array([T0 + timedelta(hours=1), T0, None]))
    assert read(data, label="y").label.to_pylist() == ["late", None, "ok"]
    found = read(data, label="y", label_time="at")
    assert found.label.to_pylist() == ["late", None, None]
    assert found.label_time_us[0] == T0_US + 3_600_000_000
    pairs = matched(found.events, found.label, found.label_time_us, "label", "id")
    assert pairs.delay_us[0] == 3_600_000_000
    assert pairs.sign.tolist() == [1, 1, 1]


def test_an_empty_table_has_no_events() -> None:
    empty = table().slice(0, 0)
    assert read(empty).events.n == 0


def test_a_table_has_partitions_only_where_a_column_is_named() -> None:
    spec = replace(SPEC, segment_keys=("kafka.partition",))
    data = table(shard=["4"])
    without = read_rows(data, ColumnMapping(), spec)
    named = read_rows(data, ColumnMapping(segments={"kafka.partition": "shard"}), spec)
    assert without.events.segments[0].to_pylist() == [None]
    assert named.events.segments[0].to_pylist() == ["4"]
