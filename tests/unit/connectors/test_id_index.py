"""The index of ids against a dict, and its hash against published values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.connectors.pending_store.id_hash import id_hashes, murmur3
from stream_monitor.connectors.pending_store.id_index import (
    FLAG_BITS,
    IS_LABELLED,
    IS_PREDICTED,
    IdIndex,
)

Ids = list[tuple[int, int]]

# Few ids that begin in the same few of 4,096 slots, the last and the first, so that they meet often.
keys = st.sampled_from([1, 2, 1 << 52, 2 << 52, 4094 << 52, 4095 << 52, (4095 << 52) + 1])
ids = st.lists(st.tuples(keys, st.integers(0, 2)), min_size=1, max_size=12)
steps = st.lists(
    st.tuples(ids, st.sampled_from(["predictions", "labels", "clear", "commit", "rollback"])),
    max_size=12,
)


@pytest.mark.parametrize(
    ("text", "high", "low"),
    [
        ("", 0x0, 0x0),
        ("hello", 0xCBD8A7B341BD9B02, 0x5B1E906A48AE1D19),
        (
            "The quick brown fox jumps over the lazy dog",
            0xE34BBC7BBC071B6C,
            0x7A433CA9C49A9347,
        ),
    ],
)
def test_hashes_are_murmur3(text: str, high: int, low: int) -> None:
    first, second = murmur3(pa.array(["before", text, "after"]))
    assert (int(first[1]), int(second[1])) == (high, low)


def test_hashes_do_not_depend_on_the_slice_they_are_in() -> None:
    texts = pa.array([f"id-{i}" for i in range(100)])
    hashes, checks = id_hashes(texts)
    part_hashes, part_checks = id_hashes(texts[30:60])
    assert (part_hashes == hashes[30:60]).all()
    assert (part_checks == checks[30:60]).all()
    assert (hashes != 0).all()
    assert len(id_hashes(pa.array([], pa.string()))[0]) == 0


@settings(max_examples=300, deadline=None)  # the first example may compile
@given(steps)
def test_the_index_is_a_dict_with_rollback(history: list[tuple[Ids, str]]) -> None:
    index, expected = IdIndex(), dict[tuple[int, int], int]()
    committed = dict(expected)
    sequence = 1
    for some, action in history:
        hashes = np.array([key for key, _ in some], np.uint64)
        checks = np.array([check for _, check in some], np.uint32)
        if action == "predictions":
            before = index.add_predictions(hashes, checks, sequence)
            for row, one in enumerate(some):
                value = expected.get(one, 0)
                assert before[row] == value
                if not value & IS_PREDICTED:
                    expected[one] = sequence << FLAG_BITS | value & IS_LABELLED | IS_PREDICTED
                    sequence += 1
        elif action == "labels":
            index.add_labels(hashes, checks, sequence + np.arange(len(some)))
            for row, one in enumerate(some):
                value = expected.get(one, 0) or (sequence + row) << FLAG_BITS
                expected[one] = value | IS_LABELLED
            sequence += len(some)
        elif action == "clear":
            index.put(hashes, checks, np.zeros(len(some), np.int64))
            expected |= dict.fromkeys(some, 0)
        elif action == "commit":
            index.commit()
            committed = dict(expected)
        else:
            index.rollback()
            expected = dict(committed)
        assert index.values(hashes, checks).tolist() == [expected.get(one, 0) for one in some]


def test_the_index_takes_no_more_room_when_ids_come_and_go() -> None:
    index = IdIndex()
    hashes, checks = id_hashes(pa.array([str(i) for i in range(50_000)]))
    index.add_predictions(hashes, checks, 1)
    index.commit()
    full_bytes = index.size_bytes
    assert 16 / 0.7 <= full_bytes / 50_000 <= 1.5 * 16 / 0.7
    assert (index.values(hashes, checks) >> FLAG_BITS).tolist() == list(range(1, 50_001))
    for first in range(0, 50_000, 5_000):
        gone = slice(first, first + 5_000)
        index.put(hashes[gone], checks[gone], np.zeros(5_000, np.int64))
        others, other_checks = id_hashes(pa.array([f"other {first + i}" for i in range(5_000)]))
        index.add_predictions(others, other_checks, 60_000 + first)
        index.commit()
        found = index.values(others, other_checks) >> FLAG_BITS
        assert found.tolist() == list(range(60_000 + first, 65_000 + first))
        left = slice(first + 5_000, None)
        assert (index.values(hashes[left], checks[left]) >> FLAG_BITS).tolist() == list(
            range(first + 5_001, 50_001)
        )
    assert not index.values(hashes, checks).any()
    assert index.size_bytes <= 1.5 * full_bytes
