"""Records that retention deletes before they were read: named, skipped by an operator, and told of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import numpy as np
import orjson
from numpy.random import Generator

from stream_monitor.connectors.memory.log import Entry
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.offset_skipping import skip_lost
from stream_monitor.services.ports import OffsetsLost
from tests.simulation.scenarios import NAMES, catalogue, drawn_scenario, start_all
from tests.simulation.world import World
from tests.unit.services.offline_pass import offline_pass
from tests.unit.services.published import differences, newest, read, results
from tests.unit.services.source_stream import SourceRecord, random_stream, text_time
from tests.unit.services.watched import DELTAS_PARTITIONS


def run_with_loss(seed: int) -> tuple[World, list[Entry]]:
    """A run in which, while nobody works, a random source partition loses records that nobody has read.

    Returns these too. Afterwards the log has all that was ever counted, so that one pass can be made of it.
    """
    rng = np.random.default_rng([seed, 1])
    scenario = drawn_scenario(rng)
    profiler = scenario.config.profiler.model_copy(update={"pending_topic": "always"})
    config = scenario.config.model_copy(update={"profiler": profiler})
    world = World(rng, config, scenario.models, catalogue(), scenario.timeouts)
    mixture = replace(scenario.mixture, late=0.0, duplicates=0.0)
    stream = random_stream(rng, list(scenario.models), mixture)
    half = len(stream) // 2
    _work(world, half // 2, stream[:half])
    for process in world.living():
        world.leave(process)
    for record in stream[half:]:
        world.send(record)
    at, committed, low = _drawn_loss(world, rng)
    log = world.broker.log(at)
    deleted = log._entries[:low]
    log.delete_before(low)
    assert _is_named(world), "nobody noticed that records are gone"
    moved = skip_lost(world.topics, world.config)
    assert [(offset.at, offset.lost) for offset in moved] == [(at, low - committed)]
    world.finish()
    kept = [e if e.offset < committed else replace(e, is_control=True) for e in deleted]
    log._entries[:0], log.low = kept, 0
    return world, [entry for entry in deleted if entry.offset >= committed]


def assert_told(world: World, lost: Sequence[Entry]) -> None:
    """What is left is counted as one pass counts it, and what cannot be known is said.

    Each deltas partition tells of the loss, and no window that lost a prediction calls itself exact.
    """
    told = [e for e in read(world, world.config.topics.events) if e["type"] == "integrity"]
    assert {event["partition"] for event in told} == set(range(DELTAS_PARTITIONS))
    found = [*results(world, "window"), *results(world, "performance")]
    offline = newest(offline_pass(world.broker, world.models, world.catalogue))
    wanted = {key: r["digest"] for key, r in offline.items() if key[0] != "drift"}
    got = {key: r["digest"] for key, r in newest(found).items()}
    assert got == wanted, differences(got, wanted)
    for model, time_s in _predictions(lost):
        for record in newest(results(world, "window")).values():
            window = record["window"]
            is_in = window["start"] <= text_time(time_s).replace("+00:00", "Z") < window["end"]
            assert not (is_in and record["model"] == model and record["exact"]), record


def _predictions(lost: Sequence[Entry]) -> Iterator[tuple[str, float]]:
    """Model and time of the predictions among records."""
    for entry in lost:
        with suppress(orjson.JSONDecodeError):
            body = orjson.loads(entry.value or b"null")
            if isinstance(body, dict) and "features" in body:
                yield body["model"], datetime.fromisoformat(body["timestamp"]).timestamp()


def _work(world: World, steps: int, stream: Sequence[SourceRecord]) -> None:
    start_all(world)
    for at, record in enumerate(stream):
        world.send(record)
        if at % 3 == 0:
            for process in world.shuffled(world.living()):
                world.step(process)
    for _ in range(steps):
        world.clock.now_s += 1
        for process in world.shuffled(world.living()):
            world.step(process)


def _drawn_loss(world: World, rng: Generator) -> tuple[TopicPartition, int, int]:
    """A partition that has unread records, the group's offset of it, and what is left from."""
    committed = world.broker.groups["app-profiler"].committed
    names = world.config.topics
    choices = [
        (at, to.offset, world.broker.log(at).end)
        for at, to in sorted(committed.items())
        if at.topic in (names.inference, names.labels) and world.broker.log(at).end > to.offset
    ]
    at, offset, end = choices[int(rng.integers(len(choices)))]
    return at, offset, int(rng.integers(offset + 1, end + 1))


def _is_named(world: World) -> bool:
    """Whether a profiler ends with the error that says what is gone."""
    process = world.start_profiler(NAMES[0])
    try:
        for _ in range(20):
            world.step(process)
    except OffsetsLost:
        return True
    finally:
        world.leave(process)
    return False
