"""The index of ids against a dict, and its hash against published values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_monitor.connectors.pending_store.id_hash import id_hashes, murmur3
from stream_monitor.connectors.pending_store.id_index import (
    FLAG_BITS,
    IS_LABELLED,
    IS_PREDICTED,
    IdIndex,
)

Ids = list[tuple[int, int]]

# Few ids in the same few slots, so that they meet each other often.
ids = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 2)), min_size=1, max_size=12)
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


def test_the_index_grows_and_forgets_what_was_cleared() -> None:
    index = IdIndex()
    hashes, checks = id_hashes(pa.array([str(i) for i in range(50_000)]))
    index.add_predictions(hashes, checks, 1)
    index.commit()
    full_bytes = index.size_bytes
    assert (index.values(hashes, checks) >> FLAG_BITS).tolist() == list(range(1, 50_001))
    for _ in range(20):
        index.put(hashes, checks, np.zeros(len(hashes), np.int64))
        index.add_predictions(hashes, checks, 1)
        index.commit()
    others, other_checks = id_hashes(pa.array([f"other {i}" for i in range(50_000)]))
    index.put(hashes, checks, np.zeros(len(hashes), np.int64))
    index.add_predictions(others, other_checks, 1)
    assert index.size_bytes <= 2 * full_bytes
    assert not index.values(hashes, checks).any()
