"""The pending topic: a lost store comes back although the source topics keep too little."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.core.retention import JoinRetention
from stream_monitor.services import pending_log
from stream_monitor.services.pending_log import is_needed, seconds_to_restore, wanted_topic
from stream_monitor.services.ports import TopicSpec
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.memory_connections import MemoryConnections
from tests.unit.services.published import assert_as_offline
from tests.unit.services.source_stream import Mixture, SourceRecord, label, random_stream
from tests.unit.services.trouble import DYING, kill
from tests.unit.services.watched import SOURCE_PARTITIONS, T0, monitor, watched


def prepared(pending_topic: str = "always", **settings: object) -> Fleet:
    fleet = Fleet(monitor(pending_topic=pending_topic, **settings))
    fleet.publish(*references())
    spec = wanted_topic(fleet.config, fleet.models, fleet.topics)
    if spec is not None:
        fleet.topics.create([spec])
    return fleet


def forget_sources(fleet: Fleet) -> None:
    """Retention takes everything that was committed."""
    for at, to in fleet.broker.groups["app-profiler"].committed.items():
        fleet.broker.log(at).delete_before(to.offset)


def stream(seed: int, events: int = 40) -> list[SourceRecord]:
    return random_stream(
        np.random.default_rng(seed), list(watched()), Mixture(events=events, poison=0.0)
    )


def test_a_lost_store_is_filled_from_the_topic_when_the_sources_are_gone() -> None:
    fleet = prepared()
    first = fleet.profiler()
    records = stream(1)
    fleet.send(records)
    fleet.step(times=5)
    held = first.service.status.pending_predictions
    fleet.bury(first)
    fleet.stores.clear()
    forget_sources(fleet)
    again = fleet.profiler()
    fleet.step(again, times=2)
    counts = again.service.status.counts
    assert again.service.status.is_ready
    assert not counts["replayed", "inference"]
    late = [label(f"flights-{i}", T0 + 9_000, "on_time", T0 + 12_000) for i in range(40)]
    fleet.send(late)
    fleet.step(again, times=3)
    assert again.service.status.pending_predictions == held
    found = counts["labels", "matched"] + counts["labels", "corrected"]
    assert found + counts["labels", "duplicate"] == 40


@pytest.mark.parametrize("place", DYING)
def test_stores_lost_again_and_again_leave_the_join_as_it_was(place: str) -> None:
    fleet = prepared()
    fleet.detector()
    fleet.profiler()
    for i, part in enumerate(np.array_split(np.arange(len(records := stream(2))), 6)):
        fleet.send([records[j] for j in part])
        [profiler] = [p for p in fleet.living() if p.is_profiler]
        profiler.trouble.plan(place, kill)
        fleet.step(times=2)
        if not profiler.is_alive or i % 2:
            fleet.stores.clear()
            fleet.restart(profiler)
    fleet.finish()
    assert_as_offline(fleet)


def test_a_topic_that_begins_later_is_not_used_before_the_sources_are_read_up_to_it() -> None:
    fleet = Fleet(monitor(pending_topic="never"))
    fleet.publish(*references())
    records = stream(3)
    first = fleet.profiler()
    fleet.send(records[:60])
    fleet.step(times=3)
    fleet.leave(first)
    fleet.config = monitor(pending_topic="always")
    fleet.topics.create([TopicSpec(fleet.config.topics.pending, SOURCE_PARTITIONS)])
    second = fleet.profiler()
    fleet.send(records[60:])
    fleet.step(times=3)
    fleet.bury(second)
    fleet.stores.clear()
    third = fleet.profiler()
    fleet.step(third, times=4)
    counts = third.service.status.counts
    assert counts["replayed", "inference"] + counts["replayed", "labels"] == len(records)
    fleet.detector()
    fleet.finish()
    assert_as_offline(fleet)


def test_auto_looks_at_what_the_sources_keep() -> None:
    fleet = prepared("auto")
    retention = JoinRetention(fleet.models)
    assert not is_needed(fleet.config, fleet.topics, retention)
    enough, short = retention.kept_us // 1_000, retention.kept_us // 1_000 - 1
    inference = fleet.broker.topic(fleet.config.topics.inference)
    for kept, expected in ((-1, False), (enough, False), (short, True)):
        inference.config["retention.ms"] = str(kept)
        assert is_needed(fleet.config, fleet.topics, retention) is expected
    spec = wanted_topic(fleet.config, fleet.models, fleet.topics)
    assert spec is not None
    assert spec.partitions == SOURCE_PARTITIONS
    assert int(spec.config["retention.ms"]) >= enough


def test_auto_looks_at_how_long_restoring_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = prepared("auto")
    fleet.profiler()
    fleet.send(stream(5))
    fleet.step(times=5)
    administration = MemoryConnections(fleet.broker).administration()
    committed = sum(to.offset for to in fleet.broker.groups["app-profiler"].committed.values())
    seconds = seconds_to_restore(administration, fleet.config)
    assert seconds == committed / pending_log.REPLAYED_PER_S > 0
    assert wanted_topic(fleet.config, fleet.models, fleet.topics, seconds) is None
    monkeypatch.setattr(pending_log, "REPLAYED_PER_S", committed / 61)
    seconds = seconds_to_restore(administration, fleet.config)
    spec = wanted_topic(fleet.config, fleet.models, fleet.topics, seconds)
    assert seconds == pytest.approx(61)
    assert spec is not None


def test_auto_writes_the_topic_where_it_is_and_fills_a_lost_store_from_it() -> None:
    fleet = prepared("auto")
    fleet.topics.create([TopicSpec(fleet.config.topics.pending, SOURCE_PARTITIONS)])
    first = fleet.profiler()
    fleet.send(stream(6))
    fleet.step(times=5)
    assert any(log.end for log in fleet.broker.topic(fleet.config.topics.pending).logs)
    fleet.bury(first)
    fleet.stores.clear()
    forget_sources(fleet)
    again = fleet.profiler()
    fleet.step(again, times=2)
    assert again.service.status.is_ready
    assert again.service.status.pending_predictions > 0


def test_a_topic_of_another_size_is_refused() -> None:
    fleet = Fleet(monitor(pending_topic="always"))
    with pytest.raises(StreamMonitorError, match="pending does not exist"):
        fleet.profiler()
    fleet.topics.create([TopicSpec(fleet.config.topics.pending, SOURCE_PARTITIONS + 1)])
    with pytest.raises(StreamMonitorError, match="make it anew"):
        fleet.profiler()


def test_nothing_is_written_without_need() -> None:
    fleet = prepared("never")
    fleet.topics.create([TopicSpec(fleet.config.topics.pending, SOURCE_PARTITIONS)])
    fleet.profiler()
    fleet.send(stream(4))
    fleet.step(times=3)
    logs = [
        fleet.broker.log(TopicPartition(fleet.config.topics.pending, p))
        for p in range(SOURCE_PARTITIONS)
    ]
    assert [log.end for log in logs] == [0] * SOURCE_PARTITIONS
