"""What a seed decides: the installation, its stream of records, and what goes wrong when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.random import Generator

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from tests.simulation.faults import (
    ABORTING,
    ANY,
    FENCING,
    PLACES,
)
from tests.simulation.processes import Process, Timeouts
from tests.simulation.switches import Switch, newest_partition
from tests.simulation.world import World
from tests.unit.services.made_references import references
from tests.unit.services.source_stream import Mixture, SourceRecord, random_stream
from tests.unit.services.trouble import abort, fence, kill
from tests.unit.services.watched import CLASSES, SOURCE_PARTITIONS, model, monitor

NAMES = ("one", "two")


@cache
def models(correction: str, absent: str | None = None) -> Mapping[str, ModelSpec]:
    """The watched models, one with two outcomes; windows are corrected for `correction` after their end.

    `absent` is the class that a missing label means in the outcome that both have.
    """
    outcome = {"kind": "class", "classes": list(CLASSES), "positive": "late"}
    one = {"label": {**outcome, "horizon": "3d", "absent_means": absent}}
    two = {**one, "refund": {**outcome, "horizon": "1d"}}
    return {
        name: model(name, numeric, "carrier", correction_horizon=correction, outcomes=outcomes)
        for name, numeric, outcomes in (("flights", "distance", two), ("fares", "price", one))
    }


@cache
def catalogue() -> ReferenceCatalogue:
    """The references of the watched models."""
    found = ReferenceCatalogue()
    for reference in references():
        found.add(reference)
    return found


@dataclass(frozen=True, slots=True)
class Scenario:
    """A seed's installation. Where it is `strict`, no event comes late and none may be found late."""

    config: MonitorConfig
    models: Mapping[str, ModelSpec]
    timeouts: Timeouts
    mixture: Mixture
    is_static: bool
    is_strict: bool
    has_writers: bool
    absent: str | None = None

    def __str__(self) -> str:
        time, pending = self.config.time, self.config.profiler.pending_topic
        return (
            f"time: {time}, pending topic: {pending}, static: {self.is_static}, strict: {self.is_strict}, "
            f"source transactions: {self.has_writers}, a missing label means: {self.absent}, "
            f"{self.timeouts}, {self.mixture}"
        )


def drawn_scenario(rng: Generator) -> Scenario:
    """A random one."""
    is_strict = bool(rng.random() < 0.5)
    config = monitor(
        str(rng.choice(["live", "history"])), deltas=int(rng.integers(4, 40)),
        max_records=int(rng.choice([6, 20, 60])),
        pending_topic="always" if rng.random() < 0.25 else "never",
    )  # fmt: skip
    mixture = Mixture(
        events=int(rng.integers(6, 13)), hours=float(rng.choice([0.9, 1.9])),
        late=0.0 if is_strict else 0.2, duplicates=0.05, labels_first=0.1, corrected=0.15,
        poison=0.04, refunds=0.3, versions=("1", "2") if rng.random() < 0.3 else ("1",),
    )  # fmt: skip
    timeouts = Timeouts(float(rng.choice([10, 40])), float(rng.choice([20, 60])))
    absent = "on_time" if rng.spawn(1)[0].random() < 0.5 else None
    return Scenario(
        config, models("5m" if is_strict else "3d", absent), timeouts, mixture,
        is_static=bool(rng.random() < 0.5), is_strict=is_strict,
        has_writers=bool(rng.random() < 0.4), absent=absent,
    )  # fmt: skip


def run(seed: int, switch: Switch = Switch.NONE) -> tuple[World, Scenario]:
    """Everything that happens in a seed, up to the end of the stream."""
    rng = np.random.default_rng(seed)
    scenario = drawn_scenario(rng)
    return lived(rng, scenario, catalogue(), switch), scenario


def lived(
    rng: Generator, scenario: Scenario, known: ReferenceCatalogue, switch: Switch = Switch.NONE
) -> World:
    """A world with these references, at the end of a stream of the scenario's mixture."""
    world = World(
        rng, scenario.config, scenario.models, known, scenario.timeouts, switch, scenario.is_static
    )
    with newest_partition(switch):
        start_all(world)
        live(world, scenario, random_stream(rng, list(scenario.models), scenario.mixture))
        world.finish()
    return world


def start_all(world: World) -> None:
    """Starts everyone who is not there."""
    there = {(process.role, process.name) for process in world.living()}
    for name in NAMES:
        if ("profiler", name) not in there:
            world.start_profiler(name)
        if ("detector", name) not in there:
            world.start_detector(name)


def live(world: World, scenario: Scenario, stream: list[SourceRecord]) -> None:
    """Sends a stream while processes work, come, go and are struck."""
    rng = world.rng
    sent = 0
    open_writers: list[tuple[str, list[SourceRecord]]] = []
    erased = {record.key for record in stream if record.value is None}
    while sent < len(stream):
        batch = stream[sent : sent + int(rng.integers(1, 10))]
        sent += len(batch)
        _send(world, scenario, batch, open_writers, erased)
        _restart(world)
        for _ in range(int(rng.integers(1, 4))):
            _change(world)
        for _ in range(int(rng.integers(1, 3))):
            world.tick()
            for process in world.shuffled(world.living())[: int(rng.integers(1, 5))]:
                world.step(process)
            world.clock.now_s += float(rng.choice([0, 0, 5, 45]))
    for name, records in open_writers:
        _end_writer(world, scenario, name, records)


def _send(
    world: World, scenario: Scenario, batch: list[SourceRecord],
    open_writers: list[tuple[str, list[SourceRecord]]], erased: set[bytes | None],
) -> None:  # fmt: skip
    """Sends records; some in transactions that stay open for a while, or are aborted and repeated.

    Not those of erased ids: repeated behind its tombstone, a prediction would be a new one.
    """
    rng = world.rng
    for name, records in list(open_writers):
        if rng.random() < 0.5:
            _end_writer(world, scenario, name, records)
            open_writers.remove((name, records))
    writer = None
    if scenario.has_writers and rng.random() < 0.3:
        writer = f"{len(world.trace)}"
        open_writers.append((writer, [record for record in batch if record.key not in erased]))
    for record in batch:
        world.send(record, None if record.key in erased else writer)


def _end_writer(world: World, scenario: Scenario, name: str, records: list[SourceRecord]) -> None:
    """Commits a source transaction, or aborts it and sends its records again, which makes them late."""
    is_committed = bool(world.rng.random() < 0.5) or scenario.is_strict
    world.end_writer(name, is_committed)
    for record in [] if is_committed else records:
        world.send(record)


def _change(world: World) -> None:
    """One change: a process leaves, or is in for trouble."""
    rng = world.rng
    if not world.living():
        return
    process = world.shuffled(world.living())[0]
    if process.role == "profiler" and rng.random() < 0.2:
        world.disks.keep_copy(process.name)
    if rng.random() < 0.1:
        world.leave(process)
    else:
        plan_trouble(world, process)


def _restart(world: World) -> None:
    """Some of the processes that are gone come back."""
    for role in ("profiler", "detector"):
        for name in NAMES:
            is_gone = all((p.role, p.name) != (role, name) for p in world.living())
            if is_gone and world.rng.random() < 0.5:
                _come_back(world, role, name)


def _come_back(world: World, role: str, name: str) -> None:
    rng = world.rng
    if role == "detector":
        world.start_detector(name)
        return
    if rng.random() < 0.4:
        choices = [None, world.disks.another(name), *world.disks.old]
        world.disks.replace(name, choices[int(rng.integers(len(choices)))])
        world.happened["other disk"] += 1
    if rng.random() < 0.2:
        ids = world.topics.topic_ids((world.config.topics.inference, world.config.topics.labels))
        world.disks.put_ahead(name, int(rng.integers(SOURCE_PARTITIONS)), ids)
    world.start_profiler(name)


def plan_trouble(world: World, process: Process) -> None:
    """Something goes wrong at one of the process's next places."""
    rng = world.rng
    kind = int(rng.integers(8))
    if kind <= 3:
        place = ANY if rng.random() < 0.5 else str(rng.choice(PLACES))
        what = kill if kind % 2 else _stop(world, process)
        process.points.plan(place, what, int(rng.integers(12 if place == ANY else 3)))
    elif kind == 4:
        process.points.plan("committed.kafka", fence)
    elif kind == 5:
        seconds = float(rng.choice([1, 15]))
        process.points.plan("commit", partial(world.commit_later, process, seconds))
        if rng.random() < 0.7:  # so that nobody fences it before it arrives
            what = kill if rng.random() < 0.5 else _stop(world, process)
            process.points.plan("init_transactions", what)
    elif kind == 6:
        process.points.plan(str(rng.choice(FENCING)), fence, int(rng.integers(2)))
    else:
        process.points.plan(str(rng.choice(ABORTING)), abort, int(rng.integers(3)))


def _stop(world: World, process: Process) -> Callable[[], None]:
    turns, seconds = int(world.rng.integers(2, 9)), float(world.rng.choice([1, 20, 50, 90]))
    return partial(world.stop_for, process, turns, seconds)
