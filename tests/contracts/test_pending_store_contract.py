"""What every PendingStore promises, asked of the one in memory and the one on disk."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from stream_monitor.connectors.memory.pending_store import MemoryPendingStore
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.connectors.pending_store.columns import LABELS, PAIRS, PREDICTIONS
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import PendingStore
from tests.contracts.pending_rows import (
    HORIZONS_US,
    INFERENCE,
    LABELLED,
    erase,
    join,
    label,
    prediction,
    signs,
)


class Shelf:
    """A place that stores come from again and again: `new()` sees what earlier ones committed."""

    def __init__(self, new: Callable[[], PendingStore]) -> None:
        self.new = new


@pytest.fixture(params=["memory", "duckdb"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "duckdb":
        return Shelf(lambda: DuckPendingStore(tmp_path, "256MB"))
    memory = MemoryPendingStore()
    return Shelf(lambda: memory)


@pytest.fixture
def store(shelf: Shelf) -> Iterator[PendingStore]:
    opened = shelf.new()
    opened.open(0, "cluster")
    yield opened
    opened.close([0])


def test_a_pair_carries_the_prediction_the_label_and_the_delay(store: PendingStore) -> None:
    joined = join(store, [prediction("a", 5)], [label("a", "on_time", 9)])
    [pair] = joined.pairs.to_pylist()
    assert math.isnan(pair.pop("predicted_value"))
    assert pair == {
        "prediction_id": "a",
        "model": "m1",
        "version": "3",
        "profile_id": "p",
        "timestamp_us": 5,
        "segments": ["JFK", None],
        "predicted_label": "late",
        "score": 0.5,
        "outcome": "click",
        "label": "on_time",
        "delay_us": 4,
        "sign": 1,
    }
    assert joined.label_states == ["matched"]


def test_the_first_of_two_predictions_wins_within_a_batch_and_across(store: PendingStore) -> None:
    joined = join(store, [prediction("a", 1), prediction("b"), prediction("a", 2)])
    assert joined.is_new.tolist() == [True, True, False]
    joined = join(store, [prediction("c"), prediction("b", 3)], [label("a", "x", 4)])
    assert joined.is_new.tolist() == [True, False]
    assert signs(joined) == [("a", "x", 3, 1)]
    assert store.pending() == 3


def test_a_label_waits_for_its_prediction(store: PendingStore) -> None:
    assert join(store, labels=[label("a", "x", 4)]).label_states == ["waiting"]
    assert signs(join(store, [prediction("a", 1)])) == [("a", "x", 3, 1)]


def test_waiting_labels_are_judged_by_the_predictions_time(store: PendingStore) -> None:
    join(store, labels=[label("a", "x", 12), label("a", "y", 11), label("a", "z", 40)])
    assert signs(join(store, [prediction("a", 1)])) == [("a", "y", 10, 1)]


def test_an_equal_label_is_a_duplicate_and_keeps_the_first_time(store: PendingStore) -> None:
    joined = join(store, [prediction("a")], [label("a", "x", 2), label("a", "x", 3)])
    assert joined.label_states == ["matched", "duplicate"]
    assert signs(joined) == [("a", "x", 2, 1)]
    joined = join(store, labels=[label("a", "x", 4)])
    assert (joined.label_states, signs(joined)) == (["duplicate"], [])


def test_a_corrected_label_takes_the_old_pair_out(store: PendingStore) -> None:
    join(store, [prediction("a")], [label("a", "x", 2)])
    joined = join(store, labels=[label("a", "y", 3)])
    assert joined.label_states == ["corrected"]
    assert signs(joined) == [("a", "x", 2, -1), ("a", "y", 3, 1)]


def test_a_correction_touches_its_own_outcome_only(store: PendingStore) -> None:
    join(store, [prediction("a")], [label("a", "x", 2), label("a", "9", 2, "buy")])
    joined = join(store, labels=[label("a", "8", 3, "buy")])
    assert signs(joined) == [("a", "9", 2, -1), ("a", "8", 3, 1)]


def test_a_null_label_takes_the_pair_out_and_a_later_one_counts_again(store: PendingStore) -> None:
    join(store, [prediction("a")], [label("a", "x", 2)])
    joined = join(store, labels=[label("a", None, 3), label("a", None, 4)])
    assert joined.label_states == ["retracted", "duplicate"]
    assert signs(joined) == [("a", "x", 2, -1)]
    joined = join(store, labels=[label("a", "x", 5)])
    assert (joined.label_states, signs(joined)) == (["matched"], [("a", "x", 5, 1)])


def test_a_label_beyond_the_horizon_never_counts(store: PendingStore) -> None:
    joined = join(store, [prediction("a")], [label("a", "x", 10), label("a", "y", 11)])
    assert joined.label_states == ["matched", "expired"]
    assert signs(joined) == [("a", "x", 10, 1)]


def test_without_a_horizon_nothing_is_paired(store: PendingStore) -> None:
    joined = join(store, [prediction("a")], [label("a", "x", 1, "refund")])
    assert (joined.label_states, signs(joined)) == (["waiting"], [])


def test_rollback_forgets_and_commit_keeps(shelf: Shelf) -> None:
    store = shelf.new()
    store.open(0, "cluster")
    join(store, [prediction("a")], [label("b", "x", 2)])
    store.commit({INFERENCE: 7, LABELLED: 3})
    join(store, [prediction("b"), prediction("c")], [label("a", "y", 1)])
    store.rollback()
    assert store.pending() == 1
    joined = join(store, [prediction("b"), prediction("a")], [label("a", "z", 1)])
    assert joined.is_new.tolist() == [True, False]
    assert sorted(signs(joined)) == [("a", "z", 1, 1), ("b", "x", 2, 1)]
    store.close([0])


def test_a_restart_finds_what_was_committed(shelf: Shelf) -> None:
    store = shelf.new()
    assert store.open(0, "cluster") == {}
    join(store, [prediction("a", segments=["LGA"])], [label("a", "x", 1), label("b", "w", 1)])
    store.commit({INFERENCE: 7, LABELLED: 3, TopicPartition("inference", 1): 99})
    store.commit({INFERENCE: 8})
    join(store, [prediction("lost")])
    store.close([0])
    store = shelf.new()
    assert store.open(0, "cluster") == {"inference": 8, "labels": 3}
    assert store.pending() == 1
    joined = join(store, [prediction("a"), prediction("b")], [label("a", "y", 2)])
    assert joined.is_new.tolist() == [False, True]
    assert sorted(signs(joined)) == [("a", "x", 1, -1), ("a", "y", 2, 1), ("b", "w", 1, 1)]
    assert [row["segments"] for row in joined.pairs.to_pylist() if row["prediction_id"] == "a"] == [
        ["LGA"],
        ["LGA"],
    ]
    store.close([0])


def test_another_identity_wipes_the_store(shelf: Shelf) -> None:
    store = shelf.new()
    store.open(0, "cluster")
    join(store, [prediction("a")])
    store.commit({INFERENCE: 7})
    store.close([0])
    assert store.open(0, "another cluster") == {}
    assert store.pending() == 0
    store.close([0])


def test_a_reset_partition_starts_anew_and_its_neighbour_does_not(shelf: Shelf) -> None:
    store = shelf.new()
    for partition in (0, 1):
        store.open(partition, "cluster")
    store.commit({INFERENCE: 7, TopicPartition("inference", 1): 8})
    store.reset(0)
    with pytest.raises(StreamMonitorError, match="not open"):
        join(store)
    assert store.open(0, "cluster") == {}
    store.close([0, 1])
    assert store.open(1, "cluster") == {"inference": 8}
    store.close([1])


def test_partitions_do_not_see_each_other(store: PendingStore) -> None:
    store.open(1, "cluster")
    join(store, [prediction("a")])
    none = pa.Table.from_pylist([], PREDICTIONS)
    labels = pa.Table.from_pylist([label("a", "x")], LABELS)
    assert store.join(1, none, labels, HORIZONS_US).label_states == ["waiting"]
    store.close([1])


def test_expiry_returns_labels_that_never_counted(store: PendingStore) -> None:
    join(
        store,
        [prediction("old", 1), prediction("new", 9)],
        [
            label("old", "x", 3, offset=10),
            label("old", "late", 12, offset=11),
            label("nobody", "y", 4, offset=12),
            label("nobody", "z", 9, offset=14),
            label("nobody else", None, 5, offset=15),
            label("new", "w", 5, offset=17),
            label("nobody", "v", 1, "buy", offset=20),
        ],
    )
    assert store.expire(0, {"m1": 6}, 6).to_pylist() == [
        label("nobody", "y", 4, offset=12),
        label("nobody else", None, 5, offset=15),
        label("nobody", "v", 1, "buy", offset=20),
    ]
    assert store.pending() == 1
    joined = join(store, [prediction("old", 6), prediction("nobody", 6)], [label("new", "u", 10)])
    assert joined.is_new.tolist() == [True, True]
    assert sorted(signs(joined)) == [
        ("new", "u", 1, 1),
        ("new", "w", -4, -1),
        ("nobody", "z", 3, 1),
    ]


def test_each_model_expires_by_its_own_bound_and_an_unnamed_one_at_once(
    store: PendingStore,
) -> None:
    join(
        store,
        [
            prediction("a", 5),
            prediction("b", 6),
            prediction("c", 5, model="m2"),
            prediction("d", 9, model="m3"),
        ],
        [label("a", "x", 5), label("c", "y", 6), label("nobody", "z", 7)],
    )
    assert store.expire(0, {"m1": 6, "m2": 5, "m4": 99}, 7).num_rows == 0
    assert store.pending() == 2
    labels = [label("a", "w", 8), label("b", "w", 8), label("c", "w", 8), label("d", "w", 9)]
    joined = join(store, labels=labels)
    assert joined.label_states == ["waiting", "matched", "corrected", "waiting"]
    joined = join(store, [prediction("a", 8), prediction("d", 8)])
    assert joined.is_new.tolist() == [True, True]
    assert sorted(signs(joined)) == [("a", "w", 0, 1), ("d", "w", 1, 1)]


def test_expiry_of_labels_leaves_predictions_alone_and_the_reverse(store: PendingStore) -> None:
    join(store, [prediction("a", 1)], [label("a", "x", 2), label("b", "y", 2)])
    assert store.expire(0, {"m1": 0}, 9).num_rows == 1
    assert signs(join(store, labels=[label("a", "z", 3)])) == [("a", "x", 1, -1), ("a", "z", 2, 1)]
    join(store, labels=[label("b", "y", 2)])
    assert store.expire(0, {"m1": 9}, 0).num_rows == 0
    assert store.pending() == 0
    assert signs(join(store, [prediction("b", 1)])) == [("b", "y", 1, 1)]


def test_waiting_labels_keep_their_offsets(shelf: Shelf) -> None:
    store = shelf.new()
    store.open(0, "cluster")
    join(store, labels=[label("a", "x", 4, offset=7), label("b", "y", 3, offset=9)])
    store.commit({})
    store.close([0])
    store = shelf.new()
    store.open(0, "cluster")
    expired = store.expire(0, {}, 5)
    assert expired.schema == LABELS
    assert expired.column("offset").to_pylist() == [7, 9]
    store.close([0])


def test_an_expired_prediction_comes_back_with_a_rollback(store: PendingStore) -> None:
    join(store, [prediction("a", 1)], [label("a", "x", 2), label("b", "y", 2)])
    store.commit({})
    for _ in range(2):
        assert store.expire(0, {"m1": 5}, 5).num_rows == 1
        assert store.pending() == 0
        store.rollback()
        assert store.pending() == 1
    joined = join(store, [prediction("b")], [label("a", "z", 3)])
    assert sorted(signs(joined)) == [("a", "x", 1, -1), ("a", "z", 2, 1), ("b", "y", 2, 1)]


def test_erasing_takes_counted_pairs_out(store: PendingStore) -> None:
    labels = [label("a", "x", 2), label("a", "9", 3, "buy"), label("a", "late", 40)]
    join(store, [prediction("a", 1), prediction("b", 1)], [*labels, label("b", "y", 2)])
    pairs = erase(store, "a", "a")
    assert pairs.schema == PAIRS
    assert sorted(signs(pairs)) == [("a", "9", 2, -1), ("a", "x", 1, -1)]
    assert {tuple(row["segments"]) for row in pairs.to_pylist()} == {("JFK", None)}
    assert store.pending() == 1
    assert signs(erase(store, "a")) == []
    assert signs(join(store, labels=[label("b", "z", 3)])) == [("b", "y", 1, -1), ("b", "z", 2, 1)]


def test_an_erased_id_can_be_predicted_and_labelled_again(store: PendingStore) -> None:
    join(store, [prediction("a", 1)], [label("a", "x", 2)])
    store.commit({})
    erase(store, "a")
    joined = join(store, [prediction("a", 5)], [label("a", "x", 6)])
    assert joined.is_new.tolist() == [True]
    assert (joined.label_states, signs(joined)) == (["matched"], [("a", "x", 1, 1)])


def test_erasing_drops_labels_that_wait(store: PendingStore) -> None:
    join(store, [prediction("a")], [label("a", "x", 1, "refund"), label("b", "y", 2)])
    assert signs(erase(store, "a", "b", "unknown")) == []
    assert signs(join(store, [prediction("a"), prediction("b")])) == []
    assert store.expire(0, {"m1": 0}, 99).num_rows == 0


def test_erasing_an_unlabelled_or_retracted_prediction_changes_no_count(
    store: PendingStore,
) -> None:
    join(store, [prediction("a"), prediction("b")], [label("b", "x", 1), label("b", None, 2)])
    assert signs(erase(store, "a", "b")) == []
    assert store.pending() == 0


def test_what_was_erased_comes_back_with_a_rollback_and_not_after_a_commit(shelf: Shelf) -> None:
    store = shelf.new()
    store.open(0, "cluster")
    join(store, [prediction("a", 1)], [label("a", "x", 2), label("b", "y", 2)])
    store.commit({})
    erase(store, "a", "b")
    store.rollback()
    assert store.pending() == 1
    assert signs(join(store, [prediction("b", 1)])) == [("b", "y", 1, 1)]
    assert sorted(signs(erase(store, "a", "b"))) == [("a", "x", 1, -1), ("b", "y", 1, -1)]
    store.commit({})
    store.close([0])
    store = shelf.new()
    store.open(0, "cluster")
    assert store.pending() == 0
    joined = join(store, [prediction("a"), prediction("b")], [label("a", "z", 1)])
    assert (joined.is_new.tolist(), signs(joined)) == ([True, True], [("a", "z", 1, 1)])
    store.close([0])


def test_many_different_labels_are_told_apart(shelf: Shelf) -> None:
    ids = [f"p{i}" for i in range(1_000)]
    store = shelf.new()
    store.open(0, "cluster")
    labels = [label(name, f"{row}.5" if row % 9 else None, 3) for row, name in enumerate(ids)]
    join(store, [prediction(name) for name in ids], labels)
    store.commit({})
    store.close([0])
    store = shelf.new()
    store.open(0, "cluster")
    assert join(store, labels=labels).label_states == ["duplicate"] * 1_000
    expected = [(name, f"{row}.5", 3, -1) for row, name in enumerate(ids) if row % 9]
    assert sorted(signs(erase(store, *ids))) == sorted(expected)
    store.close([0])
