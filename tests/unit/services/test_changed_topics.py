"""Source topics that change under a running profiler."""

from __future__ import annotations

import pytest

from stream_monitor.connectors.memory.log import PartitionLog
from stream_monitor.core.errors import StreamMonitorError
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.source_stream import event, label
from tests.unit.services.watched import SOURCE_PARTITIONS, T0


def running() -> Fleet:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.profiler()
    fleet.send([event(f"e{i}", "flights", T0 + i) for i in range(20)])
    fleet.step(times=2)
    return fleet


def add_partition(fleet: Fleet, topic: str) -> None:
    fleet.broker.topic(topic).logs.append(PartitionLog(SOURCE_PARTITIONS))


def test_a_partition_more_of_one_topic_stops_with_both_counts() -> None:
    fleet = running()
    add_partition(fleet, "inference")
    fleet.profiler("two", is_started=False)
    with pytest.raises(StreamMonitorError, match="inference has 5 partitions and labels 4"):
        fleet.processes[-1].service.start()
    fleet.broker.groups["app-profiler"].members[0].has_joined = False  # a rebalance
    with pytest.raises(StreamMonitorError, match="inference has 5 partitions and labels 4"):
        fleet.step(fleet.processes[0], times=3)


def test_a_partition_more_of_both_is_taken_up() -> None:
    fleet = running()
    for topic in ("inference", "labels"):
        add_partition(fleet, topic)
    fleet.profiler("two")
    fleet.send([event(f"n{i}", "flights", T0 + i) for i in range(40)])
    fleet.send([label(f"n{i}", T0 + 60) for i in range(40)])
    fleet.step(times=6)
    counts = fleet.counts()
    assert counts["records", "inference", "valid"] == 60
    assert counts["labels", "matched"] == 40
    assert not counts["miskeyed", "inference"], "the new count is what keys are checked against"
