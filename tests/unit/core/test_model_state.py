from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stream_monitor.core.incidents import Status
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import FeaturePolicy
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.results import DriftEvent, Output, PerformanceResult, WindowResult
from stream_monitor.core.schema import Outcome
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events, matched_labels
from tests.unit.core.streams import SPEC, T0, catalogue

LAYOUT = catalogue().layout_for(SPEC, "1")
LATENESS_S, HORIZON_S = 300, HOUR_S
ONE_HOUR = replace(SPEC, windows=(WindowSize(HOUR_S, recover_after=1),), segment_keys=())
RNG = np.random.default_rng(8)


def state(**changed: Any) -> ModelState:
    return ModelState(replace(ONE_HOUR, **changed), "app", catalogue())


def put(
    model: ModelState, at_s: int, n: int = 200, shift: float = 0.0, version: str = "1",
    labels: int = 0, segment: list[str] | None = None,
) -> None:  # fmt: skip
    """One commit: `n` events from `at_s` on, and as many labels of events there."""
    carriers = RNG.choice(["UA", "AA", "B6"], n).tolist()
    found = events(
        [at_s] * n, RNG.normal(shift, 1, n), carriers, version, segment, label="late"
    )  # fmt: skip
    pairs = matched_labels([at_s] * labels, "late", "late", version, LAYOUT.profile_id)
    pairs = replace(pairs, segments=(pairs.label,) * len(model.spec.segment_keys))
    for delta in deltas(model.spec, LAYOUT, found if n else None, pairs if labels else None):
        model.add(delta)


def windows(outputs: list[Output]) -> list[WindowResult]:
    return [output for output in outputs if isinstance(output, WindowResult)]


def said(outputs: list[Output], feature: str = "amount") -> list[tuple[int, str, int, str]]:
    """(hour, status, revision, reference) of one feature's drift events."""
    return [
        ((e.window.start_s - T0) // HOUR_S, e.status.value, e.revision, e.reference.value)
        for e in outputs
        if isinstance(e, DriftEvent) and e.feature == feature
    ]


def close(model: ModelState, hour: int, labels_s: int = 0) -> list[Output]:
    """Time goes to where the window of an hour closes."""
    return model.advance(T0 + (hour + 1) * HOUR_S + LATENESS_S, labels_s)


def test_a_window_closes_at_its_end_plus_the_allowed_lateness() -> None:
    model = state()
    put(model, T0)
    assert model.advance(T0 + HOUR_S + LATENESS_S - 1, 0) == []
    (result,) = windows(model.advance(T0 + HOUR_S + LATENESS_S, 0))
    assert (result.window.start_s, result.window.end_s) == (T0, T0 + HOUR_S)
    assert (result.revision, result.traffic.events) == (0, 200)
    assert windows(close(model, 0)) == []


def test_a_late_event_revises_its_window() -> None:
    model = state()
    put(model, T0)
    first = windows(close(model, 0))[0]
    put(model, T0 + 60, n=5)
    (second,) = windows(close(model, 0))
    assert (second.key, second.revision, second.traffic.events) == (first.key, 1, 205)
    assert second.digest != first.digest


def test_an_event_beyond_the_correction_horizon_is_dropped_and_counted_once() -> None:
    model = state(segment_keys=("origin",))
    put(model, T0, segment=["JFK"] * 200)
    final_s = T0 + HOUR_S + LATENESS_S + HORIZON_S
    model.advance(final_s, 0)
    put(model, T0, n=7, segment=["JFK"] * 7)
    assert windows(model.advance(final_s, 0)) == []
    assert model.late_dropped == 7
    just_before = state()
    put(just_before, T0)
    just_before.advance(final_s - 1, 0)
    put(just_before, T0, n=7)
    assert len(windows(just_before.advance(final_s - 1, 0))) == 1
    assert just_before.late_dropped == 0


def test_labels_beside_a_dropped_event_are_kept() -> None:
    model = state()
    put(model, T0)
    final_s = T0 + HOUR_S + LATENESS_S + HORIZON_S
    model.advance(final_s, 0)
    put(model, T0, n=1, labels=100)
    (found,) = [o for o in model.advance(final_s, 0) if isinstance(o, PerformanceResult)]
    assert (found.performance.labels, found.performance.predictions) == (100, 200)


def test_an_event_final_for_the_hour_still_counts_in_the_day() -> None:
    day = WindowSize(24 * HOUR_S)
    model = state(windows=(WindowSize(HOUR_S), day))
    put(model, T0)
    assert [r.size.name for r in windows(model.advance(T0 + 6 * HOUR_S, 0))] == ["1h"]
    put(model, T0, n=5)
    assert windows(model.advance(T0 + 6 * HOUR_S, 0)) == []
    put(model, T0 + 23 * HOUR_S)
    found = windows(model.advance(T0 + 24 * HOUR_S + LATENESS_S, 0))
    assert [(r.size.name, r.traffic.events) for r in found] == [("1h", 200), ("1d", 405)]
    assert model.late_dropped == 0


@pytest.mark.parametrize("steps", [1, 3])
def test_performance_is_published_when_maturity_passes_a_step(steps: int) -> None:
    model = state()
    put(model, T0)
    first = [o for o in close(model, 0) if isinstance(o, PerformanceResult)]
    assert [(o.revision, o.performance.labels) for o in first] == [(0, 0)]
    found: list[Output] = []
    for labels in (90, 8, 1, 1, 98) if steps == 3 else (100, 98):
        put(model, T0, n=0, labels=labels)
        found += close(model, 0)
    shown = [o for o in found if isinstance(o, PerformanceResult)]
    assert [(o.revision, o.performance.labels) for o in shown] == [(1, 100), (2, 198)]
    found = model.advance(T0 + 9 * HOUR_S, T0 + 9 * HOUR_S)
    shown = [o for o in found if isinstance(o, PerformanceResult)]
    assert [(o.revision, o.performance.maturity) for o in shown] == [(3, 1.0)]


def test_a_late_event_and_labels_in_one_commit_are_measured_too() -> None:
    model = state()
    put(model, T0)
    close(model, 0)
    put(model, T0, n=1, labels=201)
    found = [o for o in close(model, 0) if isinstance(o, PerformanceResult)]
    assert [(o.performance.labels, o.performance.predictions) for o in found] == [(201, 201)]


def test_what_is_final_is_forgotten() -> None:
    model = state()
    for hour in range(40):
        put(model, T0 + hour * HOUR_S, n=20)
        close(model, hour, labels_s=T0 + hour * HOUR_S)
    assert len(model.panes) <= 4
    assert len(model.closed) <= 4
    assert len(model.tracks) == 4
    assert all(len(track.verdicts) <= 3 for track in model.tracks.values())
    assert max(len(kept) for kept in model.history.values()) <= 11
    final = [p for p in model.panes.values() if "numeric" not in p.parts]
    assert all(set(p.parts) <= {"traffic", "outcome:label"} for p in final)


def test_panes_wait_for_labels_as_long_as_the_horizon() -> None:
    model = state(outcomes=(Outcome(classes=("late", "on_time"), horizon_s=99 * HOUR_S),))
    put(model, T0)
    model.advance(T0 + 50 * HOUR_S, T0 + 50 * HOUR_S)
    assert [set(p.parts) for p in model.panes.values()] == [{"traffic"}]
    model.advance(T0 + 100 * HOUR_S, T0 + 100 * HOUR_S)
    assert (model.panes, model.closed) == ({}, {})


def test_a_model_without_outcomes_forgets_without_labels() -> None:
    model = state(outcomes=())
    put(model, T0)
    model.advance(T0 + 50 * HOUR_S, 0)
    assert (model.panes, model.closed) == ({}, {})


def test_drift_opens_goes_on_and_recovers_and_a_late_correction_retracts() -> None:
    model = state()
    found: list[Output] = []
    for hour, shift in enumerate((0, 4, 4, 0)):
        put(model, T0 + hour * HOUR_S, shift=shift)
        found += close(model, hour)
    validation = [event for event in said(found) if event[3] == "validation"]
    assert [event[:3] for event in validation] == [
        (1, "opened", 0), (2, "ongoing", 0), (3, "recovered", 0)
    ]  # fmt: skip
    put(model, T0 + 3 * HOUR_S, n=400, shift=8)
    revised = close(model, 3)
    assert (3, "ongoing", 1, "validation") in said(revised)
    events = [e for e in [*found, *revised] if isinstance(e, DriftEvent)]
    same = [e for e in events if e.window.start_s == T0 + 3 * HOUR_S and e.feature == "amount"]
    assert len({(e.event_id, e.reference) for e in same}) == len({e.reference for e in same})
    assert {e.status for e in same} >= {Status.RECOVERED, Status.ONGOING}


def test_muted_features_are_judged_and_open_nothing() -> None:
    model = state(policies={"amount": FeaturePolicy(mute=True)})
    put(model, T0, shift=9)
    outputs = close(model, 0)
    assert said(outputs) == []
    (result,) = windows(outputs)
    assert result.features[0].state is VerdictState.DRIFT


@pytest.mark.parametrize("step_s", [900, 4 * HOUR_S])
def test_a_new_version_goes_on_with_the_incident_of_the_last_one(step_s: int) -> None:
    model = state()
    put(model, T0, shift=9)
    outputs: list[Output] = close(model, 0)
    put(model, T0 + 3 * HOUR_S, shift=9, version="2")
    for time_s in range(T0 + HOUR_S, T0 + 9 * HOUR_S, step_s):
        outputs += model.advance(time_s, 0)
    shown = [e for e in said(outputs) if e[3] == "validation"]
    assert [event[:2] for event in shown] == [(0, "opened"), (3, "ongoing")]
    assert len({e.incident_id for e in outputs if isinstance(e, DriftEvent)
                and (e.feature, e.reference) == ("amount", "validation")}) == 1  # fmt: skip


@pytest.mark.parametrize("order", [("1", "2"), ("2", "1")])
def test_of_two_versions_that_end_together_the_later_named_one_is_gone_on_from(
    order: tuple[str, str],
) -> None:
    model = state()
    for version in order:
        put(model, T0, shift=9 if version == "2" else 0, version=version)
    outputs: list[Output] = close(model, 0)
    model.tracks = dict(sorted(model.tracks.items(), reverse=order == ("2", "1")))
    put(model, T0 + HOUR_S, shift=9, version="3")
    outputs += close(model, 1)
    third = [e for e in outputs if isinstance(e, DriftEvent) and e.key.version == "3"]
    shown = {e.status for e in third if (e.feature, e.reference) == ("amount", "validation")}
    assert shown == {Status.ONGOING}


def test_windows_without_a_reference_say_so() -> None:
    model = ModelState(ONE_HOUR, "app", type(catalogue())())
    layout = model.catalogue.layout_for(ONE_HOUR, "1")
    for delta in deltas(ONE_HOUR, layout, events([T0] * 3)):
        model.add(delta)
    (result,) = windows(close(model, 0))
    assert {f.state for f in result.features} == {VerdictState.NO_REFERENCE}
    assert (result.traffic.events, result.key.segment) == (3, ALL)
