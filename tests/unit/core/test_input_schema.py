from dataclasses import replace
from typing import Any

import pytest

from stream_monitor.core.input_schema import InputHealth
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.published import EVENT_TYPES, event_headers
from stream_monitor.core.state_records import StateRecords
from stream_monitor.core.system_events import input_schema_event
from stream_monitor.core.wire import encode_marker
from tests.unit.core.builders import marker, progress
from tests.unit.core.streams import SPEC, T0, catalogue

Counts = list[tuple[int | None, int, int]]


def judged(counts: Counts, watermark_s: int | None) -> tuple[InputHealth, list[Any]]:
    health = InputHealth()
    for count in counts:
        health = health.counted(*count)
    return health.judged(watermark_s)


@pytest.mark.parametrize(
    ("counts", "watermark_s", "expected"),
    [
        ([(T0, 6, 100)], T0 + 300, [True]),
        ([(T0, 5, 100)], T0 + 300, []),
        ([(T0, 99, 99)], T0 + 300, []),
        ([(T0, 6, 100)], T0 + 299, []),
        ([(T0, 3, 50), (T0 + 10, 3, 50)], T0 + 300, [True]),
        ([(T0, 6, 100), (T0 + 300, 1, 20)], T0 + 600, [True, False]),
        ([(T0, 6, 100), (T0 + 300, 2, 20)], T0 + 600, [True]),
        ([(T0, 6, 100), (T0 + 300, 1, 20)], T0 + 599, [True]),
        ([(T0, 6, 100), (T0 + 300, 0, 9), (T0 + 900, 9, 100)], T0 + 1200, [True, False, True]),
        ([(None, 40, 100)], None, []),
        ([(None, 40, 100)], T0, [True]),
        ([(T0, 1_000, 1_000)], T0, [True]),
        ([(None, 1_000, 1_000)], None, [True]),
    ],
)
def test_a_model_breaks_and_is_back_by_its_share_of_dead_records(
    counts: Counts, watermark_s: int | None, expected: list[bool]
) -> None:
    health, changes = judged(counts, watermark_s)
    assert [change.is_broken for change in changes] == expected
    assert health.judged(watermark_s)[1] == []
    assert all(not bucket.is_over(watermark_s) for bucket in health.buckets)


def fresh(partition: int = 0) -> PartitionState:
    model = ModelState(SPEC, "app", catalogue())
    return PartitionState("inference", "labels", {"flights": model}, partition=partition)


def receipt(
    i: int, watermark_s: int, *rejected: tuple[str, int, int], flush: bool = False
) -> bytes:
    steps = (
        progress(i * 100, i * 100 + 100, watermark_s, is_flushed=flush),
        progress(0, 0, watermark_s, "labels", is_flushed=flush),
    )
    return encode_marker(replace(marker(*steps, sequence=i), rejected=rejected))


def test_each_event_comes_once_across_restarts_and_replays() -> None:
    log = [
        receipt(0, T0 + 10),
        receipt(1, T0 + 20, ("flights", 50, 100), ("", 7, 900)),
        receipt(2, T0 + 310, ("flights", 60, 100), ("other", 100, 100)),
        receipt(3, T0 + 620, ("flights", 0, 100)),
        receipt(4, T0 + 930),
    ]
    records, state = StateRecords(), fresh()
    topic: list[Any] = []
    found = []
    for offset, record in enumerate(log):
        for again in (record, log[max(0, offset - 1)]):
            state = state.fork()
            state.add(offset, again)
            for name, change in state.judge_inputs():
                found.append(input_schema_event(change, name, "app"))
            topic += records.changes(state)
            state, records = fresh(), StateRecords()
            assert records.restore(state, topic) == 0
    assert [(e["status"], e["revision"], e["records"]) for e in found] == [
        ("input_schema_broken", 0, 200), ("input_schema_resolved", 1, 100)
    ]  # fmt: skip
    assert len({e["id"] for e in found}) == 1
    assert found[0]["window"]["start"] == "2013-02-08T00:00:00Z"
    assert (found[0]["ends_at"], found[1]["ends_at"]) == (None, "2013-02-08T00:10:00Z")
    headers = dict(event_headers(found[1], "app"))
    assert headers["ce_type"] == EVENT_TYPES["input_schema_resolved"].encode()
    assert set(state.inputs) == {"flights", ""}


def test_records_of_no_model_are_judged_in_the_first_partition_only() -> None:
    for partition in (0, 1):
        state = fresh(partition)
        state.add(0, receipt(0, T0, ("", 100, 100)))
        assert set(state.inputs) == ({""} if partition == 0 else set())


def test_the_end_of_a_history_closes_the_last_bucket() -> None:
    state = fresh()
    state.add(0, receipt(0, T0 + 10))
    state.add(1, receipt(1, T0 + 20, ("flights", 100, 100), flush=True))
    (found,) = state.judge_inputs()
    assert (found[0], found[1].is_broken) == ("flights", True)
    assert state.inputs["flights"].buckets == ()


def test_an_incident_without_any_event_time_has_no_window() -> None:
    _, (change,) = judged([(None, 2_000, 2_000)], None)
    event = input_schema_event(change, "flights", "app")
    assert "window" not in event
    assert (event["starts_at"], event["share"]) == (None, 1.0)
    assert "ce_time" not in dict(event_headers(event, "app"))
