"""`stream-monitor demo`: the whole path on real flights, on one machine with nothing else installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    days: Annotated[
        int, typer.Option(help="Days of 2013 to replay after the reference.", min=1, max=330)
    ] = 330,
    report: Annotated[Path, typer.Option(help="Where to write the picture.")] = Path(
        "stream-monitor-demo.html"
    ),
    port: Annotated[int, typer.Option(help="Port of /metrics; 0 picks a free one.")] = 0,
) -> None:
    """Replay the New York flights of 2013 through an embedded broker and watch them drift.

    Example: stream-monitor demo --days 60
    """
    # river and the flights take seconds to load: not for the other commands.
    from stream_monitor.demo.walkthrough import run_demo

    run_demo(days, report, port)
