"""A missing label that means a class: a subtraction, whatever the order of events, labels and commits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.results import Output, PerformanceResult
from stream_monitor.core.schema import Outcome, OutcomeKind
from stream_monitor.core.windows import WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events, matched_labels
from tests.unit.core.one_model import ONE_HOUR
from tests.unit.core.streams import T0, catalogue

OUTCOME = Outcome(
    classes=("late", "on_time"), positive="late", horizon_s=2 * HOUR_S, absent_means="on_time"
)
LAYOUT = replace(catalogue().layout_for(ONE_HOUR, "1"), outcomes=(OUTCOME,))
PASSED_S = T0 + HOUR_S + OUTCOME.horizon_s


def state(**changed: Any) -> ModelState:
    return ModelState(replace(ONE_HOUR, outcomes=(OUTCOME,), **changed), "app", catalogue())


def put(model: ModelState, time_s: list[int], guess: list[str], score: NDArray[np.float64]) -> None:
    found = events(time_s, score=score, label=guess)
    for delta in deltas(model.spec, LAYOUT, found):
        model.add(delta)


def label(
    model: ModelState, time_s: list[int], actual: list[str], guess: list[str],
    score: NDArray[np.float64], sign: int = 1,
) -> None:  # fmt: skip
    pairs = matched_labels(time_s, actual, guess, "1", LAYOUT.profile_id, sign)
    for delta in deltas(model.spec, LAYOUT, labels=replace(pairs, score=score)):
        model.add(delta)


def measured(outputs: list[Output], size: str = "1h") -> list[PerformanceResult]:
    return [o for o in outputs if isinstance(o, PerformanceResult) and o.size.name == size]


@given(st.integers(0, 2**32))
@settings(max_examples=8, deadline=None, phases=[Phase.generate])
def test_absence_is_the_absent_class_in_any_order_of_commits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    time_s = (T0 + rng.integers(0, HOUR_S, n)).tolist()
    guess = rng.choice(["late", "on_time"], n).tolist()
    score = rng.random(n)
    is_late = rng.random(n) < 0.3
    late = np.flatnonzero(is_late)
    model = state()
    work = [("event", np.sort(c)) for c in np.array_split(rng.permutation(n), 5)]
    work += [("label", np.sort(c)) for c in np.array_split(rng.permutation(late), 3)]
    for i in rng.permutation(len(work)).tolist():
        kind, rows = work[i]
        if not len(rows):
            continue
        picked = [time_s[r] for r in rows], [guess[r] for r in rows]
        if kind == "event":
            put(model, *picked, score[rows])
        else:
            label(model, picked[0], ["late"] * len(rows), picked[1], score[rows])
    (first,) = measured(model.advance(T0 + HOUR_S + 300, 0))
    assert (first.performance.labels, first.performance.absent) == (len(late), 0)
    (last,) = measured(model.advance(PASSED_S, PASSED_S))
    found = last.performance
    assert (found.predictions, found.labels, found.absent) == (n, len(late), n - len(late))
    assert (found.maturity, found.step) == (1.0, 5)
    actual = np.where(is_late, "late", "on_time")
    assert found.metrics["accuracy"] == metrics.accuracy_score(actual, guess)
    assert found.metrics["recall"] == metrics.recall_score(actual, guess, pos_label="late")
    binned = np.minimum((score * 1_000).astype(int), 999)
    if 0 < len(late) < n:
        assert found.metrics["auc"] == pytest.approx(metrics.roc_auc_score(is_late, binned))


def test_a_label_that_comes_after_its_horizon_has_passed_moves_the_figures() -> None:
    model = state()
    put(model, [T0] * 4, ["late"] * 4, np.full(4, 0.9))
    model.advance(T0 + HOUR_S + 300, 0)
    (passed,) = measured(model.advance(PASSED_S, PASSED_S))
    assert (passed.performance.absent, passed.performance.metrics["accuracy"]) == (4, 0.0)
    label(model, [T0], ["late"], ["late"], np.array([0.9]))
    (moved,) = measured(model.advance(PASSED_S, PASSED_S))
    assert moved.revision == passed.revision + 1
    assert (moved.performance.labels, moved.performance.absent) == (1, 3)
    assert moved.performance.metrics["accuracy"] == 0.25
    assert measured(model.advance(PASSED_S + 60, PASSED_S + 60)) == []


def test_absence_counts_by_the_hour_in_a_day_that_goes_on() -> None:
    model = state(windows=(WindowSize(HOUR_S), WindowSize(24 * HOUR_S)))
    for hour in range(24):
        put(model, [T0 + hour * HOUR_S] * 10, ["on_time"] * 10, np.full(10, 0.1))
    closed_s = T0 + 24 * HOUR_S + 300
    found = measured(model.advance(closed_s, T0 + 10 * HOUR_S), "1d")
    assert [(o.performance.absent, o.performance.maturity) for o in found] == [(80, 80 / 240)]
    found = measured(model.advance(closed_s, T0 + 14 * HOUR_S), "1d")
    assert [(o.performance.absent, o.performance.step) for o in found] == [(120, 1)]
    assert measured(model.advance(closed_s, T0 + 15 * HOUR_S - 1), "1d") == []


def test_an_event_too_late_for_its_window_still_counts_as_a_prediction() -> None:
    model = state()
    put(model, [T0] * 3, ["late"] * 3, np.full(3, 0.9))
    final_s = T0 + HOUR_S + model.spec.settling_s
    model.advance(final_s, 0)
    put(model, [T0], ["on_time"], np.array([0.2]))
    assert model.late_dropped == 1
    (last,) = measured(model.advance(PASSED_S, PASSED_S))
    assert (last.performance.predictions, last.performance.absent) == (4, 4)
    assert last.performance.metrics["accuracy"] == 0.25


def test_a_label_taken_back_is_absent_again() -> None:
    model = state()
    put(model, [T0] * 2, ["late"] * 2, np.full(2, 0.9))
    label(model, [T0] * 2, ["late"] * 2, ["late"] * 2, np.full(2, 0.9))
    label(model, [T0], ["late"], ["late"], np.array([0.9]), sign=-1)
    model.advance(T0 + HOUR_S + 300, 0)
    (last,) = measured(model.advance(PASSED_S, PASSED_S))
    assert (last.performance.labels, last.performance.absent) == (1, 1)


def test_segments_count_what_is_absent_too() -> None:
    model = state(segment_keys=("origin",))
    found = events([T0] * 3, label="late", segment=["JFK", "JFK", "LGA"])
    for delta in deltas(model.spec, LAYOUT, found):
        model.add(delta)
    model.advance(T0 + HOUR_S + 300, 0)
    last = measured(model.advance(PASSED_S, PASSED_S))
    assert {o.key.segment: o.performance.absent for o in last} == {
        "all": 3, "origin=JFK": 2, "origin=LGA": 1
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "absent"), [(OutcomeKind.CLASS, "no"), (OutcomeKind.NUMBER, "a")])
def test_the_absent_class_must_be_one_of_the_classes(kind: OutcomeKind, absent: str) -> None:
    classes = ("a", "b") if kind is OutcomeKind.CLASS else ()
    with pytest.raises(InvalidSpecification, match="absent class"):
        Outcome(kind=kind, classes=classes, absent_means=absent)
