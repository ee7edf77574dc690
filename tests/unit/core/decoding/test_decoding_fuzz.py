"""Whatever comes in: columns + rejected + tombstones = records, and no exception."""

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.decoding.labels import LabelDecoder
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.schema import PREDICTION_FEATURES, Feature, FeatureKind, Outcome, Schema
from tests.unit.core.builders import model_spec, records

FLIGHTS = model_spec(segment_keys=("origin",))
SCORED = ModelSpec(
    "scored",
    Schema((*PREDICTION_FEATURES, Feature("amount", FeatureKind.CATEGORICAL))),
    (Outcome(classes=("a", "b")),),
)
INFERENCE = InferenceDecoder({"flights": FLIGHTS, "scored": SCORED}, 20_000, 300_000)
ALONE = InferenceDecoder({"flights": FLIGHTS}, 20_000, 300_000)
LABELS = LabelDecoder(20_000, 300_000)
FUZZ = settings(max_examples=20, deadline=None)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["flights", "scored", "2013-02-08T14:00:00+99:99", "\ud800", "{", "[", "NaN"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
OBJECTS = st.fixed_dictionaries(
    {
        "prediction_id": st.just("a") | VALUES,
        "model": st.sampled_from(["flights", "scored"]) | VALUES,
        "features": VALUES | st.fixed_dictionaries({"amount": VALUES, "carrier": VALUES}),
    },
    optional={
        "model_version": VALUES,
        "timestamp": VALUES,
        "prediction": VALUES | st.fixed_dictionaries({"label": VALUES, "score": VALUES}),
        "tags": VALUES | st.fixed_dictionaries({"origin": VALUES}),
        "latency_ms": VALUES,
        "status": VALUES,
        "label": VALUES,
        "outcome": VALUES,
    },
)


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def truncated(pair: tuple[bytes, int]) -> bytes:
    return pair[0][: pair[1]]


RAW = (
    st.none()
    | st.binary(max_size=40)
    | VALUES.map(as_bytes)
    | OBJECTS.map(as_bytes)
    | OBJECTS.map(as_bytes)
    | st.tuples(OBJECTS.map(as_bytes), st.integers(0, 200)).map(truncated)
)


@given(st.lists(RAW, max_size=8))
@FUZZ
def test_every_inference_record_is_an_event_a_reject_or_a_tombstone(
    values: list[bytes | None],
) -> None:
    for decoder in (INFERENCE, ALONE):
        found = decoder.decode(records(values))
        rows = [int(row) for c in found.columns for row in c.row]
        rows += [reject.row for reject in found.rejected]
        rows += [i for i, value in enumerate(values) if value is None]
        assert sorted(rows) == list(range(len(values)))
        assert found.tombstones == values.count(None)
        for c in found.columns:
            assert c.timestamp_us.min(initial=0) >= 0
            assert (np.isnan(c.numeric) | (c.numeric_state == 0)).all()
            for column, state in zip(c.categorical, c.categorical_state, strict=True):
                assert np.array_equal(np.asarray(column.is_valid()), state == 0)


@given(st.lists(RAW, max_size=8))
@FUZZ
def test_every_label_record_is_a_label_a_reject_or_a_tombstone(values: list[bytes | None]) -> None:
    found = LABELS.decode(records(values))
    rows = [*found.columns.row.tolist(), *(reject.row for reject in found.rejected)]
    rows += [i for i, value in enumerate(values) if value is None]
    assert sorted(rows) == list(range(len(values)))


@given(st.lists(RAW, max_size=6), st.integers(0, 6))
@FUZZ
def test_a_record_is_decoded_the_same_alone_and_among_others(
    values: list[bytes | None], place: int
) -> None:
    good = as_bytes(
        {"prediction_id": "x", "model": "flights", "features": {"amount": 2, "carrier": "UA"}}
    )
    found = ALONE.decode(records([*values[:place], good, *values[place:]]))
    at = min(place, len(values))
    (own,) = [(c, int(np.flatnonzero(c.row == at)[0])) for c in found.columns if at in c.row]
    assert own[0].numeric[0, own[1]] == 2.0
    assert own[0].categorical[0][own[1]].as_py() == "UA"
