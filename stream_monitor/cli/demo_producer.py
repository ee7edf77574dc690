"""`stream-monitor demo-producer`: the demo's flights for a Kafka of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, load_installation, stopped_by_signals
from stream_monitor.cli.output import STDERR
from stream_monitor.services.wiring import wire


def demo_producer(
    config: ConfigOption = None,
    days: Annotated[
        int, typer.Option(help="Days of 2013 to send after the reference.", min=1, max=330)
    ] = 330,
    speed: Annotated[
        int, typer.Option(help="How many times faster than it happened.", min=1)
    ] = 3_600,
) -> None:
    """Send the flights of 2013 and their labels to the configured topics, after their reference.

    The configuration must have a model `flights` (config/models/flights.yaml is one) and `time: history`.

    Example: stream-monitor demo-producer --config config/monitor.yaml --speed 86400
    """
    # river and the flights take seconds to load: not for the other commands.
    from stream_monitor.demo.airport import send_in_time

    stop = stopped_by_signals()
    sent = send_in_time(wire(load_installation(config)), days, speed, stop)
    STDERR.print(f"{sent:,} records sent")
