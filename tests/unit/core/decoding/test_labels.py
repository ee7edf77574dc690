from typing import Any

import orjson
import pytest

from stream_monitor.core.columns import LabelColumns
from stream_monitor.core.decoding.labels import DecodedLabels, LabelDecoder
from tests.unit.core.builders import records

RECORD_MS = 1_700_000_000_000
DECODER = LabelDecoder(10_000, 300_000)


def decode(*values: dict[str, Any] | bytes | None) -> DecodedLabels:
    raw = [orjson.dumps(v) if isinstance(v, dict) else v for v in values]
    found = DECODER.decode(records(raw, RECORD_MS))
    assert found.columns.n + len(found.rejected) + found.tombstones == len(raw)
    return found


def columns(*values: dict[str, Any] | bytes | None) -> LabelColumns:
    return decode(*values).columns


def label(**changed: Any) -> dict[str, Any]:
    return {"prediction_id": "a", "label": "late", **changed}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"{", "malformed"),
        (b"\xff", "not_utf8"),
        (b" " * 10_001, "too_large"),
        (b"[[", "malformed"),
        (b"[]", "wrong_type"),
        (b"7", "wrong_type"),
        (b"null", "wrong_type"),
        ({"label": "late"}, "missing_field"),
        ({"prediction_id": "a"}, "missing_field"),
        (label(prediction_id=[1]), "wrong_type"),
        (label(label={"a": 1}), "wrong_type"),
        (label(label=["late"]), "wrong_type"),
        (label(outcome={"a": 1}), "wrong_type"),
        (label(outcome=["label"]), "wrong_type"),
        (label(timestamp="soon"), "wrong_type"),
        (label(timestamp=RECORD_MS + 300_001), "future_timestamp"),
    ],
)
def test_a_poisoned_label_is_rejected_and_its_neighbours_are_unharmed(
    value: dict[str, Any] | bytes, expected: str
) -> None:
    found = decode(label(prediction_id="before"), value, label(prediction_id="after"))
    assert found.columns.prediction_id.to_pylist() == ["before", "after"]
    assert found.columns.row.tolist() == [0, 2]
    assert [(r.row, r.reason.value) for r in found.rejected] == [(1, expected)]


def test_null_takes_a_label_back() -> None:
    assert columns(label(label=None)).label.to_pylist() == [None]


def test_scalars_are_labels_as_text() -> None:
    values = ["late", "", "[x", 1, 2.5, True]
    found = columns(*[label(label=value) for value in values])
    assert found.label.to_pylist() == ["late", "", "[x", "1", "2.5", "true"]


def test_the_outcome_is_label_unless_named() -> None:
    found = columns(label(), label(outcome="arrival"), label(outcome=None))
    assert found.outcome.to_pylist() == ["label", "arrival", "label"]


def test_times_are_read_like_those_of_events() -> None:
    found = columns(label(timestamp="2013-02-08T14:00:00+02:00"), label())
    assert found.timestamp_us.tolist() == [1_360_324_800_000_000, RECORD_MS * 1_000]


def test_tombstones_and_empty_batches() -> None:
    assert decode(None, None).tombstones == 2
    assert columns().n == 0
