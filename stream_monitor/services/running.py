"""Running services beside their metrics endpoint until a signal; one process, one service or both."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from threadpoolctl import threadpool_limits

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.services.status import Condition, never
from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.server import TelemetryServer
from stream_monitor.telemetry.snapshot import Snapshot

log = structlog.get_logger()


class Service(Protocol):
    """What runs: a profiler or a detector."""

    def run(self, should_stop: Condition, should_drain: Condition = never) -> None:
        """Works until told to stop, or told to drain until everything is worked off."""

    def snapshot(self) -> Snapshot:
        """What /metrics shows."""


def run_together(
    services: Sequence[Service], monitor: MonitorConfig, should_stop: Condition,
    should_drain: Condition, on_address: Callable[[str], None] = lambda _: None,
) -> None:  # fmt: skip
    """Runs every service in a thread of its own; the first error stops them all and is raised.

    Linear algebra stays in those threads: its products are small, and helpers that spin wait for each other
    where several processes share a core.
    """
    errors: list[BaseException] = []
    snapshots = [service.snapshot() for service in services]
    collector = MetricsCollector(snapshots, is_live=monitor.time == "live")
    metrics = monitor.metrics
    server = TelemetryServer(
        metrics.host, metrics.port, collector, [snapshot.status for snapshot in snapshots]
    )
    address = f"http://{metrics.host}:{server.start()}/metrics"
    on_address(address)

    def must_stop() -> bool:
        return bool(errors) or should_stop()

    def work(service: Service) -> None:
        try:
            service.run(must_stop, should_drain)
        except Exception as error:
            errors.append(error)

    threadpool_limits(1, user_api="blas")
    # Long-lived objects are kept out of every later collection: worth 0.6 µs per event.
    gc.collect()
    gc.freeze()
    threads = [threading.Thread(target=work, args=(s,), daemon=True) for s in services]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
    finally:
        server.stop()
    if errors:
        raise errors[0]
    log.info("stopped")
