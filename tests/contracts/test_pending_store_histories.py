"""Any history of predictions and labels: both stores agree, and with a recomputation from all records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_monitor.connectors.memory.pending_store import MemoryPendingStore
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.services.ports import PendingStore
from tests.contracts.pending_rows import (
    HORIZONS_US,
    INFERENCE,
    comparable,
    join,
    label,
    prediction,
)

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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
