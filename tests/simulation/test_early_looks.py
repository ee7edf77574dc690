"""Early looks under faults: what is said of open windows is what one offline pass would say."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.simulation.decoding import remembered_queries
from tests.simulation.early_looks import run_with_early_looks
from tests.simulation.oracle import assert_exact, unexplained
from tests.unit.services.offline_pass import offline_pass
from tests.unit.services.published import Record, events

EACH, ALL = 4, 12


@pytest.mark.parametrize("first", range(0, ALL, EACH))
def test_open_windows_are_judged_as_by_the_offline_pass(first: int) -> None:
    with remembered_queries():
        for seed in range(first, first + EACH):
            world, scenario = run_with_early_looks(seed)
            assert unexplained(world) == []
            assert_exact(world, scenario)
            expected = _early(offline_pass(world.broker, world.models, world.catalogue))
            assert expected, "a run without early findings tests nothing"
            assert _early(events(world)) == expected


def _early(records: Iterable[Record]) -> dict[str, tuple[str, str, int]]:
    """The events about windows that were open, by id."""
    return {
        event["id"]: (event["judged_until"], event["status"], event["revision"])
        for event in records
        if event["type"] == "drift" and event["judged_until"] < event["window"]["end"]
    }
