"""Every query and every variable of the dashboards gets an answer from a real Prometheus.

It holds ten minutes of the page that two judged models show (tests/unit/telemetry), one with classes
and one with numbers: whatever the table of metrics names is there.
"""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from stream_monitor.dashboards.catalogue import as_json, dashboards
from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.snapshot import DetectorSnapshot, ProfilerSnapshot
from tests.alerts.chain import running
from tests.brokers.kafka_process import free_ports
from tests.tools.debian import daemon, tool
from tests.unit.telemetry.judged_models import (
    NOW_S,
    detector_status,
    held_partitions,
    profiler_status,
)

MINUTES: Final = 10
GRAFANA: Final = {"__rate_interval": "4m", "__range": f"{MINUTES}m"}
BOARDS: Final = {name: json.loads(as_json(built)) for name, built in dashboards().items()}

Json = dict[str, Any]


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


def answer(address: str, **question: str) -> list[Any]:
    with urllib.request.urlopen(f"{address}?{urllib.parse.urlencode(question)}", timeout=10) as got:
        data = json.load(got)["data"]
    return list(data["result"] if isinstance(data, dict) else data)


def filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: {**GRAFANA, **values}[found[1]], text)


def assignments(prometheus: str, board: Json) -> list[dict[str, str]]:
    """Every choice that the variables offer, one by one as Grafana asks for them."""
    chosen: list[dict[str, str]] = [{}]
    for variable in board["templating"]["list"]:
        if variable["type"] == "datasource":
            continue
        name, widened = variable["name"], []
        for values in chosen:
            asked = filled(variable["query"]["query"], values)
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", asked).groups()  # type: ignore[union-attr]
            question = {"match[]": selector, "start": str(NOW_S - 600), "end": str(NOW_S)}
            offered = answer(f"{prometheus}/label/{label}/values", **question)
            assert offered, f"{name} has no value: {asked}"
            picked = [variable["allValue"]] if variable["includeAll"] else offered
            widened += [{**values, name: value} for value in picked]
        chosen = widened
    return chosen


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_is_answered_for_some_choice_of_the_variables(
    prometheus: str, name: str
) -> None:
    board = BOARDS[name]
    waiting = {
        (panel["title"], target["refId"]): target["expr"]
        for panel in board["panels"]
        for target in panel.get("targets", [])
    }
    for values in assignments(prometheus, board):
        for place, expr in list(waiting.items()):
            if answer(f"{prometheus}/query", query=filled(expr, values), time=str(NOW_S)):
                del waiting[place]
    assert waiting == {}
