from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from tests.unit.core.builders import model_spec, records
from tests.unit.core.decoding.canonical import RECORD_MS, SPEC, columns, decode, event


def reason(value: dict[str, Any] | bytes) -> str:
    """The reason of a poisoned record; its neighbours must come through untouched."""
    found = decode(event(prediction_id="before"), value, event(prediction_id="after"))
    assert [id for c in found.columns for id in c.prediction_id.to_pylist()] == ["before", "after"]
    (rejected,) = found.rejected
    assert rejected.row == 1
    return rejected.reason.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "malformed"),
        (b"  ", "malformed"),
        (b"{", "malformed"),
        (b"\x00", "malformed"),
        (b'{"prediction_id":"a"} {}', "malformed"),
        (b"\xef\xbb\xbf" + orjson.dumps(event()), "malformed"),
        (orjson.dumps(event()).replace(b"UA", b"\\ud800"), "malformed"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"[" * 5_000, "too_deep"),
        (b"\xff\xfe", "not_utf8"),
        (orjson.dumps(event())[:-2] + b"\xc3", "not_utf8"),
        (b" " * 2_000_001, "too_large"),
        (b"5", "wrong_type"),
        (b"null", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"[]", "wrong_type"),
        (b"[" * 9_000 + b"]" * 9_000, "wrong_type"),
        ({}, "missing_field"),
        (event(prediction_id=None), "missing_field"),
        (event(prediction_id=""), "missing_field"),
        (event(prediction_id={"a": 1}), "wrong_type"),
        (event(prediction_id=["a"]), "wrong_type"),
        (event(model=None), "missing_field"),
        (event(model=["flights"]), "wrong_type"),
        (event(model="fligths"), "unknown_model"),
        (event(model_version={"a": 1}), "wrong_type"),
        (event(features=None), "missing_field"),
        (event(features=5), "wrong_type"),
        (event(features=[1]), "wrong_type"),
        (event(timestamp="yesterday"), "wrong_type"),
        (event(timestamp={}), "wrong_type"),
        (event(timestamp="2013-02-08T14:00:00 Nowhere/Zone"), "wrong_type"),
        (event(timestamp=1e300), "wrong_type"),
        (event(timestamp=-1), "wrong_type"),
        (event(timestamp="infinity"), "wrong_type"),
        (event(timestamp=RECORD_MS + 300_001), "future_timestamp"),
        (event(timestamp="2123-01-01T00:00:00Z"), "future_timestamp"),
    ],
)
def test_a_poisoned_record_is_rejected_and_its_neighbours_are_unharmed(
    value: dict[str, Any] | bytes, expected: str
) -> None:
    assert reason(value) == expected


def test_no_message_repeats_the_payload() -> None:
    for value in (b'{"secret":', b'["secret"]', orjson.dumps(event(model="secret"))):
        (rejected,) = decode(value).rejected
        assert "secret" not in rejected.message


def test_tombstones_are_counted_and_not_rejected() -> None:
    found = decode(None, event(), None)
    assert (found.tombstones, len(found.rejected)) == (2, 0)
    assert found.columns[0].row.tolist() == [1]


@pytest.mark.parametrize("values", [[], [None], [b"{"]])
def test_a_batch_without_an_event_has_no_columns(values: list[bytes | None]) -> None:
    assert decode(*values).columns == []


@pytest.mark.parametrize(
    ("timestamp", "microseconds"),
    [
        ("2013-02-08T14:00:00Z", 1_360_332_000_000_000),
        ("2013-02-08T14:00:00+02:00", 1_360_324_800_000_000),
        ("2013-02-08T14:00:00.123456-05:30", 1_360_351_800_123_456),
        ("2013-02-08 14:00:00", 1_360_332_000_000_000),
        (1_360_332_000, 1_360_332_000_000_000),
        (1_360_332_000.25, 1_360_332_000_250_000),
        ("1360332000", 1_360_332_000_000_000),
        (1_360_332_000_123, 1_360_332_000_123_000),
        (1_360_332_000_123_456, 1_360_332_000_123_456),
        (0, 0),
        (RECORD_MS + 300_000, (RECORD_MS + 300_000) * 1_000),
    ],
)
def test_times_are_rfc_3339_or_epoch_numbers(timestamp: object, microseconds: int) -> None:
    found = columns(event(timestamp=timestamp))
    assert found.timestamp_us.tolist() == [microseconds]
    assert found.is_timestamped.all()


@pytest.mark.parametrize("value", [event(), event(timestamp=None)])
def test_a_missing_time_is_the_record_s_own(value: dict[str, Any]) -> None:
    found = columns(value)
    assert found.timestamp_us.tolist() == [RECORD_MS * 1_000]
    assert not found.is_timestamped.any()


def test_the_envelope_s_other_fields_are_read_or_absent() -> None:
    prediction = {"label": "late", "score": 0.8, "value": 7}
    full = event(
        model_version=3, prediction=prediction, latency_ms=12.5, status=503, tags={"origin": "JFK"}
    )
    found = columns(full, event(), event(status=10**12, tags=5, prediction="odd"))
    assert found.version.to_pylist() == ["3", "0", "0"]
    assert found.predicted_label.to_pylist() == ["late", None, None]
    np.testing.assert_equal(found.score, [0.8, np.nan, np.nan])
    np.testing.assert_equal(found.predicted_value, [7.0, np.nan, np.nan])
    np.testing.assert_equal(found.latency_ms, [12.5, np.nan, np.nan])
    assert found.status.tolist() == [503, 0, 0]
    assert found.segments[0].to_pylist() == ["JFK", None, None]


def test_the_partition_is_a_segment_that_needs_no_tag() -> None:
    spec = replace(SPEC, segment_keys=("kafka.partition", "origin"))
    values = [orjson.dumps(event(tags={"origin": "JFK", "kafka.partition": "x"}))] * 4
    batch = replace(records(values, RECORD_MS), partition=np.array([3, 0, 11, 3], np.int32))
    found = InferenceDecoder({spec.name: spec}, 10_000, 300_000).decode(batch).columns
    assert [column.to_pylist() for column in found[0].segments] == [
        ["3", "0", "11", "3"],
        ["JFK"] * 4,
    ]
    alone = replace(spec, segment_keys=("kafka.partition",))
    found = InferenceDecoder({alone.name: alone}, 10_000, 300_000).decode(batch).columns
    assert found[0].segments[0].to_pylist() == ["3", "0", "11", "3"]


def test_reserved_and_unknown_keys_are_accepted() -> None:
    prediction = {
        "items": [{"id": 1, "score": 0.5}], "text": "hello", "logprobs": [-0.1, None],
        "ood_score": 0.1, "is_fallback": True, "score": 0.25,
    }  # fmt: skip
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    value = event(prediction=prediction, producer={"library": "x"}, other=deep)
    value["features"] = {**value["features"], "embedding": [0.1] * 500}
    assert columns(value).score.tolist() == [0.25]


def test_columns_taken_as_another_model_keep_their_rows() -> None:
    twin = model_spec(name="twin", segment_keys=("origin",))
    decoder = InferenceDecoder({"flights": SPEC, "twin": twin}, 10_000, 0)
    values = [event(prediction_id=f"{i}", model=("flights", "twin")[i % 2]) for i in range(9)]
    found = decoder.decode(records([orjson.dumps(v) for v in values])).columns
    assert {c.model: c.row.tolist() for c in found} == {
        "flights": [0, 2, 4, 6, 8],
        "twin": [1, 3, 5, 7],
    }


def test_models_with_conflicting_kinds_share_a_batch() -> None:
    kinds = (FeatureKind.NUMERIC, FeatureKind.CATEGORICAL)
    models = {str(kind): ModelSpec(str(kind), Schema((Feature("code", kind),))) for kind in kinds}
    decoder = InferenceDecoder(models, 10_000, 0)
    values = [event(model=str(kinds[i % 2]), features={"code": f"{i}"}) for i in range(6)]
    values += [event(model="nobody"), event(model=None)]
    raw = [orjson.dumps(v) for v in values]
    found = decoder.decode(records([*raw, b"{", b"5", None]))
    by_model = {c.model: c for c in found.columns}
    assert by_model["numeric"].numeric.tolist() == [[0.0, 2.0, 4.0]]
    assert by_model["categorical"].categorical[0].to_pylist() == ["1", "3", "5"]
    reasons = {r.row: r.reason.value for r in found.rejected}
    assert reasons == {
        6: "unknown_model", 7: "missing_field", 8: "malformed", 9: "wrong_type"
    }  # fmt: skip
    assert found.tombstones == 1
