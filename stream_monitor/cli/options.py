"""Options that several commands share."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from stream_monitor.config.loading import Installation, load_config
from stream_monitor.telemetry.logs import configure_logs

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="STREAM_MONITOR_CONFIG", show_default="monitor.yaml, if there is one",
        help="The installation's monitor.yaml; its `models` folder holds one file per model.",
    ),
]  # fmt: skip
JsonOption = Annotated[
    bool, typer.Option("--json", help="JSON lines on stdout instead of a table.")
]

ModelOption = Annotated[str | None, typer.Option("--model", "-m", help="Only this model.")]
FeatureOption = Annotated[str | None, typer.Option("--feature", "-f", help="Only this feature.")]
SegmentOption = Annotated[str | None, typer.Option(help="Only this segment, e.g. all.")]
_DEFAULT = Path("monitor.yaml")


def load_installation(path: Path | None) -> Installation:
    """The configuration of a command, with its logs set up."""
    installation = load_config(config_file(path), os.environ)
    configure_logs(installation.monitor.log)
    return installation


def config_file(path: Path | None) -> Path | None:
    """The file that is given, or the working directory's monitor.yaml, if there is one."""
    return _DEFAULT if path is None and _DEFAULT.is_file() else path


def stopped_by_signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set, in the place of ending the process."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
