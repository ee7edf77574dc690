"""Running services beside their metrics endpoint until a signal; one process, one service or both."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from threadpoolctl import threadpool_limits

from stream_monitor.config.loading import Installation
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.reloading import ModelFiles
from stream_monitor.services.ports import Condition, never
from stream_monitor.services.status import ServiceStatus
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
    """Runs every service in a thread of its own; the first error stops them all and is raised."""
    server = _server(monitor)
    try:
        server.show(*_page(services, monitor))
        on_address(f"http://{monitor.metrics.host}:{server.start()}/metrics")
        _work(services, should_stop, should_drain)
    finally:
        server.stop()
    log.info("stopped")


def run_reloading(
    make: Callable[[Installation], Sequence[Service]], installation: Installation,
    files: ModelFiles, should_stop: Condition, should_drain: Condition,
) -> None:  # fmt: skip
    """Runs the services that `make` makes, as `run_together`, and makes them anew when files changed.

    The old ones end as at a signal, between two commits; the new ones begin with a restored state. The
    process, its port and its place in a static group stay.
    """
    server = _server(installation.monitor)
    current: Installation | None = installation
    try:
        while current is not None:
            services = make(current)
            collector, statuses = _page(services, current.monitor)
            for status in statuses:
                status.models_loaded_s = time.time()
            server.show(collector, statuses)
            server.start()
            current = _work_until_changed(services, statuses, files, should_stop, should_drain)
    finally:
        server.stop()
    log.info("stopped")


def _work_until_changed(
    services: Sequence[Service], statuses: Sequence[ServiceStatus], files: ModelFiles,
    should_stop: Condition, should_drain: Condition,
) -> Installation | None:  # fmt: skip
    """The changed installation; None when the services ended for another reason."""
    changed: list[Installation] = []

    def look() -> None:
        files.look()
        for status in statuses:
            status.models_refused = len(files.refused)
        found = None if changed else files.due()
        if found is not None:
            log.info("models changed: the services begin anew")
            changed.append(found)

    _work(services, lambda: bool(changed) or should_stop(), should_drain, look)
    return None if should_stop() or should_drain() else next(iter(changed), None)


def _server(monitor: MonitorConfig) -> TelemetryServer:
    return TelemetryServer(monitor.metrics.host, monitor.metrics.port)


def _page(
    services: Sequence[Service], monitor: MonitorConfig
) -> tuple[MetricsCollector, list[ServiceStatus]]:
    snapshots = [service.snapshot() for service in services]
    collector = MetricsCollector(snapshots, is_live=monitor.time == "live")
    return collector, [snapshot.status for snapshot in snapshots]


def _work(
    services: Sequence[Service], should_stop: Condition, should_drain: Condition,
    look: Callable[[], None] = lambda: None,
) -> None:  # fmt: skip
    """Works until every service has ended; calls `look` twice a second meanwhile.

    Linear algebra stays in the services' threads: its products are small, and helpers that spin wait for
    each other where several processes share a core.
    """
    errors: list[BaseException] = []

    def must_stop() -> bool:
        return bool(errors) or should_stop()

    def work(service: Service) -> None:
        try:
            service.run(must_stop, should_drain)
        except Exception as error:
            errors.append(error)

    threadpool_limits(1, user_api="blas")
    # Long-lived objects are kept out of every later collection: worth 0.6 µs per event.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    threads = [threading.Thread(target=work, args=(s,), daemon=True) for s in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            look()
            thread.join(0.5)
    if errors:
        raise errors[0]
