"""Changing members and slow services on a real Kafka: they cost time, not results."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.fault_memory import Memory
from tests.integration.fault_plan import members
from tests.integration.fault_report import assert_exact, lag
from tests.integration.fault_run import Running, Settings, exercise
from tests.integration.fault_stress import (
    Slowness,
    Storm,
    Throughput,
    all_ready,
    burst,
    caught_up,
    looked_at,
    paced,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_200)]
STORM_S = float(os.environ.get("STREAM_MONITOR_TEST_STORM_S", "75"))
DAY_S = 86_400
DYNAMIC = ("dynamic", "dynamic")


def test_a_storm_of_rebalances_costs_throughput_and_nothing_else(
    real_kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        int(2_600 * (STORM_S + 30)),
        2 * DAY_S,
        0.0,
        members(profilers=3, detectors=2),
        membership=DYNAMIC,
        max_records=400,
    )
    rates: list[float] = []
    storms: list[Storm] = []

    def drive(running: Running) -> None:
        all_ready(running)
        throughput = Throughput(running)
        throughput.measure(5.0)
        rates.append(throughput.measure(20.0))
        storm = Storm(running, every_s=5.0)
        storms.append(storm)
        rates.append(throughput.measure(STORM_S, storm.blow))
        storm.pass_over()
        all_ready(running)

    report = exercise(real_kafka, tmp_path, topic_prefix, settings, drive)
    steady, stormy = rates
    print(
        f"{steady:.0f} records/s, in the storm {stormy:.0f}; changes: {storms[0].changes}; {report}"
    )
    assert_exact(report)
    assert storms[0].changes.total() >= 0.8 * STORM_S / 5.0
    assert stormy >= 0.3 * steady


def test_slow_services_lag_and_hold_no_more_memory(
    real_kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        70_000, 4 * DAY_S, 0.0, members(profilers=2, detectors=1), session_ms=60_000,
        membership=DYNAMIC, max_records=1_000,
    )  # fmt: skip
    memory = Memory()
    lags: dict[str, int] = {}

    def drive(running: Running) -> None:
        all_ready(running)
        burst(running, 0.2)
        caught_up(running, looked_at(running, memory, "steady"))
        paced(running, 10.0, 0.25, looked_at(running, memory, "steady"))
        lags["detector, steady"] = lag(running.installation, "detector")
        slowly(running, "detector", 0.35)
        caught_up(running, looked_at(running, memory, "freed"), "detector", most=1_000)
        burst(running, 1.0)
        slowly(running, "profiler", 1.0)
        caught_up(running, looked_at(running, memory, "freed"))

    def slowly(running: Running, role: str, share: float) -> None:
        look = looked_at(running, memory, f"slow {role}")
        # Whole periods, so that both lags are those of the same moment between two bursts of work.
        slowness = Slowness(running.of(role), period_s=5.0)
        for part in (0.5, 1.0):
            first = running.writer.share
            paced(
                running,
                2 * slowness.period_s,
                first + (share - first) * part,
                lambda: slowness.look(look),
            )
            lags[f"{role} {part}"] = lag(running.installation, role)
        slowness.end()

    report = exercise(real_kafka, tmp_path, topic_prefix, settings, drive)
    print(memory, lags, report)
    assert_exact(report)
    growth = memory.growth("steady", "slow detector", "slow profiler", "freed")
    assert max(growth.values()) < 2.0, growth
    assert lags["profiler 1.0"] > 100_000
    # The detector merges so fast that it may keep up even then, but for the batches of a period.
    assert min(lags["detector 0.5"], lags["detector 1.0"]) > lags["detector, steady"]
