"""How `events tail` writes an event."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from stream_monitor.cli.event_lines import event_lines

DRIFT: dict[str, Any] = {
    "type": "drift", "status": "opened", "revision": 0, "model": "flights", "version": "1",
    "segment": "all",
    "window": {"size": "1d", "start": "2013-02-08T05:00:00Z", "end": "2013-02-09T05:00:00Z"},
    "judged_until": "2013-02-09T05:00:00Z",
    "feature": "dep_delay", "references": ["sliding", "validation"], "severity": "critical",
    "deciding": "missing", "ratio": 3.3246,
    "hints": [{"text": "51 % of the rows have no value"}, {"text": "another"}],
}  # fmt: skip
SHORT = {
    name: value
    for name, value in DRIFT.items()
    if name not in ("severity", "deciding", "ratio", "hints")
}


def test_drift_says_when_where_what_moved_against_what_and_why() -> None:
    assert event_lines(DRIFT).plain == (
        "2013-02-08 05:00Z 1d  opened r0     critical flights 1 all            dep_delay            "
        "missing ×3.3 against sliding, validation\n"
        "                      51 % of the rows have no value"
    )


def test_an_early_finding_says_by_when_it_was_found() -> None:
    line = event_lines(DRIFT | {"judged_until": "2013-02-08T09:00:00Z"}).plain.splitlines()[0]
    assert line.endswith("missing ×3.3 against sliding, validation, by 2013-02-08 09:00Z")


def test_columns_stand_below_each_other() -> None:
    events = [DRIFT, {**DRIFT, "status": "retracted", "revision": 12, "severity": None}]
    lines = [event_lines(event).plain.splitlines()[0] for event in events]
    assert len({line.index("dep_delay") for line in lines}) == 1
    assert len({line.index("missing") for line in lines}) == 1
    assert "retracted r12" in lines[1]


def test_an_event_without_figures_names_its_references_only() -> None:
    [line] = event_lines(SHORT | {"status": "retracted", "revision": 1}).plain.splitlines()
    assert line.endswith("dep_delay            against sliding, validation")


@pytest.mark.parametrize(("ratio", "shown"), [(None, "×∞"), (0.0, "×0 "), (1234.0, "×1234")])
def test_ratios_of_every_size_are_read(ratio: float | None, shown: str) -> None:
    assert shown in event_lines({**DRIFT, "ratio": ratio}).plain


def test_events_of_the_input_have_a_line() -> None:
    integrity = {
        "type": "integrity", "status": "integrity_violation", "revision": 0, "model": "",
        "instance": "p-1", "offsets": [["inference", 3, 10, 20]],
    }  # fmt: skip
    broken = {
        "type": "input_schema", "status": "input_schema_broken", "revision": 0, "model": "flights",
        "window": DRIFT["window"], "dead": 60, "records": 100,
    }  # fmt: skip
    lines = [event_lines(event).plain for event in (integrity, broken)]
    assert "integrity_violation r0" in lines[0]
    assert "p-1 left a gap or overlapped: inference/3 10…20" in lines[0]
    assert lines[1].endswith("input_schema_broken r0 flights                  "
                             "60 of 100 records cannot be read")  # fmt: skip


def test_a_terminal_gets_colour_and_no_command_from_the_data() -> None:
    evil = {**DRIFT, "feature": "\x1b[2Jx", "hints": [{"text": "a\nb\x07"}]}
    assert "\x1b" not in event_lines(evil).plain
    assert len(event_lines(evil).plain.splitlines()) == 2
    console = Console(force_terminal=True, width=200, color_system="standard")
    with console.capture() as captured:
        console.print(event_lines(DRIFT))
    assert "\x1b[1;31mopened r0" in captured.get()
