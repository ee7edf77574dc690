from __future__ import annotations

import logging

from stream_monitor.connectors.kafka.settings import LOGGER
from stream_monitor.telemetry.logs import KAFKA
from stream_monitor.telemetry.repeats import RepeatFilter


class Said:
    """What a filter lets through, at times of our own."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.filter = RepeatFilter("kafka", 30.0, lambda: self.now_s)

    def __call__(self, message: str, *args: object, name: str = "kafka") -> str | None:
        record = logging.LogRecord(name, logging.WARNING, "", 0, message, args, None)
        return record.getMessage() if self.filter.filter(record) else None


def test_a_line_is_said_once_in_a_while_with_how_often_it_was_not() -> None:
    said = Said()
    assert (
        said("connect to %s failed after %d ms", "b:9092", 3)
        == "connect to b:9092 failed after 3 ms"
    )
    assert [said("connect to b:9092 failed after %d ms", n) for n in (0, 5)] == [None, None]
    said.now_s += 31.0
    assert said("connect to b:9092 failed after 7 ms") == (
        "connect to b:9092 failed after 7 ms (2 more like this)"
    )
    assert said("connect to b:9092 failed after 8 ms") is None


def test_other_lines_and_other_loggers_are_let_through() -> None:
    said = Said()
    assert [said("one thing"), said("another thing")] == ["one thing", "another thing"]
    assert [said("one thing", name="kafka.embedded") for _ in range(2)] == ["one thing"] * 2


def test_what_is_remembered_is_bounded() -> None:
    said = Said()
    for letters in range(2_500):
        assert said("x" * letters + "failed")
    assert len(said.filter._said) <= 1_000


def test_it_is_the_logger_of_the_kafka_clients() -> None:
    assert KAFKA == LOGGER
