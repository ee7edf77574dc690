"""The pending store lost, behind, ahead or of another topic: the join is what the source topics say."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import TopicSpec
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.published import assert_as_offline, results
from tests.unit.services.source_stream import Mixture, SourceRecord, event, label, random_stream
from tests.unit.services.trouble import kill
from tests.unit.services.watched import SOURCE_PARTITIONS, T0, watched


def stream(seed: int) -> list[SourceRecord]:
    return random_stream(np.random.default_rng(seed), list(watched()), Mixture(events=25))


def prepared() -> Fleet:
    fleet = Fleet()
    fleet.publish(*references())
    return fleet


def test_a_lost_store_is_rebuilt_in_silence_before_the_profiler_is_ready() -> None:
    fleet = prepared()
    first = fleet.profiler()
    records = stream(1)
    half = len(records) // 2
    fleet.send(records[:half])
    fleet.step(times=3)
    written = len(read_deltas(fleet))
    fleet.bury(first)
    fleet.stores.clear()
    again = fleet.profiler()
    readiness = []
    for _ in range(2):
        fleet.step(again)
        readiness.append(again.service.status.is_ready)
    assert readiness == [False, True]
    assert len(read_deltas(fleet)) == written, "what was counted is not counted again"
    counts = again.service.status.counts
    assert counts["replayed", "inference"] + counts["replayed", "labels"] == half
    assert not counts["consumed", "inference"]
    assert again.service.status.pending_predictions == first.service.status.pending_predictions
    fleet.send(records[half:])
    fleet.step(times=3)
    fleet.finish()
    assert_as_offline(fleet)


def read_deltas(fleet: Fleet) -> list[bytes | None]:
    topic = fleet.broker.topic(fleet.config.topics.deltas)
    visible = (entry for log in topic.logs for entry in log.read(0, log.end, 10**6)[0])
    return [entry.value for entry in visible if entry.key is not None]


def test_a_store_that_missed_the_last_commit_reads_exactly_that_batch_again() -> None:
    fleet = prepared()
    first = fleet.profiler()
    records = stream(2)
    fleet.send(records[:40])
    fleet.step(first, times=3)
    fleet.send(records[40:70])
    first.trouble.plan("before_store", kill)
    fleet.step(first)
    assert not first.is_alive
    fleet.restart(first)
    fleet.send(records[70:])
    fleet.step(times=4)
    counts = fleet.processes[-1].service.status.counts
    assert counts["replayed", "inference"] + counts["replayed", "labels"] == 30
    fleet.finish()
    assert_as_offline(fleet)


def test_a_store_ahead_of_the_committed_offsets_is_thrown_away() -> None:
    fleet = prepared()
    first = fleet.profiler()
    records = stream(3)
    fleet.send(records[:60])
    fleet.step(times=3)
    fleet.leave(first)
    identity = "|".join(
        f"{topic}:{id_}" for topic, id_ in fleet.topics.topic_ids(("inference", "labels")).items()
    )
    store = fleet.stores["one"]
    ahead = store.open(2, identity)["inference"] + 3
    store.commit({TopicPartition("inference", 2): ahead})
    fleet.profiler()
    fleet.send(records[60:])
    fleet.step(times=4)
    replayed = fleet.processes[-1].service.status.counts["replayed", "inference"]
    assert replayed == ahead - 3, "partition 2 was read again, the others were not"
    fleet.finish()
    assert_as_offline(fleet)


def test_the_store_of_a_deleted_topic_is_not_taken_for_that_of_its_namesake() -> None:
    fleet = prepared()
    first = fleet.profiler()
    fleet.send([event("a", "flights", T0)])
    fleet.step(times=3)
    fleet.leave(first)
    for topic in ("inference", "labels"):
        fleet.broker.delete(topic)
        fleet.topics.create([TopicSpec(topic, SOURCE_PARTITIONS)])
    fleet.broker.groups["app-profiler"].committed.clear()
    fleet.send([event("a", "flights", T0 + 60), label("a", T0 + 90)])
    fleet.finish()
    [window] = [
        r for r in results(fleet, "window") if r["window"]["size"] == "1h" and r["segment"] == "all"
    ]
    assert window["n"] == 2, "in the new topic the id is new"


def test_a_partition_comes_back_to_a_store_that_stayed_behind() -> None:
    fleet = prepared()
    records = stream(4)
    fleet.profiler("one")
    fleet.detector()
    for part in fleet.feed(records, 9):
        if part == 2:
            fleet.profiler("two")
        if part == 5:
            fleet.leave(next(p for p in fleet.living() if p.service.status.instance == "two"))
    assert fleet.processes[0].service.status.counts["replayed", "inference"] > 0
    fleet.finish()
    assert_as_offline(fleet)


def test_the_store_of_a_partition_that_moved_away_is_closed() -> None:
    fleet = prepared()
    fleet.profiler("one")
    fleet.send(stream(5))
    fleet.step(times=3)
    fleet.profiler("two")
    fleet.step(times=5)
    fleet.stores["one"].expire(0, {}, 0)
    with pytest.raises(StreamMonitorError, match="partition 3 is not open"):
        fleet.stores["one"].expire(3, {}, 0)
