"""Source topics that are deleted and made anew, at a random moment at which all is worked off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stream_monitor.connectors.memory import MemoryPendingStore
from stream_monitor.connectors.memory.log import Entry, PartitionLog
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import TopicSpec
from tests.simulation.oracle import assert_nothing_left, assert_source_counted_once, unread
from tests.simulation.scenarios import NAMES, catalogue, drawn_scenario, live, start_all
from tests.simulation.world import World
from tests.unit.services.source_stream import SourceRecord, random_stream
from tests.unit.services.watched import SOURCE_PARTITIONS

_MOST_STEPS = 400
Kept = dict[TopicPartition, list[Entry]]


def run_with_recreation(seed: int) -> World:
    """A run with faults before and after one or both source topics are made anew.

    Afterwards the logs begin with the records of the topics that are gone, so that one pass can be made
    of all that was ever sent. A prediction and its labels are on one side of the break: what waits in a
    join does not outlive a topic.
    """
    rng = np.random.default_rng([seed, 2])
    scenario = replace(drawn_scenario(rng), has_writers=False)
    mixture = replace(scenario.mixture, poison=0.0)
    world = World(
        rng, scenario.config, scenario.models, catalogue(), scenario.timeouts,
        is_static=scenario.is_static,
    )  # fmt: skip
    before, behind = _split(random_stream(rng, list(scenario.models), mixture))
    start_all(world)
    live(world, scenario, before)
    _work_off(world)
    kept = _make_anew(world)
    sent = _go_on(world, behind)
    start_all(world)
    live(world, scenario, behind[sent:])
    world.finish()
    assert_nothing_left(world)
    assert_source_counted_once(world)
    for at, entries in kept.items():
        _put_before(world.broker.log(at), entries)
    return world


def _split(stream: list[SourceRecord]) -> tuple[list[SourceRecord], list[SourceRecord]]:
    """The first half, and of the second what is not about a prediction of the first."""
    before, rest = stream[: len(stream) // 2], stream[len(stream) // 2 :]
    known = {record.key for record in before}
    return before, [record for record in rest if record.key not in known]


def _work_off(world: World) -> None:
    """Everyone leaves; one profiler, on its disk or an empty one, and one detector read all that is there.

    These may leave too, or go on.
    """
    for process in world.living():
        process.points.planned.clear()
        world.leave(process)
    for _ in range(3):
        world.clock.now_s += 101
        world.tick()
    if world.rng.random() < 0.5:
        world.disks.replace(NAMES[0], MemoryPendingStore())
    workers = [world.start_profiler(NAMES[0]), world.start_detector(NAMES[0])]
    for _ in range(_MOST_STEPS):
        for process in workers:
            world.step(process)
        if not any(unread(world)):
            break
    if world.rng.random() < 0.5:
        for process in workers:
            world.leave(process)


def _make_anew(world: World) -> Kept:
    """One of the source topics or both, with what was in them."""
    names = world.config.topics
    choices = [(names.inference,), (names.labels,), (names.inference, names.labels)]
    kept = {}
    for topic in choices[int(world.rng.integers(3))]:
        for log in world.broker.topic(topic).logs:
            kept[TopicPartition(topic, log.partition)] = log._entries
        world.broker.delete(topic)
        world.topics.create([TopicSpec(topic, SOURCE_PARTITIONS)])
    return kept


def _go_on(world: World, records: list[SourceRecord]) -> int:
    """Those who stayed read a random part of the records, with nobody joining them; returns how many."""
    if not world.living():
        return 0
    sent = int(world.rng.integers(len(records)))
    for record in records[:sent]:
        world.send(record)
    for _ in range(int(world.rng.integers(10))):
        for process in world.shuffled(world.living()):
            world.step(process)
    return sent


def _put_before(log: PartitionLog, entries: list[Entry]) -> None:
    """Gives a log older records, and its own the offsets behind them."""
    first = len(entries)
    moved = [replace(entry, offset=entry.offset + first) for entry in log._entries]
    log._entries[:] = [*entries, *moved]
