"""What the services refuse to start with, and what they say."""

from __future__ import annotations

import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.ports import TopicSpec
from tests.unit.services.fleet import Fleet


@pytest.mark.parametrize("name", ["inference", "labels", "deltas", "references", "dead_letters"])
def test_a_profiler_names_the_topic_that_is_missing(name: str) -> None:
    fleet = Fleet()
    topic = getattr(fleet.config.topics, name)
    fleet.broker.delete(topic)
    message = f"topic {topic} does not exist: create it, or run `stream-monitor topics create`"
    with pytest.raises(StreamMonitorError, match=message):
        fleet.profiler()


@pytest.mark.parametrize("name", ["deltas", "state", "results", "references", "events"])
def test_a_detector_names_the_topic_that_is_missing(name: str) -> None:
    fleet = Fleet()
    topic = getattr(fleet.config.topics, name)
    fleet.broker.delete(topic)
    with pytest.raises(
        StreamMonitorError, match=f"topic {topic} does not exist: create it, or run"
    ):
        fleet.detector()


def test_source_topics_of_unequal_width_cannot_be_joined() -> None:
    fleet = Fleet()
    fleet.broker.delete("labels")
    fleet.topics.create([TopicSpec("labels", 5)])
    message = "inference has 4 partitions and labels 5: .* same number"
    with pytest.raises(StreamMonitorError, match=message):
        fleet.profiler()


def test_deltas_and_state_of_unequal_width_are_refused() -> None:
    fleet = Fleet()
    fleet.broker.delete(fleet.config.topics.state)
    fleet.topics.create([TopicSpec(fleet.config.topics.state, 1)])
    with pytest.raises(StreamMonitorError, match="must have the same number of partitions"):
        fleet.detector()
