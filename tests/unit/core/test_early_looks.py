"""Windows that are still open: what is said of them, when, and that it is said the same way always."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from stream_monitor.core.calendar import Calendar, CalendarEntry, EntryKind
from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import FeaturePolicy, ReferenceKind
from stream_monitor.core.published import event_headers, to_json
from stream_monitor.core.results import DriftEvent, Output
from stream_monitor.core.state_records import StateRecord, StateRecords
from stream_monitor.core.windows import WindowSize
from tests.unit.core.builders import HOUR_S, MICRO
from tests.unit.core.early_model import LONG, go, held, long_events, model, put, rows, told
from tests.unit.core.streams import T0
from tests.unit.core.test_bounded_state import partition_of

WHOLE = range(1, 7)
MUTED = CalendarEntry("works", EntryKind.EVENT, T0, T0 + 6 * HOUR_S, mute=True)


def ran(state: ModelState, found: InferenceColumns, hours: Any = WHOLE) -> list[Output]:
    """Events that are all there, and time that passes."""
    put(state, found)
    return [output for hour in hours for output in go(state, hour)]


def test_drift_is_said_while_the_window_is_open_and_again_with_the_figures_of_the_whole() -> None:
    state = model()
    outputs = ran(state, rows(np.random.default_rng(5), T0, 6, shift=1.0))
    first, second = found = long_events(outputs)
    assert [(e.status.value, e.revision) for e in found] == [("opened", 0), ("opened", 1)]
    assert first.until_s == T0 + HOUR_S
    assert second.until_s == second.window.end_s == T0 + 6 * HOUR_S
    assert first.event_id == second.event_id
    assert first.incident_id == second.incident_id
    early, final = (to_json(event, "flights") for event in found)
    assert early["judged_until"] == "2013-02-08T01:00:00Z" < early["window"]["end"]
    assert final["judged_until"] == final["window"]["end"]
    assert early["n_window"] < final["n_window"]
    assert early["deciding"] == "distribution"
    assert early["aspects"][0]["test"] == "e_process_ordered"
    assert dict(event_headers(early, "app"))["ce_time"] == b"2013-02-08T01:00:00Z"


def test_a_small_shift_is_said_once_a_part_of_the_window_holds_evidence_enough() -> None:
    outputs = ran(model(), rows(np.random.default_rng(6), T0, 6, shift=0.45))
    (hour, status, revision), *rest = told(outputs)
    assert 2 <= hour <= 4
    assert (status, revision) == ("opened", 0)
    assert rest == [(6, "opened", 1)]


def test_what_the_rest_of_the_window_does_not_bear_out_is_taken_back() -> None:
    shift = np.array([1.0, 0, 0, 0, 0, 0])
    policies = {"amount": FeaturePolicy(floor=0.03)}
    outputs = ran(model(policies=policies), rows(np.random.default_rng(7), T0, 6, shift=shift))
    assert told(outputs)[0][1] == "opened"
    back = np.array([1.0, -1.0, 0, 0, 0, 0])
    outputs = ran(model(policies=policies), rows(np.random.default_rng(7), T0, 6, shift=back))
    assert told(outputs) == [(1, "opened", 0), (6, "retracted", 1)]


def test_a_burst_that_cannot_reach_the_floor_of_the_whole_window_is_left_alone() -> None:
    shift = np.array([1.0, 0, 0, 0, 0, 0])
    policies = {"amount": FeaturePolicy(floor=0.2)}
    found = rows(np.random.default_rng(7), T0, 6, shift=shift)
    assert told(ran(model(policies=policies), found)) == []


@pytest.mark.parametrize(
    ("feature", "aspect", "changed"),
    [
        ("amount", "missing", {"missing": 0.3}),
        ("carrier", "new_category", {"carriers": {"UA": 0.4, "AA": 0.4, "new": 0.2}}),
    ],
)
def test_rates_and_new_categories_are_looked_at_too(
    feature: str, aspect: str, changed: dict[str, Any]
) -> None:
    found = rows(np.random.default_rng(8), T0, 6, **changed)
    early, _ = long_events(ran(model(), found), feature)
    assert early.until_s == T0 + HOUR_S
    assert early.result is not None
    drifting = {v.measurement.aspect.value for v in early.result.verdicts if v.ratio >= 1}
    assert aspect in drifting


@pytest.mark.parametrize("seed", range(3))
def test_how_time_passes_and_restarts_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shift = np.array([0, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4])
    found = rows(rng, T0, 18, shift=shift)
    slowly = ran(model(), found, np.arange(0.25, 18.25, 0.25))
    assert [e.until_s - e.window.start_s < LONG.size_s for e in long_events(slowly)].count(
        True
    ) >= 2
    at_once = ran(model(), found, [18])
    assert said(at_once) == said(slowly)
    assert said(in_pieces(rng, found)) == said(slowly)


def in_pieces(rng: np.random.Generator, found: InferenceColumns) -> list[Output]:
    """In commits of some hours, in two halves each that come in any order, with restarts between."""
    state, records = model(), StateRecords()
    topic, outputs = list[StateRecord](), list[Output]()
    stops = sorted({0, 18, *rng.integers(1, 18, 5).tolist()})
    hour = (found.timestamp_us // MICRO - T0) // HOUR_S
    for start, stop in pairwise(stops):
        at = np.flatnonzero((hour >= start) & (hour < stop))
        is_first = rng.random(len(at)) < 0.5
        halves = [at[is_first], at[~is_first]]
        for half in (halves, halves[::-1])[int(rng.integers(2))]:
            put(state, found.take(half))
        outputs += go(state, stop)
        topic += records.changes(partition_of(state))
        state, records = model(), StateRecords()
        assert records.restore(partition_of(state), topic) == 0
    return outputs


@pytest.mark.parametrize("seed", range(3))
def test_late_events_end_where_they_would_have_in_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shift = np.array([0, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4])
    found = rows(rng, T0, 18, shift=shift)
    state, late_ones = model(), list[Output]()
    hour, is_late = (found.timestamp_us // MICRO - T0) // HOUR_S, rng.random(found.n) < 0.3
    for at in range(18):
        put(state, found.take(np.flatnonzero((hour == at) & ~is_late)))
        late_ones += go(state, at + 1)
        put(state, found.take(np.flatnonzero((hour == at) & is_late)))
    late_ones += go(state, 18.5)
    assert standing(late_ones) == standing(ran(model(), found, range(1, 19)))


def standing(outputs: list[Output]) -> dict[str, Any]:
    """What a reader holds who keeps the highest revision of each event."""
    held = {event["id"]: event for event in said(outputs)}
    return {
        name: (event["status"], event["incident"], event.get("n_window"), event.get("ratio"))
        for name, event in held.items()
        if event["status"] != "retracted"
    }


def said(outputs: list[Output]) -> list[dict[str, Any]]:
    """Every event but for those of the hours."""
    events = (o for o in outputs if isinstance(o, DriftEvent) and o.size.name == LONG.name)
    return [to_json(event, "flights") for event in events]


def test_an_open_incident_is_not_looked_at() -> None:
    state = model()
    put(state, rows(np.random.default_rng(9), T0, 12, shift=1.0))
    outputs = [output for hour in range(1, 13) for output in go(state, hour)]
    assert told(outputs) == [(1, "opened", 0), (6, "opened", 1), (12, "ongoing", 0)]


def test_with_k_of_n_a_part_counts_as_its_window_would() -> None:
    long = WindowSize(LONG.size_s, k=2, n=2, early=True)
    state = model(windows=(WindowSize(HOUR_S, k=3, n=3), long))
    put(state, rows(np.random.default_rng(9), T0, 12, shift=1.0))
    outputs = [output for hour in range(1, 13) for output in go(state, hour)]
    assert told(outputs) == [(7, "opened", 0), (12, "opened", 1)]


@pytest.mark.parametrize(
    "changed",
    [
        {"windows": (WindowSize(HOUR_S), WindowSize(LONG.size_s))},
        {"windows": (LONG,)},
        {"references": (ReferenceKind.SLIDING,)},
        {"policies": {"amount": FeaturePolicy(mute=True)}},
        {"calendar": Calendar((MUTED,))},
    ],
    ids=["not asked for", "no parts", "nothing frozen", "muted", "muted by the calendar"],
)
def test_otherwise_no_open_window_is_judged(changed: dict[str, Any]) -> None:
    outputs = ran(model(**changed), rows(np.random.default_rng(5), T0, 6, shift=1.0))
    assert {hour for hour, *_ in told(outputs)} <= {6}


def test_without_windows_enough_nothing_is_said_early() -> None:
    few = held(windows=19)
    outputs = ran(model(few), rows(np.random.default_rng(5), T0, 6, shift=1.0))
    assert [hour for hour, *_ in told(outputs)] == [6]


def test_hours_that_differ_are_compared_with_the_same_hours() -> None:
    state = model(held(season=2.0))
    outputs = ran(state, rows(np.random.default_rng(3), T0, 6, season=2.0))
    assert told(outputs) == []
