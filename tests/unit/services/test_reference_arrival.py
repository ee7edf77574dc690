"""References that come, and versions that change, while the services run."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import reference_of, references
from tests.unit.services.offline_pass import Published
from tests.unit.services.published import assert_as_offline, assert_sound, results
from tests.unit.services.source_stream import Mixture, event, label, random_stream
from tests.unit.services.watched import HOUR_S, T0, watched


def hours(fleet: Fleet) -> Published:
    """The hours of everything, in order of time."""
    found = [r for r in results(fleet, "window") if r["window"]["size"] == "1h"]
    return sorted((r for r in found if r["segment"] == "all"), key=lambda r: r["window"]["start"])


def verdicts(record: dict[str, object]) -> set[str]:
    features = record["features"]
    assert isinstance(features, list)
    return {f["verdict"] for f in features if f["reference"] == "validation"}


def hour_of(i: int, n: int = 60, version: str = "1", offset_s: int = 0) -> list:  # type: ignore[type-arg]
    start_s = T0 + i * HOUR_S + offset_s
    return [
        event(f"{i}.{offset_s}-{j}", "flights", start_s + 20 * j, version=version, amount=100.0 + j)
        for j in range(n)
    ]


def test_windows_are_judged_from_the_publication_on_and_profiles_never_mix() -> None:
    fleet = Fleet()
    fleet.profiler()
    fleet.detector()
    fleet.send(hour_of(0) + hour_of(1, 40))
    fleet.step(times=3)
    reference, _ = references()
    fleet.publish(reference)
    fleet.clock.now_s += 5
    fleet.step(times=2)
    fleet.send(hour_of(1, 50, offset_s=1_800) + hour_of(2))
    fleet.step(times=3)
    fleet.finish()
    found = [(r["n"], r["profile_id"] == reference.layout.profile_id) for r in hours(fleet)]
    assert sorted(found) == [(40, False), (50, True), (60, False), (60, True)]
    assert all(
        verdicts(r) == {"no_reference"}
        for r in hours(fleet)
        if r["profile_id"] != reference.layout.profile_id
    )
    judged = [r for r in hours(fleet) if r["profile_id"] == reference.layout.profile_id]
    assert all(not verdicts(r) & {"no_reference"} for r in judged)
    assert_sound(fleet)


def test_a_detector_reads_a_reference_that_a_delta_counts_by_before_it_merges() -> None:
    fleet = Fleet()
    detector = fleet.detector()
    fleet.step(detector, times=2)
    fleet.publish(*references())
    fleet.profiler()
    fleet.send(random_stream(np.random.default_rng(1), list(watched()), Mixture(events=20)))
    fleet.clock.moment_s = 0.01
    fleet.step(times=4)
    assert all(state.unreadable == 0 for state in detector.held.values())
    fleet.finish()
    assert_as_offline(fleet)


def test_a_state_that_counts_by_an_unread_reference_is_restored_whole() -> None:
    fleet = Fleet()
    late = fleet.detector("late")
    fleet.step(late, times=2)
    fleet.publish(*references())
    fleet.profiler()
    early = fleet.detector("early")
    stream = random_stream(np.random.default_rng(2), ["flights"], Mixture(events=20))
    for part in fleet.feed(stream, 4):
        late.service._references._looked_s = fleet.clock.now_s + part  # it does not look yet
    assert early.held[0].models["flights"].panes
    assert not late.service._references.catalogue.all()
    fleet.leave(early)
    late.service._references._looked_s = fleet.clock.now_s + 10
    fleet.step(late, times=3)
    assert late.held[0].models["flights"].panes
    fleet.finish()
    assert_as_offline(fleet)


def test_a_new_version_is_judged_by_the_reference_of_the_last_one() -> None:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.profiler()
    fleet.detector()
    mixture = Mixture(versions=("1", "2"))
    stream = random_stream(np.random.default_rng(3), list(watched()), mixture)
    for _ in fleet.feed(stream, 6):
        pass
    fleet.finish()
    assert_as_offline(fleet, with_incidents=False)
    assert {(r["version"], r["inherited"]) for r in hours(fleet)} == {("1", False), ("2", True)}
    assert len({(r["model"], r["profile_id"]) for r in hours(fleet)}) == 2


@pytest.mark.parametrize("is_restarted", [False, True])
def test_windows_counted_by_a_replaced_reference_are_still_published(is_restarted: bool) -> None:
    fleet = Fleet()
    first, second = (reference_of(watched()["flights"], seed) for seed in (0, 9))
    assert first.layout.profile_id != second.layout.profile_id
    fleet.publish(first)
    members = [fleet.profiler(), fleet.detector()]
    fleet.send(hour_of(0, 40))
    fleet.step(times=3)
    fleet.publish(second)
    fleet.clock.now_s += 5
    fleet.step(times=2)
    if is_restarted:
        members = [fleet.restart(member) for member in members]
        fleet.step(times=2)
    fleet.send([label("0.0-1", T0 + 900, "late"), *hour_of(0, 30, offset_s=1_800)])
    fleet.step(times=3)
    fleet.finish()
    found = {r["profile_id"]: r["n"] for r in hours(fleet)}
    assert found == {first.layout.profile_id: 40, second.layout.profile_id: 30}
    labels = {
        r["profile_id"]: r["labels"]
        for r in results(fleet, "performance")
        if r["segment"] == "all" and r["window"]["size"] == "1h"
    }
    assert labels == {first.layout.profile_id: 1, second.layout.profile_id: 0}
    assert_sound(fleet)
