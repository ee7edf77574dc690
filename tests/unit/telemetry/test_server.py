from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.status import ServiceStatus
from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.server import TelemetryServer
from tests.unit.telemetry.judged_models import NOW_S

HOST = "127.0.0.1"


@pytest.fixture
def statuses() -> list[ServiceStatus]:
    return [ServiceStatus(role, "x") for role in ("profiler", "detector")]


@pytest.fixture
def port(collector: MetricsCollector, statuses: list[ServiceStatus]) -> Iterator[int]:
    server = TelemetryServer(HOST, 0, clock=lambda: NOW_S)
    server.show(collector, statuses)
    yield server.start()
    server.stop()


def get(port: int, path: str, accept: str = "", method: str = "GET") -> tuple[HTTPResponse, str]:
    connection = HTTPConnection(HOST, port, timeout=10)
    connection.request(method, path, headers={"Accept": accept})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def test_metrics_are_plain_text_with_those_of_the_process(port: int) -> None:
    response, body = get(port, "/metrics?x=1")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'stream_monitor_model_info{model="loans",owner="credit",tier="1"} 1.0\n' in body
    assert "\nprocess_resident_memory_bytes " in body


def test_metrics_are_openmetrics_where_that_is_asked_for(port: int) -> None:
    response, body = get(port, "/metrics", "application/openmetrics-text;version=1.0.0,*/*;q=0.1")
    assert response.headers["Content-Type"].startswith(
        "application/openmetrics-text; version=1.0.0"
    )
    assert body.endswith("# EOF\n")


def test_head_answers_without_a_body(port: int) -> None:
    response, body = get(port, "/ready", method="HEAD")
    assert (response.status, body) == (503, "")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/live/x", "/Ready"])
def test_other_paths_are_not_found(port: int, path: str) -> None:
    assert get(port, path)[0].status == 404


def test_what_cannot_be_done_is_refused(port: int) -> None:
    assert get(port, "/metrics", method="POST")[0].status == 501


@pytest.mark.parametrize(
    ("ages_s", "expected"),
    [((0, 0), 200), ((60, 0), 200), ((61, 0), 503), ((0, 61), 503), ((None, 0), 503)],
)
def test_alive_means_that_every_service_stepped_within_a_minute(
    port: int, statuses: list[ServiceStatus], ages_s: tuple[float | None, ...], expected: int
) -> None:
    for status, age in zip(statuses, ages_s, strict=True):
        status.last_step_s = None if age is None else NOW_S - age
    response, body = get(port, "/live")
    assert response.status == expected
    assert body.startswith("profiler ")


@pytest.mark.parametrize(
    ("are_ready", "expected"), [((True, True), 200), ((True, False), 503), ((False, True), 503)]
)
def test_ready_means_that_every_service_is(
    port: int, statuses: list[ServiceStatus], are_ready: tuple[bool, ...], expected: int
) -> None:
    for status, is_ready in zip(statuses, are_ready, strict=True):
        status.is_restored = is_ready
    assert get(port, "/ready")[0].status == expected


def test_a_service_that_turns_ready_is_seen(port: int, statuses: list[ServiceStatus]) -> None:
    before = get(port, "/ready")[0].status
    for status in statuses:
        status.is_restored = True
    assert (before, get(port, "/ready")[0].status) == (503, 200)


def test_a_service_that_no_broker_answers_is_not_ready(
    port: int, statuses: list[ServiceStatus]
) -> None:
    for status in statuses:
        status.is_restored = True
    statuses[0].is_answered = False
    response, body = get(port, "/ready")
    assert response.status == 503
    assert "gets no answer from the brokers" in body


def test_a_taken_port_is_named_with_the_key_that_sets_it(collector: MetricsCollector) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = TelemetryServer(HOST, port)
        with pytest.raises(StreamMonitorError, match=rf"{HOST}:{port}.*metrics\.port"):
            server.start()
        server.stop()


def test_an_address_that_is_not_here_is_refused(collector: MetricsCollector) -> None:
    with pytest.raises(StreamMonitorError, match=r"metrics\.host"):
        TelemetryServer("192.0.2.1", 0).start()


def test_a_stopped_server_frees_its_port_and_can_start_again(collector: MetricsCollector) -> None:
    server = TelemetryServer(HOST, 0)
    port = server.start()
    server.stop()
    server.stop()
    with pytest.raises(ConnectionError):
        get(port, "/live")
    again = TelemetryServer(HOST, port)
    assert again.start() == port
    again.stop()
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}


def test_a_client_that_says_nothing_holds_nobody_up(port: int) -> None:
    with socket.create_connection((HOST, port)):
        assert get(port, "/metrics")[0].status == 200
