"""Schedules written by hand for rules that random ones rarely need: several things at the right moments."""

from __future__ import annotations

import numpy as np

from stream_monitor.config.monitor import MonitorConfig
from tests.simulation.processes import Timeouts
from tests.simulation.scenarios import Scenario, catalogue, models
from tests.simulation.switches import Switch
from tests.simulation.world import World
from tests.unit.services.source_stream import Mixture, SourceRecord, event
from tests.unit.services.trouble import abort, fence, kill
from tests.unit.services.watched import T0, monitor


def hung_state(switch: Switch) -> tuple[World, Scenario]:
    """Two detectors die one after the other; the first one's transaction still hides the second's state.

    The first dies amid its transaction, which stays open for a minute. Its successor commits behind it and
    leaves; the third restores while that is still below the last stable offset of the state topic.
    """
    world, scenario = _world(monitor(deltas=400), Timeouts(10, 60), switch)
    world.start_profiler("one")
    first = world.start_detector("one")
    _turns(world, 4)
    _send(world, range(8))
    first.points.plan("send_offsets", kill)
    _turns(world, 6)
    world.clock.now_s += 11
    second = world.start_detector("two")
    _turns(world, 5)
    world.leave(second)
    _send(world, range(8, 12))
    world.start_detector("three")
    _turns(world, 5)
    _send(world, range(12, 16))
    _turns(world, 5)
    world.finish()
    return world, scenario


def late_offsets(switch: Switch) -> tuple[World, Scenario]:
    """A profiler is stopped at its commit, longer than its session lasts: its partitions move on.

    Its transaction, which holds their offsets, stays open, and is committed when it continues.
    """
    return _stopped("commit", switch)


def late_generation(switch: Switch) -> tuple[World, Scenario]:
    """A profiler is stopped before it begins a transaction for what it has read: its partitions move on."""
    return _stopped("begin", switch)


def _stopped(place: str, switch: Switch) -> tuple[World, Scenario]:
    world, scenario = _world(monitor(), Timeouts(10, 60), switch)
    one = world.start_profiler("one")
    world.start_detector("one")
    _turns(world, 4)
    _send(world, range(8))
    world.start_profiler("two")
    one.points.plan(place, lambda: world.stop_for(one, 6, 15))
    _turns(world, 8)
    _send(world, range(8, 16))
    _turns(world, 6)
    world.finish()
    return world, scenario


def held_back(switch: Switch) -> tuple[World, Scenario]:
    """A source transaction holds one partition back for longer than a partition may be quiet."""
    world, scenario = _one_of_each(monitor("live"), switch)
    _send(world, range(8))
    _turns(world, 4)
    for record in _records(range(8, 12)):
        world.send(record, "shop")
    for _ in range(12):
        world.clock.now_s += 300
        _turns(world, 2)
    world.end_writer("shop", is_committed=True)
    _turns(world, 4)
    world.finish()
    return world, scenario


def aborted_source(switch: Switch) -> tuple[World, Scenario]:
    """A producer of the source topics aborts what it wrote."""
    world, scenario = _one_of_each(monitor(), switch)
    for record in _records(range(4)):
        world.send(record, "shop")
    _turns(world, 3)
    world.end_writer("shop", is_committed=False)
    _send(world, range(4, 8))
    _turns(world, 4)
    world.finish()
    return world, scenario


def aborted_batch(switch: Switch) -> tuple[World, Scenario]:
    """A profiler's transaction is aborted, and the batch read again."""
    world, scenario = _one_of_each(monitor(), switch)
    world.living()[0].points.plan("commit", abort)
    _send(world, range(8))
    _turns(world, 4)
    world.finish()
    return world, scenario


def lost_answer(switch: Switch) -> tuple[World, Scenario]:
    """A profiler's transaction is committed, but it is not told so."""
    world, scenario = _one_of_each(monitor(), switch)
    _send(world, range(8))
    world.living()[0].points.plan("committed.kafka", fence)
    _turns(world, 4)
    _send(world, range(8, 16))
    _turns(world, 4)
    world.finish()
    return world, scenario


def slow_partition(switch: Switch) -> tuple[World, Scenario]:
    """A profiler is stopped while the other one's partitions go on for hours."""
    world, scenario = _world(monitor(), Timeouts(40, 60), switch)
    one = world.start_profiler("one")
    world.start_profiler("two")
    world.start_detector("one")
    _turns(world, 5)
    world.clock.now_s += 18_000
    _send(world, range(8))
    one.points.plan("poll", lambda: world.stop_for(one, 8, 20))
    _send(world, range(240, 248))
    _turns(world, 6)
    world.finish()
    return world, scenario


def _one_of_each(config: MonitorConfig, switch: Switch) -> tuple[World, Scenario]:
    world, scenario = _world(config, Timeouts(10, 60), switch)
    world.start_profiler("one")
    world.start_detector("one")
    _turns(world, 4)
    return world, scenario


def _world(config: MonitorConfig, timeouts: Timeouts, switch: Switch) -> tuple[World, Scenario]:
    scenario = Scenario(
        config, models("5m"), timeouts, Mixture(), is_static=False, is_strict=True,
        has_writers=False,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    world = World(rng, config, scenario.models, catalogue(), timeouts, switch, is_static=False)
    world.clock.now_s = T0 + 1_000.0
    return world, scenario


def _records(minutes: range) -> list[SourceRecord]:
    return [event(f"{name}-{at}", name, T0 + 60.0 * at) for at in minutes for name in models("5m")]


def _send(world: World, minutes: range) -> None:
    for record in _records(minutes):
        world.send(record._replace(sent_s=world.clock.now_s))


def _turns(world: World, times: int) -> None:
    for _ in range(times):
        world.tick()
        for process in world.living():
            world.step(process)
