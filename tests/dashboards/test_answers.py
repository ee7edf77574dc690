"""Every query and every variable of the dashboards gets an answer from a real Prometheus.

It holds ten minutes of the page that two judged models show (tests/unit/telemetry), one with classes
and one with numbers: whatever the table of metrics names is there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.snapshot import DetectorSnapshot, ProfilerSnapshot
from tests.alerts.chain import running
from tests.brokers.kafka_process import free_ports
from tests.dashboards.asking import BOARDS, Asking
from tests.tools.debian import daemon, tool
from tests.unit.telemetry.judged_models import (
    NOW_S,
    detector_status,
    held_partitions,
    profiler_status,
)

MINUTES: Final = 10


def recorded() -> str:
    """One page a minute; counters rise."""
    partitions = held_partitions()
    detector = DetectorSnapshot(detector_status(), lambda: partitions)
    snapshots = [ProfilerSnapshot(profiler_status()), detector]
    page = list(MetricsCollector(snapshots, clock=lambda: NOW_S).collect())
    lines = []
    for minute in range(MINUTES + 1):
        at_s = NOW_S - 60 * (MINUTES - minute)
        for family in page:
            grown = 1 if family.type == "gauge" else minute + 1
            for sample in family.samples:
                labels = {"instance": "a", **sample.labels}
                shown = ",".join(f"{name}={json.dumps(text)}" for name, text in labels.items())
                lines.append(f"{sample.name}{{{shown}}} {sample.value * grown} {at_s}")
    return "\n".join([*lines, "# EOF\n"])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    pages, data, settings = folder / "pages", folder / "data", folder / "prometheus.yml"
    pages.write_text(recorded(), "utf-8")
    settings.write_text("scrape_configs: []\n")
    backfill = [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*backfill, str(pages), str(data)], check=True, capture_output=True)
    (port,) = free_ports(1)
    command = [
        *daemon("prometheus"), f"--config.file={settings}", f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with running(command, folder / "prometheus.log", port):
        yield f"http://127.0.0.1:{port}/api/v1"


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_is_answered_for_some_choice_of_the_variables(
    prometheus: str, name: str
) -> None:
    assert Asking(prometheus, NOW_S).unanswered(BOARDS[name]) == {}
