"""References promoted from what a detector remembers, and compared, on a broker in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stream_monitor.config.loading import Installation
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.references import Reference
from stream_monitor.services.history import ReferencePeriod
from stream_monitor.services.reference_building import read_file, write_file
from stream_monitor.services.reference_changes import diff, promote
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import reference_of, references
from tests.unit.services.memory_connections import MemoryConnections
from tests.unit.services.source_stream import event
from tests.unit.services.test_operator_commands import config
from tests.unit.services.watched import CARRIERS, DAY_S, ORIGINS, T0, monitor, watched

FLIGHTS = watched()["flights"]
DAYS = 9


def installation() -> Installation:
    return Installation(monitor(), (config("flights", "distance"), config("fares", "price")))


def ran(days: int = DAYS) -> Fleet:
    """A fleet whose flights were longer than those of the reference, for some days."""
    rng = np.random.default_rng(2)
    fleet = Fleet(config=monitor(deltas=4_000))
    fleet.publish(*references())
    times = np.sort(rng.uniform(T0, T0 + days * DAY_S, 1_500)) if days else np.empty(0)
    fleet.send(
        event(
            f"p{i}", "flights", float(t), amount=round(float(rng.normal(140, 10)), 1),
            carrier=str(rng.choice(CARRIERS)), origin=str(rng.choice(ORIGINS)),
        )
        for i, t in enumerate(times)
    )  # fmt: skip
    fleet.profiler()
    fleet.detector()
    fleet.step(times=60)
    return fleet


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return ran()


def promoted(fleet: Fleet, since: str | None = None, until: str | None = None) -> Reference:
    period = ReferencePeriod(None, since, until)
    return promote(installation(), "flights", period, None, MemoryConnections(fleet.broker))


def test_what_the_detector_remembers_becomes_the_validation_reference(fleet: Fleet) -> None:
    [present] = [r for r in references() if r.model == "flights"]
    found = promoted(fleet)
    assert (found.version, found.kind) == ("1", ReferenceKind.VALIDATION)
    assert found.layout.profile_id == present.layout.profile_id
    assert found.end_s > found.start_s >= T0
    assert set(found.segments) == set(present.segments)
    for held in found.segments.values():
        assert sum(w.events for w in held.windows["1h"]) == held.total.events
    mean = found.segments["all"].total.numeric[0].mean
    assert mean == pytest.approx(140, abs=2)


def test_a_period_chooses_the_windows(fleet: Fleet) -> None:
    whole = promoted(fleet)
    day = promoted(fleet, "2013-02-09T00:00:00Z", "2013-02-10T00:00:00Z")
    assert 0 < day.events < whole.events
    assert day.end_s - day.start_s <= DAY_S


def test_after_promotion_the_same_values_are_quiet(fleet: Fleet) -> None:
    found = promoted(fleet)
    fleet.publish(found)
    assert fleet.catalogue.view(FLIGHTS, found.layout.profile_id, "all", "1h") is not None
    rows = diff(installation(), "flights", "1", "1", MemoryConnections(fleet.broker))
    assert {row["effect"] for row in rows} == {0.0}


def test_without_windows_it_says_what_to_do_instead() -> None:
    with pytest.raises(StreamMonitorError, match="remembers no final windows"):
        promoted(ran(days=0))
    with pytest.raises(InvalidSpecification, match="nobody is not configured"):
        promote(installation(), "nobody", ReferencePeriod(), None, MemoryConnections(ran(0).broker))


def test_two_references_are_compared_feature_by_feature(fleet: Fleet, tmp_path: Path) -> None:
    [present] = [r for r in references() if r.model == "flights"]
    files = [tmp_path / "before", tmp_path / "after"]
    for path, reference in zip(files, (present, promoted(fleet)), strict=True):
        write_file(reference, path)
        assert read_file(path)[0].layout == reference.layout
    rows = diff(installation(), "flights", *map(str, files), MemoryConnections(fleet.broker))
    assert rows[0]["feature"] == "distance"
    assert rows[0]["effect"] > 0.8
    assert {row["feature"]: row["effect"] for row in rows}["carrier"] < 0.15


def test_references_of_other_bins_are_not_compared(fleet: Fleet, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_file(reference_of(FLIGHTS, seed=9), other)
    with pytest.raises(InvalidSpecification, match="--same-bins"):
        diff(installation(), "flights", "1", str(other), MemoryConnections(fleet.broker))
