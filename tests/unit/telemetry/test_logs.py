from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from stream_monitor.config.monitor import LogConfig
from stream_monitor.telemetry.logs import KAFKA, configure_logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_is_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def configured(**config: str) -> io.StringIO:
    out = io.StringIO()
    configure_logs(LogConfig.model_validate({"format": "json", **config}), out)
    return out


def test_our_lines_are_json_with_time_level_and_logger() -> None:
    out = configured()
    structlog.get_logger("stream_monitor.x").info("profiler started", instance="p-0", models=["m"])
    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "profiler started", "level": "info", "logger": "stream_monitor.x",
                    "instance": "p-0", "models": ["m"]}  # fmt: skip


def test_lines_of_libraries_look_the_same() -> None:
    out = configured()
    logging.getLogger(KAFKA).warning("FAIL [thrd:%s]: sasl.password=x", "broker")
    (line,) = lines(out)
    assert line["event"] == "FAIL [thrd:broker]: sasl.password=[redacted]"
    assert (line["level"], line["logger"]) == ("warning", KAFKA)


def test_warnings_are_logged() -> None:
    out = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
    assert lines(out)[0]["logger"] == "py.warnings"


def test_the_level_holds_for_everyone() -> None:
    out = configured(level="warning")
    structlog.get_logger("a").info("no")
    logging.getLogger(KAFKA).info("no")
    structlog.get_logger("a").warning("yes")
    assert [line["event"] for line in lines(out)] == ["yes"]


def test_debug_does_not_open_the_compilers_floodgates() -> None:
    out = configured(level="debug")
    logging.getLogger("numba.core").debug("no")
    structlog.get_logger("a").debug("yes")
    assert [line["event"] for line in lines(out)] == ["yes"]


@pytest.mark.parametrize("format_", ["json", "console"])
def test_secrets_are_in_no_format(format_: str) -> None:
    out = configured(format=format_)
    log = structlog.get_logger("a")
    log.info("connecting", settings={"sasl.password": "hunter2"}, api_key="hunter2")
    try:
        raise ValueError("ssl.key.password=hunter2")
    except ValueError:
        log.exception("failed")
        logging.getLogger("b").exception("failed")
    shown = out.getvalue()
    assert "hunter2" not in shown
    assert shown.count("Traceback") == 2


def test_auto_is_console_on_a_terminal_and_json_elsewhere() -> None:
    terminal, file = Terminal(), io.StringIO()
    for out in (terminal, file):
        configure_logs(LogConfig(), out)
        structlog.get_logger("a").info("started", n=1)
    assert "\x1b[" in terminal.getvalue()
    assert lines(file)[0]["n"] == 1


def test_console_in_a_file_has_no_colours() -> None:
    out = configured(format="console")
    structlog.get_logger("a").info("started")
    assert "\x1b[" not in out.getvalue()


def test_configuring_again_replaces_what_was_there() -> None:
    first, second = configured(), configured()
    structlog.get_logger("a").info("started")
    assert (len(lines(first)), len(lines(second))) == (0, 1)


def test_the_default_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogConfig(format="json"))
    assert sys.stderr is not None
    structlog.get_logger("a").info("started")
    captured = capsys.readouterr()
    assert (captured.out, json.loads(captured.err)["event"]) == ("", "started")


def test_what_json_cannot_hold_is_shown_somehow() -> None:
    out = configured()
    structlog.get_logger("a").info("odd", payload=b"\xff", lone="\ud800", some={1, 2}, big=2**80)
    assert lines(out)[0]["big"] == 2**80
