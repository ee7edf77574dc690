"""Labels in every order, poison, and events that come after their window has closed."""

from __future__ import annotations

import pytest

from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.offline_pass import Published
from tests.unit.services.published import assert_as_offline, assert_sound, results
from tests.unit.services.source_stream import POISON, SourceRecord, event, label
from tests.unit.services.watched import CLASSES, DAY_S, HOUR_S, T0, model


def started(**changed: object) -> Fleet:
    fleet = Fleet(models={"flights": model("flights", "distance", "carrier", **changed)})
    fleet.publish(references()[0])
    fleet.profiler()
    fleet.detector()
    return fleet


def hour(found: Published, start_s: int = T0) -> Published:
    """Records of the hour that begins at `start_s`, over all segments."""
    name = "2013-02-07T21" if start_s == T0 else ""
    return [
        r for r in found
        if r["segment"] == "all" and r["window"]["size"] == "1h"
        and r["window"]["start"].startswith(name)
    ]  # fmt: skip


def move_time(fleet: Fleet, to_s: float) -> None:
    """An event at `to_s` in each partition, and labels of something unknown: both watermarks move."""
    names = [f"t{to_s}-{i}" for i in range(40)]
    fleet.send(event(name, "flights", to_s) for name in names)
    fleet.send(label(f"nobody-{name}", to_s) for name in names)
    fleet.step(times=3)


def test_each_label_changes_its_own_window_as_often_as_it_is_said() -> None:
    fleet = started()
    fleet.send([event(f"e{i}", "flights", T0 + i, label=CLASSES[i % 2]) for i in range(8)])
    fleet.send([label("e0", T0 + 5), label("e1", T0 + 5), label("first", T0 + 9)])
    fleet.step(times=3)
    fleet.send([label("e0", T0 + 50, "on_time"), label("e1", T0 + 60, None)])
    fleet.send([label("e2", T0 + 70), label("e2", T0 + 80), event("first", "flights", T0 + 3)])
    fleet.step(times=3)
    fleet.send([label("e7", T0 + 4 * DAY_S)])
    fleet.finish()
    assert_as_offline(fleet)
    [last] = [r for r in hour(results(fleet, "performance")) if r["maturity"] == 1.0][-1:]
    assert (last["labels"], last["predictions"]) == (3, 9)
    counts = fleet.counts()
    assert counts["labels", "corrected"] == counts["labels", "retracted"] == 1
    assert counts["labels", "duplicate"] == counts["labels", "expired"] == 1


def test_a_correction_after_every_label_was_known_is_published_at_the_horizon() -> None:
    fleet = started()
    fleet.send([event("a", "flights", T0), label("a", T0 + 60, "late")])
    move_time(fleet, T0 + 2 * HOUR_S)
    fleet.send([label("a", T0 + 120, "on_time")])
    fleet.step(times=2)
    assert [r["metrics"]["accuracy"] for r in hour(results(fleet, "performance"))] == [1.0]
    move_time(fleet, T0 + 4 * DAY_S)
    assert [r["metrics"]["accuracy"] for r in hour(results(fleet, "performance"))] == [1.0, 0.0]
    fleet.finish()
    assert_as_offline(fleet)


@pytest.mark.parametrize("topic", ["inference", "labels"])
def test_poison_is_buried_beside_unharmed_neighbours(topic: str) -> None:
    fleet = started()
    good = [event(f"e{i}", "flights", T0 + i) for i in range(20)]
    bad = [SourceRecord(topic, b"k%d" % i, value, T0) for i, value in enumerate(POISON)]
    gone = [SourceRecord(topic, b"k", None, T0)]
    fleet.send([*good[:10], *bad, *gone, *good[10:]])
    fleet.step(times=3)
    fleet.finish()
    assert_as_offline(fleet)
    counts = fleet.counts()
    assert counts["records", topic, "dead"] == len(POISON)
    assert counts["records", topic, "tombstone"] == 1
    letters = fleet.broker.topic(fleet.config.topics.dead_letters).logs
    found = [entry for log in letters for entry in log.read(0, log.end, 100)[0]]
    assert len(found) == len(POISON)
    assert {dict(entry.headers)["topic"] for entry in found} == {topic.encode()}


def test_a_late_event_revises_its_window_within_the_horizon_and_is_dropped_beyond() -> None:
    fleet = started(windows=[{"size": "1h"}], correction_horizon="2h")
    fleet.send(event(f"e{i}", "flights", T0 + 60 * i) for i in range(50))
    move_time(fleet, T0 + 2 * HOUR_S)
    assert [(r["revision"], r["n"]) for r in hour(results(fleet, "window"))] == [(0, 50)]
    fleet.send([event("late", "flights", T0 + 30), label("late", T0 + 90)])
    fleet.step(times=2)
    assert [(r["revision"], r["n"]) for r in hour(results(fleet, "window"))] == [(0, 50), (1, 51)]
    move_time(fleet, T0 + 5 * HOUR_S)
    fleet.send([event("too-late", "flights", T0 + 31)])
    fleet.step(times=2)
    assert len(hour(results(fleet, "window"))) == 2
    detector = fleet.processes[1]
    [dropped] = [
        state.models["flights"].late_dropped
        for state in detector.held.values()
        if "flights" in state.models
    ]
    assert dropped == 1
    fleet.finish()
    assert_sound(fleet)


def test_a_clock_that_runs_ahead_closes_nothing() -> None:
    fleet = started()
    fleet.send([event(f"e{i}", "flights", T0 + i) for i in range(10)])
    ahead = [event(f"f{i}", "flights", T0 + 10 * 365 * DAY_S, T0 + 11) for i in range(40)]
    fleet.send(ahead)
    fleet.step(times=3)
    assert fleet.counts()["dead_letters", "future_timestamp"] == 40
    assert not results(fleet, "window")
    fleet.finish()
    assert_as_offline(fleet)
