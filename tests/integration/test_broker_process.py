"""The broker that the fault tests stop and kill: it keeps its data and never outlives the tests."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.brokers.kafka_process import KafkaProcess

pytestmark = pytest.mark.kafka

ROOT: Final = Path(__file__).parents[2]
USER: Final = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-256",
    "sasl.username": "monitor",
    "sasl.password": "canary",
}

# Starts a broker, prints its port and dies without stopping it.
ABANDON: Final = """
import os, signal, sys
from pathlib import Path
from tests.brokers.kafka_process import KafkaProcess
broker = KafkaProcess(Path(sys.argv[1]), Path(sys.argv[2]))
broker.start()
print(broker.bootstrap.rpartition(":")[2], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_broker_comes_back_with_its_topics(broker_jars: Path, tmp_path: Path) -> None:
    with KafkaProcess(broker_jars, tmp_path) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        admin.create_topics([NewTopic("kept", 2, 1)])["kept"].result(60)
        broker.kill()
        broker.start()
        assert len(admin.list_topics("kept", timeout=60).topics["kept"].partitions) == 2


def test_scram_users_are_admitted_and_others_are_not(broker_jars: Path, tmp_path: Path) -> None:
    broker = KafkaProcess(
        broker_jars,
        tmp_path,
        properties={
            "listener.security.protocol.map": (
                "CLIENTS:SASL_PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "listener.name.clients.scram-sha-256.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
        },
        format_arguments=("--add-scram", "SCRAM-SHA-256=[name=monitor,password=canary]"),
        client_properties=USER,
    )
    with broker:
        wrong = {**USER, "sasl.password": "wrong", "bootstrap.servers": broker.bootstrap}
        stranger = AdminClient({**wrong, "log_level": 0})
        with pytest.raises(KafkaException):
            stranger.list_topics(timeout=3)


def test_a_broker_ends_with_the_process_that_started_it(broker_jars: Path, tmp_path: Path) -> None:
    parent = subprocess.run(
        [sys.executable, "-c", ABANDON, str(broker_jars), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert parent.returncode == -signal.SIGKILL, parent.stderr
    wait_until_refused(int(parent.stdout))


def wait_until_refused(port: int) -> None:
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            return
    raise AssertionError("the broker still serves although its parent is gone")
