"""One Apache Kafka node as a child process, from a folder of jars. provision.py finds the jars."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

HERE: Final = Path(__file__).parent
HOST: Final = "127.0.0.1"

# Below the range from which Linux, macOS and the BSDs take outgoing ports. A client that reconnects
# to a stopped broker could otherwise be given the broker's port, connect to itself and keep it.
PORTS: Final = range(20_000, 32_000)

# Waits for its standard input to close, which happens however the parent ends; ends the broker.
GUARD: Final = """
import os, signal, sys
sys.stdin.buffer.read()
try:
    os.kill(int(sys.argv[1]), signal.SIGKILL)
except ProcessLookupError:
    pass
"""


class BrokerFailed(Exception):
    """The broker could not be formatted, or did not serve metadata in time."""


class KafkaProcess:
    """A Kafka node that keeps its ports and its data over stop, kill and restart.

    `properties` are added to the server's (later lines win), `format_arguments` to StorageTool's
    format command (for example `--add-scram`), `client_properties` to the client that waits for
    readiness. The listener CLIENTS is for tests; BROKERS and CONTROLLER stay plain, so security set
    on CLIENTS needs no credentials for the broker itself. It logs to `<directory>/kafka.log`.
    """

    def __init__(
        self,
        jars: Path,
        directory: Path,
        *,
        properties: Mapping[str, str] | None = None,
        format_arguments: Sequence[str] = (),
        client_properties: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.log_path = directory / "kafka.log"
        self._classpath = f"{jars}/*"
        self._format_arguments = tuple(format_arguments)
        self._client_properties = dict(client_properties or {})
        self._extra = dict(properties or {})
        self._ports = free_ports(3)
        self._settings_path = directory / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """What clients take as bootstrap.servers."""
        return f"{HOST}:{self._ports[0]}"

    @property
    def pid(self) -> int | None:
        """Process id (for SIGSTOP and SIGCONT); None when it is not running."""
        return None if self._process is None else self._process.pid

    def start(self, timeout_s: float = 60.0) -> None:
        """Start on the data as it is (formatted if new) and return when metadata is served."""
        if self._process is not None:
            raise BrokerFailed("the broker is already running: stop or kill it first")
        self._format()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._java("-Xms256m", "-Xmx1g", main=("kafka.Kafka", str(self._settings_path))),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the broker
            )
        self._guard = subprocess.Popen(
            [sys.executable, "-c", GUARD, str(self._process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._wait_for_metadata(timeout_s)
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout_s: float = 30.0) -> None:
        """SIGTERM and wait; SIGKILL if it has not ended in time. Does nothing when not running."""
        self._end(signal.SIGTERM, timeout_s)

    def kill(self) -> None:
        """SIGKILL: the broker gets no chance to tidy up. Does nothing when not running."""
        self._end(signal.SIGKILL, 30.0)

    def restart(self, timeout_s: float = 60.0) -> None:
        """Stop and start again on the same ports and data."""
        self.stop()
        self.start(timeout_s)

    def _end(self, with_signal: signal.Signals, timeout_s: float) -> None:
        process, self._process = self._process, None
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            guard.communicate()
        if process is None:
            return
        process.send_signal(with_signal)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _format(self) -> None:
        data = self.directory / "data"
        if (data / "meta.properties").exists():
            return
        data.mkdir(parents=True, exist_ok=True)
        client, broker, controller = self._ports
        template = Template((HERE / "server.properties.template").read_text(encoding="utf-8"))
        lines = template.substitute(
            client_port=client, broker_port=broker, controller_port=controller, data_dir=data
        )
        extra = "".join(f"{key}={value}\n" for key, value in self._extra.items())
        self._settings_path.write_text(lines + extra, encoding="utf-8")
        tool = "kafka.tools.StorageTool"
        cluster = self._run(tool, "random-uuid").split()[-1]
        settings = str(self._settings_path)
        self._run(tool, "format", "-t", cluster, "-c", settings, *self._format_arguments)

    def _run(self, *main: str) -> str:
        done = subprocess.run(
            self._java(main=main), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise BrokerFailed(f"{main[:2]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _java(self, *options: str, main: Sequence[str]) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return [java_command(), *options, "-cp", self._classpath, log4j, *main]

    def _wait_for_metadata(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        settings: dict[str, str | int | float] = {
            "bootstrap.servers": self.bootstrap,
            "log_level": 0,  # refused connections are expected until it listens
            "reconnect.backoff.max.ms": 250,
            **self._client_properties,
        }
        admin = AdminClient(settings)
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise BrokerFailed(f"the broker ended while starting:\n{self._log_end()}")
            try:
                if admin.list_topics(timeout=1.0).brokers:
                    return
            except KafkaException:
                continue  # list_topics itself waits, so this is no busy loop
        raise BrokerFailed(f"no metadata within {timeout_s:.0f} s:\n{self._log_end()}")

    def _log_end(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-4000:]


def java_command() -> str:
    """The java of JAVA_HOME, else of PATH; plain `java` when there is none."""
    home = os.environ.get("JAVA_HOME")
    beside = shutil.which("java", path=f"{home}/bin") if home else None
    return beside or shutil.which("java") or "java"


def free_ports(count: int) -> tuple[int, ...]:
    """So many different ports of the loopback address that can be bound now."""
    candidates = random.SystemRandom().sample(PORTS, len(PORTS))
    free: list[int] = []
    for port in candidates:
        if len(free) == count:
            break
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            free.append(port)
    if len(free) < count:
        raise BrokerFailed(f"fewer than {count} free ports in {PORTS}")
    return tuple(free)
