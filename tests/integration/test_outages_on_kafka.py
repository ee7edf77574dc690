"""A broker that is gone for a minute: every process stalls, goes on, and holds no more than before."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Condition

import pytest

from stream_monitor.connectors.kafka.settings import Cluster
from stream_monitor.connectors.kafka.topics import KafkaTopics
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import TopicSpec, Unanswered
from tests.brokers.kafka_process import KafkaProcess
from tests.integration.fault_memory import Memory
from tests.integration.fault_plan import members
from tests.integration.fault_report import assert_exact
from tests.integration.fault_run import Running, Settings, exercise
from tests.integration.fault_stress import all_ready, burst, caught_up, looked_at, outage, paced

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
DAY_S = 86_400
GRACE_S = 60.0
"""What Kubernetes grants after SIGTERM, which can come while a commit waits for brokers that are lost."""


def test_members_outlive_an_outage_in_the_memory_they_had(
    broker_jars: Path, topic_prefix: str, tmp_path: Path
) -> None:
    """In both groups one static member, whose session is longer, and one dynamic, whose is shorter."""
    instances = members(profilers=2, detectors=2)
    dynamic = {
        "STREAM_MONITOR__PROFILER__MEMBERSHIP": "dynamic",
        "STREAM_MONITOR__DETECTOR__MEMBERSHIP": "dynamic",
        "STREAM_MONITOR__KAFKA__SESSION_TIMEOUT_MS": "20000",
    }
    settings = Settings(
        80_000, 4 * DAY_S, 0.0, instances, session_ms=120_000, max_records=1_000,
        environ={"profiler-1": dynamic, "detector-1": dynamic},
    )  # fmt: skip
    memory = Memory()
    lives: list[int] = []

    def drive(running: Running) -> None:
        all_ready(running)
        burst(running, 0.4)
        caught_up(running, looked_at(running, memory, "before"))
        paced(running, 15.0, 0.5, looked_at(running, memory, "before"))
        assert outage(running, broker, 3.0, looked_at(running, memory, "3 s")) >= 3.0
        paced(running, 10.0, 0.6, looked_at(running, memory, "between"))
        running.writer.write(0.7, 0.0)
        assert outage(running, broker, 60.0, looked_at(running, memory, "60 s")) >= 60.0
        paced(running, 5.0, 1.0, looked_at(running, memory, "after"))
        caught_up(running, looked_at(running, memory, "after"))
        lives.extend(member.lives for member in running.members)

    with KafkaProcess(broker_jars, tmp_path / "broker") as broker:
        report = exercise(broker.bootstrap, tmp_path, topic_prefix, settings, drive)
    print(memory, report)
    assert_exact(report, GRACE_S)
    assert lives == [1] * len(instances), "a member did not outlive the outage"
    during = memory.growth("between", "60 s")
    assert max(during.values()) <= 1.2, during
    growth = memory.growth("before", "3 s", "between", "60 s", "after")
    assert max(growth.values()) <= 2.0, growth  # twice as much was counted by then, and is held


def test_clients_that_ask_all_the_time_are_answered_after_every_restart(
    broker_jars: Path, tmp_path: Path
) -> None:
    """What librdkafka 2.16 by itself does not hold: most of these clients would be lost for good."""
    restarts = 6
    answers: dict[int, Counter[int]] = {client: Counter() for client in range(6)}
    answered = Condition()
    done = 0

    def ask(client: int, topics: KafkaTopics) -> None:
        while done < restarts:
            with suppress(Unanswered):
                # A broker that has just started may not know its topics yet.
                seen = topics.topic_ids(["t", "other"])
                is_answered = bool(seen and topics.ends([TopicPartition("t", 0)]))
                with answered:
                    answers[client][done] += is_answered
                    answered.notify_all()

    def are_all_answered() -> bool:
        return all(count[done] for count in answers.values())

    with KafkaProcess(broker_jars, tmp_path / "broker") as broker:
        cluster = Cluster({"bootstrap.servers": broker.bootstrap})
        KafkaTopics(cluster).create([TopicSpec("t", 1)])
        with ThreadPoolExecutor(len(answers)) as pool:
            asking = [pool.submit(ask, client, KafkaTopics(cluster)) for client in answers]
            try:
                while done < restarts:
                    with answered:
                        assert answered.wait_for(are_all_answered, 40.0), (done, answers)
                    if done % 2:
                        broker.stop()
                    else:
                        broker.kill()
                    broker.start()
                    done += 1
            finally:
                done = restarts
            for each in asking:
                each.result()
