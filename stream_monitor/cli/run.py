"""`stream-monitor run`: the services."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from stream_monitor.cli.options import (
    ConfigOption,
    config_file,
    load_installation,
    stopped_by_signals,
)
from stream_monitor.config.loading import Installation
from stream_monitor.config.reloading import ModelFiles
from stream_monitor.services.running import Service, run_reloading
from stream_monitor.services.wiring import wire

app = typer.Typer(
    no_args_is_help=True,
    help="Run the services. SIGTERM and Ctrl-C commit what was read, then exit 0.",
)
DrainOption = Annotated[
    bool,
    typer.Option(
        "--drain",
        help="Work off what is in the topics now, close every window, then exit (for `time: history`).",
    ),
]


@app.command("profiler")
def profiler(config: ConfigOption = None, drain: DrainOption = False) -> None:
    """Read inference and label topics; write deltas.

    Example: stream-monitor run profiler --config monitor.yaml
    """
    _run(config, ("profiler",), drain)


@app.command("detector")
def detector(config: ConfigOption = None, drain: DrainOption = False) -> None:
    """Merge deltas, close windows, publish results and drift events.

    Example: stream-monitor run detector --config monitor.yaml
    """
    _run(config, ("detector",), drain)


@app.command("all")
def everything(config: ConfigOption = None, drain: DrainOption = False) -> None:
    """Run a profiler and a detector in one process.

    Example: stream-monitor run all --config monitor.yaml
    """
    _run(config, ("profiler", "detector"), drain)


def _run(config: Path | None, roles: tuple[str, ...], drain: bool) -> None:
    installation = load_installation(config)
    stop = stopped_by_signals()

    def make(current: Installation) -> list[Service]:
        wiring = wire(current)
        makers: dict[str, Callable[[], Service]] = {
            "profiler": wiring.profiler,
            "detector": wiring.detector,
        }
        return [makers[role]() for role in roles]

    files = ModelFiles(installation, config_file(config), os.environ)
    run_reloading(make, installation, files, stop.is_set, lambda: drain)
