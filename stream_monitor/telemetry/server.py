"""The HTTP server of /metrics, /live and /ready, on its own thread beside the services."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.status import ServiceStatus

log = structlog.get_logger()

HEARTBEAT_S: Final = 60.0
"""A service that has not stepped for longer is not alive."""
_STOP_POLL_S: Final = 0.05
_REQUEST_TIMEOUT_S: Final = 10.0

Answer = tuple[HTTPStatus, str, bytes]
"""Status, content type, body."""


class TelemetryServer:
    """Serves the metrics of a collector, with those of the process, and the health of services."""

    def __init__(self, host: str, port: int, clock: Callable[[], float] = time.time) -> None:
        self._address = (host, port)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._collector: Collector | None = None
        self._statuses: Sequence[ServiceStatus] = ()
        self._clock = clock
        self._server: HTTPServer | None = None
        self._thread: threading.Thread | None = None

    def show(self, collector: Collector, statuses: Sequence[ServiceStatus]) -> None:
        """What is served from now on. Services that follow others begin as live as those were."""
        for status in statuses if self._statuses else ():
            status.last_step_s = self._clock()
        if self._collector is not None:
            self._registry.unregister(self._collector)
        self._registry.register(collector)
        self._collector, self._statuses = collector, statuses

    def start(self) -> int:
        """Listens, if it does not, and returns the port, the one that was found for port 0.

        Raises StreamMonitorError where it cannot listen.
        """
        if self._server is not None:
            return int(self._server.server_address[1])
        host, port = self._address
        try:
            server = _Server(self._address, self._answer)
        except OSError as error:
            raise StreamMonitorError(
                f"cannot listen on {host}:{port} ({error.strerror or error}): "
                "set metrics.port to a free port and metrics.host to an address of this machine"
            ) from error
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, args=(_STOP_POLL_S,), name="telemetry", daemon=True
        )
        self._thread.start()
        found = int(server.server_address[1])
        log.info("metrics are served", host=host, port=found)
        return found

    def stop(self) -> None:
        """Stops listening; nothing happens if it does not."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None

    def _answer(self, path: str, accept: str) -> Answer:
        if path == "/metrics":
            encode, content_type = choose_encoder(accept)
            return HTTPStatus.OK, content_type, encode(self._registry)
        if path == "/live":
            return _health(
                {f"{s.role} {self._liveness(s)}": self._is_live(s) for s in self._statuses}
            )
        if path == "/ready":
            return _health({f"{s.role} {_readiness(s)}": s.is_ready for s in self._statuses})
        return _text(HTTPStatus.NOT_FOUND, "not found: try /metrics, /live or /ready\n")

    def _is_live(self, status: ServiceStatus) -> bool:
        last = status.last_step_s
        return last is not None and self._clock() - last <= HEARTBEAT_S

    def _liveness(self, status: ServiceStatus) -> str:
        if status.last_step_s is None:
            return "has not stepped yet"
        return f"stepped {max(0.0, self._clock() - status.last_step_s):.0f} s ago"


def _readiness(status: ServiceStatus) -> str:
    if not status.is_answered:
        return "gets no answer from the brokers"
    return "is assigned and restored" if status.is_ready else "is not assigned and restored yet"


def _health(lines: dict[str, bool]) -> Answer:
    is_well = all(lines.values())
    status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    return _text(status, "".join(f"{line}\n" for line in lines))


def _text(status: HTTPStatus, text: str) -> Answer:
    return status, "text/plain; charset=utf-8", text.encode()


class _Server(ThreadingHTTPServer):
    """Listens on IPv4 or IPv6, and asks no name server for its own name."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], answer: Callable[[str, str], Answer]) -> None:
        self.answer = answer
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            log.error("a request failed", client=str(client_address), exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = _REQUEST_TIMEOUT_S
    server: _Server

    def do_GET(self) -> None:
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        self._reply(with_body=False)

    def _reply(self, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        status, content_type, body = self.server.answer(path, self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug("request", line=format % args)
