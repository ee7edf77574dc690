"""Labels that carry their predictions, and tombstones that take labels back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from stream_monitor.core.decoding.labels import DecodedLabels, LabelDecoder
from tests.unit.core.builders import records

RECORD_MS = 1_700_000_000_000
DECODER = LabelDecoder(10_000, 300_000, ("bought", "label"), {"shop": ("country",), "plain": ()})


def carrying(**changed: Any) -> dict[str, Any]:
    return {
        "prediction_id": "a", "label": "yes", "model": "shop", "tags": {"country": "FR"},
        "prediction": {"label": "no", "score": 0.25, "timestamp": RECORD_MS - 5_000},
        **changed,
    }  # fmt: skip


def decode(*values: dict[str, Any] | None) -> DecodedLabels:
    raw = [None if value is None else orjson.dumps(value) for value in values]
    return DECODER.decode(records(raw, RECORD_MS))


def test_a_label_brings_its_prediction() -> None:
    plain = {"prediction_id": "p", "label": "yes"}
    found = decode(plain, carrying(model_version="2"), carrying(model="plain", prediction_id="b"))
    assert found.columns.prediction_id.to_pylist() == ["p", "a", "b"]
    first, second = found.carried.to_pylist()
    assert first == {
        "row": 1, "prediction_id": "a", "model": "shop", "version": "2",
        "timestamp_us": (RECORD_MS - 5_000) * 1_000, "segments": ["FR"], "predicted_label": "no",
        "score": 0.25, "predicted_value": pytest.approx(float("nan"), nan_ok=True),
    }  # fmt: skip
    assert (second["row"], second["version"], second["segments"]) == (2, "0", [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (carrying(model="other"), "unknown_model"),
        (carrying(prediction={"label": "no"}), "missing_field"),
        (carrying(prediction={"timestamp": "soon"}), "missing_field"),
        (carrying(prediction=None), "missing_field"),
        (carrying(prediction={"timestamp": RECORD_MS + 300_001}), "future_timestamp"),
    ],
)
def test_a_label_whose_prediction_cannot_be_read_is_rejected(
    value: dict[str, Any], reason: str
) -> None:
    found = decode(value, carrying(prediction_id="after"))
    assert [(r.row, r.reason.value) for r in found.rejected] == [(0, reason)]
    assert found.columns.prediction_id.to_pylist() == ["after"]
    assert found.carried["row"].to_pylist() == [1]


def test_a_tombstone_takes_every_outcome_of_its_key_back_in_its_place() -> None:
    raw = [orjson.dumps({"prediction_id": "x", "label": "yes"}), None, None, None, b"{"]
    given = records(raw, RECORD_MS)
    given.key[:] = [b"x", b"x", None, b"\xff", b"y"]
    found = DECODER.decode(given)
    assert found.tombstones == 3
    columns = found.columns
    assert columns.row.tolist() == [0, 1, 1]
    assert columns.prediction_id.to_pylist() == ["x", "x", "x"]
    assert columns.outcome.to_pylist() == ["label", "bought", "label"]
    assert columns.label.to_pylist() == ["yes", None, None]
    assert columns.timestamp_us.tolist()[1:] == [RECORD_MS * 1_000] * 2
    assert [r.row for r in found.rejected] == [4]


def test_a_prediction_that_is_carried_has_the_partition_of_its_label() -> None:
    decoder = LabelDecoder(
        10_000, 300_000, ("bought", "label"), {"shop": ("country", "kafka.partition")}
    )
    values = [orjson.dumps({"prediction_id": "p", "label": "yes"}), orjson.dumps(carrying())]
    batch = replace(records(values, RECORD_MS), partition=np.array([1, 7], np.int32))
    assert decoder.decode(batch).carried["segments"].to_pylist() == [["FR", "7"]]
