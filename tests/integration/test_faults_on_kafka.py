"""Kills, zombies and broker restarts on a real Kafka: what is published equals one offline pass."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.brokers.kafka_process import KafkaProcess
from tests.integration.doomed import DETECTOR_PLACES, PROFILER_PLACES
from tests.integration.fault_plan import kills, plan
from tests.integration.fault_run import Settings, run

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
SEED = 7


def test_kills_at_every_step_change_nothing_that_is_published(
    broker_jars: Path, topic_prefix: str, tmp_path: Path
) -> None:
    faults = plan(SEED, rounds=1, zombie_s=(12.0,))
    assert kills(faults) >= 20
    settings = Settings(60_000, 48 * 3_600, 80.0, faults, outages=((0.3, 0.0), (0.6, 3.0)))
    with KafkaProcess(broker_jars, tmp_path / "broker") as broker:
        began = time.monotonic()
        report = run(broker, tmp_path, topic_prefix, settings, print)
    print(report, time.monotonic() - began)
    assert report.differences == []
    assert report.lag == 0
    assert report.chain_violations == 0
    assert report.dead_letters == report.poison
    assert report.log.unexpected == []
    assert report.log.unreached == []
    reached = set(report.log.reached)
    assert {("profiler", place) for place in PROFILER_PLACES} <= reached
    assert {("detector", place) for place in DETECTOR_PLACES} <= reached
    assert max(report.log.terminated_s) < 10
