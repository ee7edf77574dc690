"""A real Prometheus and a real Alertmanager with the project's configuration, and who they would tell.

Only addresses and waiting times differ: minutes become seconds.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import yaml

from stream_monitor.alerting.rules import rule_groups
from stream_monitor.config.loading import Installation
from tests.brokers.kafka_process import free_ports
from tests.tools.debian import daemon, tool

CONFIG: Final = Path(__file__).parents[2] / "config" / "alertmanager"
WAIT_S: Final = 90.0
QUIET_S: Final = 14.0
"""Longer than the rules and Alertmanager wait before anything is sent."""
TIMES: Final = {"group_wait": "2s", "group_interval": "3s", "repeat_interval": "1h"}
HOLD: Final = {"0s": "0s", "1m": "5s", "5m": "15s", "10m": "15s", "1h": "1h"}
"""What the rules' `for` becomes: more than a scrape or two that a busy machine loses."""
KEEP: Final = "2s"


@dataclass
class Inbox:
    """What came to Slack and PagerDuty, in order."""

    slack: list[dict[str, Any]] = field(default_factory=list)
    pagerduty: list[dict[str, Any]] = field(default_factory=list)

    def sizes(self) -> tuple[int, int]:
        """How many messages came to Slack and to PagerDuty."""
        return len(self.slack), len(self.pagerduty)


@contextmanager
def served(answers: Mapping[str, Callable[[bytes], str]]) -> Iterator[int]:
    """A local HTTP server; by the first word of the path, what it answers to a body."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            answer = answers.get(self.path.strip("/").split("/")[0])
            body = answer(self.rfile.read(length)).encode() if answer else b""
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Chain:
    """The running chain."""

    prometheus: str
    alertmanager: str
    inbox: Inbox

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Series and values of an instant query."""
        question = urllib.parse.urlencode({"query": expression})
        return list(_get(f"{self.prometheus}/api/v1/query?{question}")["data"]["result"])

    def firing(self, alert: str) -> list[dict[str, str]]:
        """Labels of the alert where it fires."""
        found = self.query(f'ALERTS{{alertname="StreamMonitor{alert}", alertstate="firing"}}')
        return [series["metric"] for series in found]

    def alerts(self) -> list[dict[str, Any]]:
        """What Alertmanager holds, with the status of each alert."""
        return list(_get(f"{self.alertmanager}/api/v2/alerts"))

    def amtool(self, *arguments: str) -> str:
        """Runs amtool on the running Alertmanager."""
        command = [tool("amtool"), "--alertmanager.url", self.alertmanager, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def chain(
    folder: Path, installation: Installation, targets: Mapping[str, Sequence[int]],
    is_retraining: bool = False,
) -> Iterator[Chain]:  # fmt: skip
    """Runs the chain for an installation; `targets` are ports to scrape, by the name of their job.

    With `is_retraining` the scheduled retraining lasts all day, every day.
    """
    inbox = Inbox()
    mailboxes = {"slack": _kept(inbox.slack, "ok"), "pagerduty": _kept(inbox.pagerduty, _ACCEPTED)}
    with ExitStack() as stack:
        stub = stack.enter_context(served(mailboxes))
        own, peer, shown = free_ports(3)
        alertmanager = [
            *daemon("prometheus-alertmanager"), f"--config.file={_routes(folder, stub, is_retraining)}",
            f"--storage.path={folder / 'alertmanager'}", f"--web.listen-address=127.0.0.1:{own}",
            f"--cluster.listen-address=127.0.0.1:{peer}",
        ]  # fmt: skip
        prometheus = [
            *daemon("prometheus"), f"--config.file={_scrapes(folder, installation, targets, own)}",
            f"--storage.tsdb.path={folder / 'prometheus'}", f"--web.listen-address=127.0.0.1:{shown}",
            "--rules.alert.resend-delay=1s",
        ]  # fmt: skip
        for name, command, port in (
            ("alertmanager", alertmanager, own), ("prometheus", prometheus, shown)
        ):  # fmt: skip
            stack.enter_context(running(command, folder / f"{name}.log", port))
        yield Chain(f"http://127.0.0.1:{shown}", f"http://127.0.0.1:{own}", inbox)


_ACCEPTED: Final = '{"status": "success", "message": "Event processed", "dedup_key": "k"}'


def until(holds: Callable[[], object], what: str) -> None:
    """Waits for a condition; fails, naming it, when it does not come."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)


def stays(running: Chain, holds: Callable[[], bool]) -> None:
    """Something holds for longer than any message takes."""
    ends = time.monotonic() + QUIET_S
    while time.monotonic() < ends:
        assert holds(), running.inbox
        time.sleep(0.5)


def _kept(messages: list[dict[str, Any]], answer: str) -> Callable[[bytes], str]:
    def keep(body: bytes) -> str:
        messages.append(json.loads(body))
        return answer

    return keep


def _routes(folder: Path, stub: int, is_retraining: bool) -> Path:
    """The project's Alertmanager configuration with short times and local receivers."""
    text = (CONFIG / "alertmanager.yml").read_text(encoding="utf-8")
    config = yaml.safe_load(text.replace("/etc/alertmanager/", f"{folder}/"))
    config["route"] |= TIMES
    if is_retraining:
        (retraining,) = config["time_intervals"]
        retraining["time_intervals"] = [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
    config["global"] = {"pagerduty_url": f"http://127.0.0.1:{stub}/pagerduty"}
    config["templates"] = [str(CONFIG / "templates" / "*.tmpl")]
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "slack-url").write_text(f"http://127.0.0.1:{stub}/slack")
    (secrets / "pagerduty-key").write_text("0123456789abcdef0123456789abcdef")
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def _scrapes(
    folder: Path,
    installation: Installation,
    targets: Mapping[str, Sequence[int]],
    alertmanager: int,
) -> Path:
    groups = rule_groups(installation)
    for group in groups["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule |= {"for": HOLD[rule["for"]], "keep_firing_for": KEEP}
    (folder / "rules.yml").write_text(yaml.safe_dump(groups))
    path = folder / "prometheus.yml"
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
        },
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{p}" for p in ports]}]}
            for job, ports in targets.items()
        ],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def running(command: list[str], log: Path, port: int) -> Iterator[None]:
    """A server that answers on the port from here to the end of the block."""
    with log.open("w") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written)
    try:
        until(lambda: process.poll() is not None or _is_ready(port), f"{log.stem} to be ready")
        assert process.poll() is None, log.read_text()[-3000:]
        yield
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)
