"""Fields that the schema does not know are seen on one record in 16, chosen by its id."""

from typing import Any

import numpy as np

from stream_monitor.core.columns import UnknownFields
from stream_monitor.core.decoding.unknown import LOOK_EVERY, MAX_NAME_LENGTH
from tests.unit.core.decoding.canonical import columns, event


def unknown(*values: dict[str, Any] | bytes) -> UnknownFields:
    found = columns(*values).unknown
    assert found is not None
    return found


def carried(found: UnknownFields) -> list[tuple[int, str]]:
    return list(zip(found.row.tolist(), found.name.to_pylist(), strict=True))


def looked_at(n: int = 4) -> list[str]:
    """Ids that are looked at."""
    ids = [f"id-{i}" for i in range(40 * n)]
    rows = unknown(*(event(prediction_id=name) for name in ids)).looked
    return [ids[row] for row in rows][:n]


def test_one_id_in_sixteen_is_looked_at_whatever_the_batch() -> None:
    ids = [f"id-{i}" for i in range(3_200)]
    events = [event(prediction_id=name) for name in ids]
    whole = {ids[row] for row in unknown(*events).looked}
    parts = {
        ids[at + row]
        for at in range(0, 3_200, 700)
        for row in unknown(*events[at : at + 700]).looked
    }
    assert parts == whole
    assert abs(len(whole) - 3_200 / LOOK_EVERY) < 4 * np.sqrt(200)


def test_fields_beside_the_schemas_are_named_and_the_schemas_own_are_not() -> None:
    name, other, *_ = looked_at()
    features = {"amount": 1.0, "carrier": "UA", "tax": 2.0, "deep": {"amount": 1}, "a/b": [None]}
    found = unknown(event(prediction_id=name, features=features, tax=1), event(prediction_id=other))
    assert found.looked.tolist() == [0, 1]
    assert carried(found) == [(0, "tax"), (0, "deep"), (0, "a/b")]


def test_a_renamed_field_is_seen_though_its_record_lacks_another() -> None:
    (name,) = looked_at(1)
    found = unknown(event(prediction_id=name, features={"Amount": 1.0, "carrier": None}))
    assert carried(found) == [(0, "Amount")]


def test_rejected_records_are_not_looked_at() -> None:
    name, other, *_ = looked_at()
    found = unknown(event(prediction_id=name, features=[1]), event(prediction_id=other))
    assert found.looked.tolist() == [0]
    assert carried(found) == []


def test_names_are_cut_and_rows_follow_their_records() -> None:
    names = looked_at(3)
    events = [
        event(prediction_id=name, features={"amount": 1.0, f"{i}" * 300: 1}, model_version=f"{i % 2}")
        for i, name in enumerate(names)
    ]  # fmt: skip
    whole = columns(*events)
    taken = whole.take(np.array([0, 2])).unknown
    assert taken is not None
    assert taken.looked.tolist() == [0, 1]
    assert carried(taken) == [(0, "0" * MAX_NAME_LENGTH), (1, "2" * MAX_NAME_LENGTH)]
