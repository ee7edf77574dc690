"""Source topics made anew between two runs with faults: all that was sent is counted once."""

from __future__ import annotations

import pytest

from stream_monitor.core import chain
from stream_monitor.core.wire import PartitionProgress
from tests.simulation.decoding import remembered_queries
from tests.simulation.oracle import unexplained
from tests.simulation.recreation import run_with_recreation
from tests.unit.services.published import assert_as_offline

EACH, ALL = 10, 40


@pytest.mark.parametrize("first", range(0, ALL, EACH))
def test_topics_made_anew_start_a_new_chain_and_nothing_is_lost_or_doubled(first: int) -> None:
    with remembered_queries():
        for seed in range(first, first + EACH):
            world = run_with_recreation(seed)
            assert unexplained(world) == []
            assert_as_offline(world, with_places=False)


def test_without_topic_ids_the_chain_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_name(step: PartitionProgress) -> chain.ChainKey:
        return "", step.topic, step.partition

    monkeypatch.setattr(chain, "chain_key", by_name)
    with remembered_queries():
        assert any(unexplained(run_with_recreation(seed)) for seed in range(5))
