"""What must hold when a world has come to its end."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

from stream_monitor.connectors.memory import MemoryTopicReader
from stream_monitor.connectors.memory.log import Entry, Outcome
from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.decoding.labels import LabelDecoder
from stream_monitor.core.records import TopicPartition
from stream_monitor.core.wire import Marker, decode_record
from tests.simulation.scenarios import Scenario
from tests.simulation.world import World
from tests.unit.services.published import assert_as_offline, events, newest, results

Place = tuple[str, int, int]
"""Topic, partition, offset."""


def assert_exact(world: World, scenario: Scenario) -> None:
    """Everything that PROTOCOL promises of an installation that has worked everything off."""
    assert_nothing_left(world)
    assert_source_counted_once(world)
    assert_dead_letters(world)
    if scenario.is_strict:
        assert_nothing_late(world)
    assert_absent_counted(world, scenario)
    assert_as_offline(world)


def assert_absent_counted(world: World, scenario: Scenario) -> None:
    """At the end of the stream every prediction without a label counts, where that means a class."""
    for key, record in newest(results(world, "performance")).items():
        means_a_class = scenario.absent is not None and record["outcome"] == "label"
        missing = record["predictions"] - record["labels"] if means_a_class else 0
        assert record["absent"] == missing, f"{key}: {record['absent']} instead of {missing} absent"


def assert_nothing_left(world: World) -> None:
    """No record that a group has not committed, and no transaction that nobody ended."""
    assert not (left := list(unread(world))), f"not worked off: {left}"
    for held in world.broker.topics.values():
        for log in held.logs:
            assert log.stable_end == log.end


def unread(world: World) -> Iterator[TopicPartition]:
    """The partitions with records that their group has not committed."""
    names = world.config.topics
    for group, topics in (
        ("app-profiler", (names.inference, names.labels)),
        ("app-detector", (names.deltas,)),
    ):
        committed = world.broker.groups[group].committed
        for topic in topics:
            for at, log in enumerate(world.broker.topic(topic).logs):
                where = TopicPartition(topic, at)
                position = committed[where].offset if where in committed else log.low
                if log.read(position, log.end, 1)[0]:
                    yield where


def assert_source_counted_once(world: World) -> None:
    """In every deltas partition the markers' ranges of each source partition are one chain from 0."""
    for log in world.broker.topic(world.config.topics.deltas).logs:
        reached: Counter[tuple[str, str, int]] = Counter()
        for entry in log.read(log.low, log.end, log.end)[0]:
            decoded = decode_record(entry.value or b"")
            for step in decoded.progress if isinstance(decoded, Marker) else ():
                where = (step.topic_id, step.topic, step.partition)
                assert step.start == reached[where], f"{where}: {reached[where]} to {step.start}"
                reached[where] = step.end


def assert_dead_letters(world: World) -> None:
    """One of each record that cannot be read, and no two of any record."""
    found: Counter[Place] = Counter()
    rejected = ("malformed", "not_utf8", "missing_field", "unknown_model", "wrong_type")
    poison: set[Place] = set()
    for entry in _delivered(world, world.config.topics.dead_letters):
        told = {name: value.decode() for name, value in entry.headers}
        place = (told["topic"], int(told["partition"]), int(told["offset"]))
        found[place] += 1
        if told["reason"] in rejected:
            poison.add(place)
    assert all(n == 1 for n in found.values()), f"dead letters written twice: {found}"
    assert poison == set(_unreadable(world))


def assert_nothing_late(world: World) -> None:
    """Where no event was late, none was dropped for its age, and no window was judged before its last one."""
    early = [r for r in results(world, "window") if r["revision"]]
    assert not early, f"windows closed too early: {early[:2]}"
    for process in world.processes:
        for state in process.held.values():
            for model in state.models.values():
                assert model.late_dropped == 0, f"{process.points.name} dropped events as late"


def unexplained(world: World) -> list[str]:
    """What processes saw of deltas that do not follow on each other, and what they told of it."""
    told = [event["type"] for event in events(world) if event["type"] == "integrity"]
    return told + [
        f"{process.points.name}: {state.chain.violations} violations"
        for process in world.processes
        for state in process.held.values()
        if state.chain.violations
    ]


def fingerprint(world: World) -> str:
    """A digest of everything that was written and done: the same seed gives the same."""
    digest = hashlib.sha256()
    for name, topic in sorted(world.broker.topics.items()):
        for log in topic.logs:
            for e in log._entries:
                outcome = e.transaction.outcome if e.transaction else Outcome.COMMITTED
                row = (name, e.partition, e.offset, e.timestamp_ms, e.key, e.value, e.headers)
                digest.update(repr((*row, e.is_control, outcome)).encode())
    digest.update("\n".join(world.trace).encode())
    return digest.hexdigest()


def _delivered(world: World, topic: str) -> Iterator[Entry]:
    for log in world.broker.topic(topic).logs:
        yield from log.read(log.low, log.end, log.end)[0]


def _unreadable(world: World) -> Iterator[Place]:
    names, settings = world.config.topics, world.config.profiler
    tolerance_ms = settings.future_tolerance * 1_000
    decoders: dict[str, InferenceDecoder | LabelDecoder] = {
        names.inference: InferenceDecoder(world.models, settings.max_record_bytes, tolerance_ms),
        names.labels: LabelDecoder(settings.max_record_bytes, tolerance_ms),
    }
    for topic, decoder in decoders.items():
        for found in MemoryTopicReader(world.broker).read(topic):
            for reject in decoder.decode(found).rejected:
                yield topic, int(found.partition[reject.row]), int(found.offset[reject.row])
