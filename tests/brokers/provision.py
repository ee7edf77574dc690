"""Finds a real Kafka broker for the tests: a given one, a container, or a process of Maven jars.

`real_broker` tries them in that order. kafka_process.py runs the process.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests.brokers.kafka_process import HERE, BrokerFailed, KafkaProcess, java_command
from tests.caches import cached

BOOTSTRAP_VARIABLE: Final = "STREAM_MONITOR_TEST_BOOTSTRAP"
CONTAINER_IMAGE: Final = "confluentinc/cp-kafka:7.9.1"
CONTAINER_MODULES: Final = ("testcontainers.community.kafka", "testcontainers.kafka")
MINIMUM_JAVA: Final = 17

# The image's defaults ask for three replicas of the transaction log, which one broker cannot give.
CONTAINER_SETTINGS: Final = {
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
}


class BrokerUnavailable(Exception):
    """This machine can neither reach nor start a broker; the message says why."""


@contextmanager
def real_broker(directory: Path) -> Iterator[str]:
    """The bootstrap address of a real broker while the context lasts.

    A process started here keeps its data and log in `directory`. Raises BrokerUnavailable with the
    reason of each way that was tried.
    """
    ways: tuple[Callable[[Path], AbstractContextManager[str]], ...] = (
        _given,
        _container,
        _process,
    )
    reasons: list[str] = []
    with ExitStack() as stack:
        for way in ways:
            try:
                bootstrap = stack.enter_context(way(directory))
                break
            except BrokerUnavailable as reason:
                reasons.append(str(reason))
        else:
            raise BrokerUnavailable("; ".join(reasons))
        yield bootstrap


@contextmanager
def _given(_directory: Path) -> Iterator[str]:
    bootstrap = os.environ.get(BOOTSTRAP_VARIABLE)
    if not bootstrap:
        raise BrokerUnavailable(f"{BOOTSTRAP_VARIABLE} is not set")
    yield bootstrap


@contextmanager
def _container(_directory: Path) -> Iterator[str]:
    _require_docker_engine()
    container = _container_class()(CONTAINER_IMAGE).with_kraft()
    for name, value in CONTAINER_SETTINGS.items():
        container.with_env(name, value)
    try:
        container.start()
    except Exception as error:
        # An engine without access to the image's registry is as good as none.
        raise BrokerUnavailable(f"{CONTAINER_IMAGE} did not start: {error}") from error
    try:
        yield str(container.get_bootstrap_server())
    finally:
        container.stop()


def _require_docker_engine() -> None:
    try:
        docker = import_module("docker")
    except ImportError as error:
        raise BrokerUnavailable("the docker client library is not installed") from error
    try:
        # The command line client proves nothing; only the daemon's answer does.
        docker.from_env(timeout=5).ping()
    except Exception as error:
        raise BrokerUnavailable("no Docker engine answers") from error


def _container_class() -> Any:
    for name in CONTAINER_MODULES:
        try:
            return import_module(name).KafkaContainer
        except ImportError:
            continue
    raise BrokerUnavailable(f"none of {', '.join(CONTAINER_MODULES)} is installed")


@contextmanager
def _process(directory: Path) -> Iterator[str]:
    with KafkaProcess(kafka_jars(), directory) as broker:
        yield broker.bootstrap


def kafka_jars() -> Path:
    """The broker's jars; raises as maven_jars does."""
    return maven_jars(HERE / "pom.xml", "kafka")


def maven_jars(pom: Path, name: str) -> Path:
    """The folder of the jars of a pom, filled by Maven on first use, kept outside the repository.

    It is called after `name` and the version that the pom gives as the property `<name>.version`.
    Raises BrokerUnavailable when Java or Maven is missing or the download fails.
    """
    _require_java()
    return cached(f"{name}-{_version(pom, name)}", lambda jars: _download(jars, pom))


def _version(pom: Path, name: str) -> str:
    found = re.search(rf"<{name}\.version>([^<]+)<", pom.read_text(encoding="utf-8"))
    if found is None:
        raise BrokerFailed(f"{pom} names no {name}.version")
    return found[1]


def _require_java() -> None:
    try:
        done = subprocess.run(
            [java_command(), "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError as error:
        raise BrokerUnavailable(f"no java on PATH (version {MINIMUM_JAVA} or later)") from error
    found = re.search(r'version "(\d+)', done.stderr + done.stdout)
    if found is None or int(found[1]) < MINIMUM_JAVA:
        raise BrokerUnavailable(f"java is older than version {MINIMUM_JAVA}")


def _download(jars: Path, pom: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailable("no mvn on PATH to fetch jars")
    copied = shutil.copy(pom, jars.parent)
    command = [maven, "-q", "-B", "-f", copied, "dependency:copy-dependencies"]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={jars}"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        raise BrokerUnavailable(f"mvn could not fetch the jars: {done.stdout[-2000:]}")
