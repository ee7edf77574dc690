"""Random interleavings of two profilers and two detectors with deaths, lost producers and rebalances."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.random import Generator

from tests.unit.services.fleet import Fleet, Process
from tests.unit.services.made_references import references
from tests.unit.services.published import assert_as_offline
from tests.unit.services.source_stream import Mixture, random_stream
from tests.unit.services.trouble import ABORTING, DYING, FENCING, abort, fence, kill
from tests.unit.services.watched import monitor, watched

NAMES = ("one", "two")
SMALL = Mixture(events=14, hours=1.9, late=0.25)


def plan_trouble(rng: Generator, fleet: Fleet, process: Process) -> None:
    """Something goes wrong in the process's next batch, or a later one."""
    what, places = [(kill, DYING), (fence, FENCING), (abort, ABORTING)][int(rng.integers(3))]
    place = str(rng.choice(places))
    if rng.random() < 0.2:  # expelled from the group while it works
        what, place = process.consumer.time_out, str(rng.choice(["begin", "produce"]))
    if process.is_profiler and rng.random() < 0.3:  # others work while its transaction is open
        what, place = partial(fleet.step, *fleet.living()), "produce"
    process.trouble.plan(place, what, int(rng.integers(9)) if place == "produce" else 0)


def move(rng: Generator, fleet: Fleet) -> None:
    """One change of the fleet: a process comes back, leaves, loses its disk, or is in for trouble."""
    make = fleet.profiler if rng.random() < 0.6 else fleet.detector
    name = str(rng.choice(NAMES))
    role = "profiler" if make == fleet.profiler else "detector"
    own = [p for p in fleet.living() if p.service.status.role == role]
    there = [p for p in own if p.service.status.instance == name]
    if not there:
        if rng.random() < 0.3:
            fleet.stores.pop(name, None)
        make(name)
    elif rng.random() < 0.25:
        fleet.leave(there[0])
    else:
        plan_trouble(rng, fleet, there[0])


@pytest.mark.parametrize("seed", range(30))
def test_any_schedule_ends_as_the_offline_pass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fleet = Fleet(monitor(deltas=int(rng.integers(4, 40))))
    fleet.publish(*references())
    stream = random_stream(rng, list(watched()), SMALL)
    for name in NAMES:
        fleet.profiler(name)
        fleet.detector(name)
    sent = 0
    while sent < len(stream):
        batch = int(rng.integers(1, 10))
        fleet.send(stream[sent : sent + batch])
        sent += batch
        if rng.random() < 0.8:
            move(rng, fleet)
        living = fleet.living()
        for at in rng.permutation(len(living))[: int(rng.integers(1, 5))].tolist():
            fleet.step(living[at])
    fleet.finish()
    assert_as_offline(fleet)
