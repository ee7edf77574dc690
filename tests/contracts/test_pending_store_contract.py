"""What every PendingStore promises, asked of the one in memory and the one on disk."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_monitor.connectors.memory.pending_store import MemoryPendingStore
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.connectors.pending_store.columns import LABELS, PREDICTIONS
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Joined, PendingStore

HORIZONS_US = {("m1", "click"): 10, ("m1", "buy"): 30, ("m2", "click"): 20}
INFERENCE = TopicPartition("inference", 0)
LABELLED = TopicPartition("labels", 0)

Reopen = Callable[[PendingStore], PendingStore]


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


def prediction(prediction_id: str, timestamp_us: int = 0, **columns: Any) -> dict[str, Any]:
    row = {
        "prediction_id": prediction_id,
        "model": "m1",
        "version": "3",
        "profile_id": "p",
        "timestamp_us": timestamp_us,
        "segments": ["JFK", None],
        "predicted_label": "late",
        "score": 0.5,
        "predicted_value": None,
    }
    return row | columns


def label(
    prediction_id: str, value: str | None, timestamp_us: int = 1, outcome: str = "click"
) -> dict[str, Any]:
    return {
        "prediction_id": prediction_id,
        "outcome": outcome,
        "label": value,
        "timestamp_us": timestamp_us,
    }


def join(
    store: PendingStore,
    predictions: Sequence[dict[str, Any]] = (),
    labels: Sequence[dict[str, Any]] = (),
) -> Joined:
    return store.join(
        0,
        pa.Table.from_pylist(list(predictions), PREDICTIONS),
        pa.Table.from_pylist(list(labels), LABELS),
        HORIZONS_US,
    )


def signs(joined: Joined) -> list[tuple[str, str, int, int]]:
    """(id, label, delay, sign) of each pair, those of one id in their order."""
    rows = joined.pairs.to_pylist()
    return [(row["prediction_id"], row["label"], row["delay_us"], row["sign"]) for row in rows]


def comparable(joined: Joined) -> tuple[list[bool], list[str], list[str]]:
    """All that was joined, pairs in one order, NaN equal to itself."""
    pairs = [repr(list(row.values())) for row in joined.pairs.to_pylist()]
    return joined.is_new.tolist(), sorted(pairs), joined.label_states


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
            label("old", "x", 3),
            label("old", "late", 12),
            label("nobody", "y", 4),
            label("nobody", "z", 9),
            label("nobody else", "v", 5),
            label("new", "w", 5),
        ],
    )
    assert store.expire(0, 6).to_pylist() == [label("nobody", "y", 4), label("nobody else", "v", 5)]
    assert store.pending() == 1
    joined = join(store, [prediction("old", 6), prediction("nobody", 6)], [label("new", "u", 10)])
    assert joined.is_new.tolist() == [True, True]
    assert sorted(signs(joined)) == [
        ("new", "u", 1, 1),
        ("new", "w", -4, -1),
        ("nobody", "z", 3, 1),
    ]


def test_an_expired_prediction_comes_back_with_a_rollback(store: PendingStore) -> None:
    join(store, [prediction("a", 1)], [label("a", "x", 2), label("b", "y", 2)])
    store.commit({})
    assert store.expire(0, 5).num_rows == 1
    store.rollback()
    assert store.pending() == 1
    joined = join(store, [prediction("b")], [label("a", "z", 3)])
    assert sorted(signs(joined)) == [("a", "x", 1, -1), ("a", "z", 2, 1), ("b", "y", 2, 1)]


ids = st.sampled_from(["a", "b", "c", "d"])
times = st.integers(0, 40)
predictions_of_a_batch = st.lists(
    st.builds(
        prediction,
        ids,
        times,
        model=st.sampled_from(["m1", "m2"]),
        segments=st.sampled_from([[], ["x"], ["x", None], ["x\x1f", "y"], [None, "x"]]),
        predicted_label=st.sampled_from([None, "late", ""]),
        score=st.sampled_from([None, 0.25]),
    ),
    max_size=5,
)
labels_of_a_batch = st.lists(
    st.builds(
        label,
        ids,
        st.sampled_from([None, "x", "y"]),
        times,
        st.sampled_from(["click", "buy", "refund"]),
    ),
    max_size=8,
)
batches = st.tuples(
    predictions_of_a_batch,
    labels_of_a_batch,
    st.sampled_from(["commit", "commit", "rollback", "go on", "restart"]),
)


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckPendingStore]:
    with TemporaryDirectory() as directory:
        yield DuckPendingStore(Path(directory), "256MB")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(batches, times), max_size=10))
def test_both_stores_do_the_same_to_any_history(
    duck: DuckPendingStore, steps: list[tuple[list[Any], list[Any], str] | int]
) -> None:
    memory = MemoryPendingStore()
    duck.reset(0)
    stores: tuple[PendingStore, ...] = (memory, duck)
    for store in stores:
        store.open(0, "cluster")
    for step in steps:
        if isinstance(step, int):
            expired = [store.expire(0, step).to_pylist() for store in stores]
            assert sorted(map(repr, expired[0])) == sorted(map(repr, expired[1]))
        else:
            one, other = (comparable(join(store, *step[:2])) for store in stores)
            assert one == other
            for store in stores:
                finish(store, step[2])
        assert memory.pending() == duck.pending()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(batches, max_size=10))
def test_the_signs_sum_to_what_the_committed_records_say(
    duck: DuckPendingStore, steps: list[tuple[list[Any], list[Any], str]]
) -> None:
    duck.reset(0)
    duck.open(0, "cluster")
    counted: Counter[tuple[str, str, str, int]] = Counter()
    open_counts, open_steps, committed = Counter[tuple[str, str, str, int]](), [], []
    for predictions, labels, end in [*steps, ([], [], "commit")]:
        for row in join(duck, predictions, labels).pairs.to_pylist():
            key = (row["prediction_id"], row["outcome"], row["label"], row["delay_us"])
            open_counts[key] += row["sign"]
        open_steps.append((predictions, labels))
        finish(duck, end)
        if end == "commit":
            committed += open_steps
            counted.update(open_counts)
        if end != "go on":
            open_counts, open_steps = Counter(), []
    assert {key: count for key, count in counted.items() if count} == dict.fromkeys(
        recomputed(committed), 1
    )


def finish(store: PendingStore, end: str) -> None:
    if end == "commit":
        store.commit({INFERENCE: 1})
    elif end == "rollback":
        store.rollback()
    elif end == "restart":
        store.close([0])
        store.open(0, "cluster")


def recomputed(
    steps: Sequence[tuple[Sequence[Any], Sequence[Any]]],
) -> set[tuple[str, str, str, int]]:
    """The pairs that hold in the end, from all records at once."""
    first: dict[str, Any] = {}
    for predictions, _ in steps:
        for row in predictions:
            first.setdefault(row["prediction_id"], row)
    in_time = defaultdict(list)
    for row in (row for _, labels in steps for row in labels):
        of = first.get(row["prediction_id"])
        horizon_us = HORIZONS_US.get((of["model"], row["outcome"])) if of else None
        if of is None or horizon_us is None:
            continue
        delay_us = row["timestamp_us"] - of["timestamp_us"]
        runs = in_time[row["prediction_id"], row["outcome"]]
        if delay_us <= horizon_us and (not runs or runs[-1][0] != row["label"]):
            runs.append((row["label"], delay_us))
    return {(*key, *runs[-1]) for key, runs in in_time.items() if runs and runs[-1][0] is not None}
