"""Any history of predictions and labels: both stores agree, and with a recomputation from all records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_monitor.connectors.memory.pending_store import MemoryPendingStore
from stream_monitor.connectors.pending_store import DuckPendingStore, schema
from stream_monitor.services.ports import PendingStore
from tests.contracts.pending_rows import (
    HORIZONS_US,
    INFERENCE,
    comparable,
    erase,
    join,
    label,
    prediction,
    sorted_rows,
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that arrive, and how their transaction ends."""

    predictions: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    end: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """Ids to forget."""

    ids: list[str]
    end: str


@dataclass(frozen=True, slots=True)
class Expiry:
    """Bounds of age, those of predictions by model."""

    predictions_before_us: dict[str, int]
    labels_before_us: int
    end: str


Step = Batch | Erasure | Expiry

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
ends = st.sampled_from(["commit", "commit", "rollback", "go on", "restart"])
batches = st.builds(Batch, predictions_of_a_batch, labels_of_a_batch, ends)
erasures = st.builds(Erasure, st.lists(ids, max_size=3), ends)
expiries = st.builds(
    Expiry, st.dictionaries(st.sampled_from(["m1", "m2", "m3"]), times, max_size=3), times, ends
)


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckPendingStore]:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "_PIECE", 2)  # expiry in several pieces
        yield DuckPendingStore(Path(directory), "256MB")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(batches, batches, erasures, expiries), max_size=12))
def test_both_stores_do_the_same_to_any_history(duck: DuckPendingStore, steps: list[Step]) -> None:
    memory = MemoryPendingStore()
    duck.reset(0)
    stores: tuple[PendingStore, ...] = (memory, duck)
    for store in stores:
        store.open(0, "cluster")
    for step in numbered(steps):
        one, other = (did(store, step) for store in stores)
        assert one == other
        for store in stores:
            finish(store, step.end)
        assert memory.pending() == duck.pending()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(batches, batches, erasures), max_size=10))
def test_the_signs_sum_to_what_the_committed_records_say(
    duck: DuckPendingStore, steps: list[Batch | Erasure]
) -> None:
    duck.reset(0)
    duck.open(0, "cluster")
    counted: Counter[tuple[str, str, str, int]] = Counter()
    open_counts, open_steps, committed = Counter[tuple[str, str, str, int]](), [], []
    for step in [*steps, Batch([], [], "commit")]:
        if isinstance(step, Erasure):
            pairs = erase(duck, *step.ids)
        else:
            pairs = join(duck, step.predictions, step.labels).pairs
        for row in pairs.to_pylist():
            key = (row["prediction_id"], row["outcome"], row["label"], row["delay_us"])
            open_counts[key] += row["sign"]
        open_steps.append(step)
        finish(duck, step.end)
        if step.end == "commit":
            committed += open_steps
            counted.update(open_counts)
        if step.end != "go on":
            open_counts, open_steps = Counter(), []
    assert {key: count for key, count in counted.items() if count} == dict.fromkeys(
        recomputed(committed), 1
    )


def numbered(steps: Sequence[Step]) -> list[Step]:
    """The steps, their labels with the offsets that one topic would give them."""
    offsets = count()
    return [
        Batch(step.predictions, [row | {"offset": next(offsets)} for row in step.labels], step.end)
        if isinstance(step, Batch)
        else step
        for step in steps
    ]


def did(store: PendingStore, step: Step) -> object:
    """All that the store says of a step."""
    if isinstance(step, Batch):
        return comparable(join(store, step.predictions, step.labels))
    if isinstance(step, Erasure):
        return sorted_rows(erase(store, *step.ids))
    return store.expire(0, step.predictions_before_us, step.labels_before_us).to_pylist()


def finish(store: PendingStore, end: str) -> None:
    if end == "commit":
        store.commit({INFERENCE: 1})
    elif end == "rollback":
        store.rollback()
    elif end == "restart":
        store.close([0])
        store.open(0, "cluster")


def recomputed(steps: Sequence[Batch | Erasure]) -> set[tuple[str, str, str, int]]:
    """The pairs that hold in the end, from all records at once."""
    first: dict[str, Any] = {}
    labels: list[dict[str, Any]] = []
    for step in steps:
        if isinstance(step, Erasure):
            labels = [row for row in labels if row["prediction_id"] not in step.ids]
            first = {name: row for name, row in first.items() if name not in step.ids}
        else:
            labels += step.labels
            for row in step.predictions:
                first.setdefault(row["prediction_id"], row)
    in_time = defaultdict(list)
    for row in labels:
        of = first.get(row["prediction_id"])
        horizon_us = HORIZONS_US.get((of["model"], row["outcome"])) if of else None
        if of is None or horizon_us is None:
            continue
        delay_us = row["timestamp_us"] - of["timestamp_us"]
        runs = in_time[row["prediction_id"], row["outcome"]]
        if delay_us <= horizon_us and (not runs or runs[-1][0] != row["label"]):
            runs.append((row["label"], delay_us))
    return {(*key, *runs[-1]) for key, runs in in_time.items() if runs and runs[-1][0] is not None}
