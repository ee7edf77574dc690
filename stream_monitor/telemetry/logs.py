"""Structured logs on standard error, our own and those of libraries, with secrets left out."""

from __future__ import annotations

import logging
import sys
from typing import Final, TextIO

import structlog
from structlog.typing import Processor

from stream_monitor.config.monitor import LogConfig
from stream_monitor.telemetry.redaction import redact
from stream_monitor.telemetry.repeats import RepeatFilter

KAFKA: Final = "stream_monitor.kafka"
"""The logger of the Kafka clients; librdkafka's own lines come through it as well."""
_CHATTY: Final = ("numba",)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, to be found again: handlers that others have set stay."""


def configure_logs(config: LogConfig, stream: TextIO | None = None) -> None:
    """Sends every log line to `stream` (default standard error), from the configured level on.

    A format of auto is console on a terminal and json elsewhere. Calling it again replaces what was
    configured before.
    """
    out = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=_rendering(config.format, out)
    )
    handler = _Handler(out)
    handler.setFormatter(formatter)
    handler.addFilter(RepeatFilter(KAFKA))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(config.level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _rendering(format_: str, out: TextIO) -> list[Processor]:
    """The last steps; secrets go after exceptions have become text, since that may hold some too."""
    is_console = out.isatty() if format_ == "auto" else format_ == "console"
    steps: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
    ]
    if is_console:
        plain = structlog.dev.plain_traceback
        return [
            *steps,
            structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain),
        ]
    return [*steps, structlog.processors.JSONRenderer()]
