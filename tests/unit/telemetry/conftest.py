from __future__ import annotations

from collections.abc import Mapping

import pytest
from prometheus_client.metrics_core import Metric as Family

from stream_monitor.core.partition_state import PartitionState
from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.snapshot import DetectorSnapshot, ProfilerSnapshot
from tests.unit.telemetry.judged_models import (
    NOW_S,
    detector_status,
    held_partitions,
    profiler_status,
)


@pytest.fixture(scope="session")
def partitions() -> Mapping[int, PartitionState]:
    return held_partitions()


@pytest.fixture
def snapshots(
    partitions: Mapping[int, PartitionState],
) -> tuple[ProfilerSnapshot, DetectorSnapshot]:
    detector = DetectorSnapshot(detector_status(), lambda: partitions)
    return ProfilerSnapshot(profiler_status()), detector


@pytest.fixture
def collector(snapshots: tuple[ProfilerSnapshot, DetectorSnapshot]) -> MetricsCollector:
    return MetricsCollector(snapshots, clock=lambda: NOW_S)


@pytest.fixture
def page(collector: MetricsCollector) -> list[Family]:
    return list(collector.collect())
