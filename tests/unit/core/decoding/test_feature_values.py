"""Feature values: present, missing, of a wrong type, or coerced; never a reject."""

import numpy as np
import orjson
import pytest

from stream_monitor.core.columns import MISSING, PRESENT, WRONG_TYPE
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from tests.unit.core.builders import records
from tests.unit.core.decoding.canonical import columns, event


@pytest.mark.parametrize(
    ("amount", "state", "value"),
    [
        (b"1.5", PRESENT, 1.5),
        (b"null", MISSING, np.nan),
        (b'"abc"', WRONG_TYPE, np.nan),
        (b'""', WRONG_TYPE, np.nan),
        (b'{"a":1}', WRONG_TYPE, np.nan),
        (b"[1]", WRONG_TYPE, np.nan),
        (b'"12.5"', PRESENT, 12.5),
        (b"true", PRESENT, 1.0),
        (b"NaN", PRESENT, np.nan),
        (b"-Infinity", PRESENT, -np.inf),
        (b"1e999", PRESENT, np.inf),
        (b"9" * 1_000_000, PRESENT, np.inf),
        (b"18446744073709551616", PRESENT, 2.0**64),
    ],
)
def test_a_number_is_present_missing_or_of_a_wrong_type(
    amount: bytes, state: int, value: float
) -> None:
    template = orjson.dumps(event())
    found = columns(template.replace(b"1.5", amount), template)
    assert found.numeric_state[0].tolist() == [state, PRESENT]
    np.testing.assert_equal(found.numeric[0], [value, 1.5])


@pytest.mark.parametrize(
    ("carrier", "state", "value"),
    [
        ("UA", PRESENT, "UA"),
        ("", PRESENT, ""),
        ("{text", PRESENT, "{text"),
        ("[1]", PRESENT, "[1]"),
        ("\x00", PRESENT, "\x00"),
        (3, PRESENT, "3"),
        (True, PRESENT, "true"),
        (None, MISSING, None),
        ({"a": 1}, WRONG_TYPE, None),
        ([1], WRONG_TYPE, None),
    ],
)
def test_a_category_is_present_missing_or_of_a_wrong_type(
    carrier: object, state: int, value: str | None
) -> None:
    found = columns(event(features={"amount": 1, "carrier": carrier}), event())
    assert found.categorical_state[0].tolist() == [state, PRESENT]
    assert found.categorical[0].to_pylist() == [value, "UA"]


def test_absent_features_are_missing() -> None:
    found = columns(event(features={}))
    assert found.numeric_state.tolist() == found.categorical_state.tolist() == [[MISSING]]


def test_coerced_types_are_counted_on_the_sample_of_ids_alone() -> None:
    odd = {"amount": "12.5", "carrier": 7}
    found = columns(*[event(prediction_id=f"p{i}", features=odd) for i in range(2_000)])
    assert 10 < len(found.sampled_row) < 60
    for feature in (0, 1):
        of_it = found.coerced_row[found.coerced_feature == feature]
        assert of_it.tolist() == found.sampled_row.tolist()
    clean = columns(*[event(prediction_id=f"p{i}") for i in range(2_000)])
    assert clean.sampled_row.tolist() == found.sampled_row.tolist()
    assert len(clean.coerced_row) == 0


def test_feature_names_may_hold_any_sign() -> None:
    names = ["it's", 'a"b', "a/b~c", "$.x", "é ü", "a,b"]
    schema = Schema(tuple(Feature(name, FeatureKind.NUMERIC) for name in names))
    decoder = InferenceDecoder({"flights": ModelSpec("flights", schema)}, 10_000, 0)
    good = event(features={name: i for i, name in enumerate(names)})
    bad = event(features={name: [] for name in names})
    (found,) = decoder.decode(records([orjson.dumps(good), orjson.dumps(bad)])).columns
    expected = [float(names.index(name)) for name in schema.numeric]
    assert found.numeric[:, 0].tolist() == expected
    assert (found.numeric_state[:, 1] == WRONG_TYPE).all()
