import pytest

from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import VOLUME, ReferenceKind
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.results import Output, PerformanceResult
from stream_monitor.core.schema import Outcome
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events
from tests.unit.core.one_model import HORIZON_S, LATENESS_S, ONE_HOUR, close, put, state, windows
from tests.unit.core.streams import T0, catalogue


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
    assert len(model.panes) <= 5
    assert len(model.closed) <= 5
    assert len(model.tracks) == 3
    assert all(len(track.windows) <= 3 for track in model.tracks.values())
    assert max(len(kept) for kept in model.history.values()) <= 17
    final = [p for p in model.panes.values() if "numeric" not in p.parts]
    assert all(set(p.parts) <= {"traffic", "outcome:label"} for p in final)


def test_panes_wait_for_labels_as_long_as_the_horizon() -> None:
    model = state(outcomes=(Outcome(classes=("late", "on_time"), horizon_s=99 * HOUR_S),))
    put(model, T0)
    model.advance(T0 + 50 * HOUR_S, T0 + 50 * HOUR_S)
    assert [set(p.parts) for p in model.panes.values()] == [{"traffic"}]
    forgotten_s = T0 + 100 * HOUR_S + LATENESS_S + HORIZON_S
    model.advance(forgotten_s - 1, forgotten_s - 1)
    assert len(model.panes) == len(model.closed) == 1
    model.advance(forgotten_s, forgotten_s)
    assert (model.panes, model.closed) == ({}, {})


def test_a_model_without_outcomes_forgets_without_labels() -> None:
    model = state(outcomes=())
    put(model, T0)
    model.advance(T0 + 50 * HOUR_S, 0)
    assert (model.panes, model.closed) == ({}, {})


@pytest.mark.parametrize("is_revised_first", [True, False])
def test_a_revision_comes_before_the_later_windows_that_are_compared_with_it(
    is_revised_first: bool,
) -> None:
    model = state(references=(ReferenceKind.SLIDING,), sliding_s=3 * HOUR_S)
    put(model, T0)
    close(model, 0)
    put(model, T0, n=50)
    put(model, T0 + 3 * HOUR_S)
    if is_revised_first:
        close(model, 0)
    last = windows(close(model, 3))[-1]
    assert last.window.start_s == T0 + 3 * HOUR_S
    assert [f.comparison.n_reference for f in last.features[:2] if f.comparison] == [250, 250]


def test_windows_without_a_reference_say_so() -> None:
    model = ModelState(ONE_HOUR, "app", type(catalogue())())
    layout = model.catalogue.layout_for(ONE_HOUR, "1")
    for delta in deltas(ONE_HOUR, layout, events([T0] * 3)):
        model.add(delta)
    (result,) = windows(close(model, 0))
    *features, volume = result.features
    assert {f.state for f in features} == {VerdictState.NO_REFERENCE}
    assert (volume.feature, volume.state) == (VOLUME, VerdictState.INSUFFICIENT_DATA)
    assert (result.traffic.events, result.key.segment) == (3, ALL)
