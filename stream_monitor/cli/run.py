"""`stream-monitor run`: the services."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, load_installation
from stream_monitor.config.loading import Installation
from stream_monitor.services.running import Service, run_together
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
    _run(load_installation(config), ("profiler",), drain)


@app.command("detector")
def detector(config: ConfigOption = None, drain: DrainOption = False) -> None:
    """Merge deltas, close windows, publish results and drift events.

    Example: stream-monitor run detector --config monitor.yaml
    """
    _run(load_installation(config), ("detector",), drain)


@app.command("all")
def everything(config: ConfigOption = None, drain: DrainOption = False) -> None:
    """Run a profiler and a detector in one process.

    Example: stream-monitor run all --config monitor.yaml
    """
    _run(load_installation(config), ("profiler", "detector"), drain)


def _run(installation: Installation, roles: tuple[str, ...], drain: bool) -> None:
    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    wiring = wire(installation)
    makers: dict[str, Callable[[], Service]] = {
        "profiler": wiring.profiler,
        "detector": wiring.detector,
    }
    services = [makers[role]() for role in roles]
    run_together(services, installation.monitor, stop.is_set, lambda: drain)
