"""Join entries: what a commit did to the join reads back, in bounded records."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.join_log import JoinStep, decode_entry, encode_entries

RANGES = {"inference": (5, 12_005), "labels": (0, 3)}


def table(rows: int, text: str = "x") -> pa.Table:
    return pa.table({"prediction_id": [f"{text}{i}" for i in range(rows)], "seq": range(rows)})


def test_a_commit_reads_back_in_order_and_ends_where_it_ended() -> None:
    steps = [JoinStep(table(12_000), table(2)), JoinStep(erased=("a", "b")), JoinStep(table(0))]
    found = [decode_entry(value) for value in encode_entries("topics", RANGES, steps)]
    assert [entry.identity for entry in found] == ["topics"] * 5
    predictions = [e.step.predictions for e in found if e.step.predictions is not None]
    assert pa.concat_tables(predictions) == table(12_000)
    assert [e.step.labels for e in found if e.step.labels is not None] == [table(2)]
    assert found[-1].step.erased == ("a", "b")
    assert [e.ranges for e in found[:-1]] == [{"inference": (5, 5), "labels": (0, 0)}] * 4
    assert found[-1].ranges == RANGES


def test_a_commit_that_did_nothing_still_tells_its_offsets() -> None:
    [value] = encode_entries("topics", RANGES, [])
    entry = decode_entry(value)
    assert (entry.ranges, entry.step) == (RANGES, JoinStep())


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_damaged_bytes_are_unreadable_or_a_value(noise: bytes, at: int, byte: int) -> None:
    [value] = encode_entries("topics", RANGES, [JoinStep(table(3))])
    damaged = bytearray(value)
    damaged[at % len(value)] = byte
    for data in (noise, bytes(damaged), value[: at % len(value)]):
        try:
            decode_entry(data)
        except UnreadableBytes:
            continue


def test_a_cut_entry_is_unreadable() -> None:
    [value] = encode_entries("topics", RANGES, [JoinStep(table(3))])
    with pytest.raises(UnreadableBytes):
        decode_entry(value[:-1])
