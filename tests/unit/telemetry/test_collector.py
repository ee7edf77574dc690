from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client.metrics_core import Metric as Family
from structlog.testing import capture_logs

from stream_monitor import __version__
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import VOLUME
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.status import ServiceStatus
from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.snapshot import DetectorSnapshot, ProfilerSnapshot, Snapshot
from tests.unit.telemetry.judged_models import NOW_S, detector_status, profiler_status
from tests.unit.telemetry.pages import count, label_values, values

Both = tuple[ProfilerSnapshot, DetectorSnapshot]


def collect(
    snapshots: tuple[Snapshot, ...], max_series: int = 20_000, features_with_bins: int = 20
) -> list[Family]:
    collector = MetricsCollector(
        snapshots, True, max_series, features_with_bins, clock=lambda: NOW_S
    )
    return list(collector.collect())


def test_a_revoked_partition_takes_its_series_along(
    partitions: Mapping[int, PartitionState],
) -> None:
    held = dict(partitions)
    collector = MetricsCollector([DetectorSnapshot(ServiceStatus("detector", "d"), lambda: held)])
    assert label_values(collector.collect(), "model") == {"loans", "prices"}
    del held[1]
    page = list(collector.collect())
    assert label_values(page, "model") == {"loans"}
    assert label_values(page, "partition") == {"0"}
    held.clear()
    assert not label_values(collector.collect(), "model")


def test_a_partition_that_is_no_longer_assigned_has_no_lag() -> None:
    status = profiler_status()
    collector = MetricsCollector([ProfilerSnapshot(status)], clock=lambda: NOW_S)
    del status.lag_records[TopicPartition("inference", 1)]
    del status.watermark_us[TopicPartition("inference", 1)]
    for metric in ("consumer_lag_records", "consumer_lag_seconds", "watermark_timestamp_seconds"):
        assert label_values(collector.collect(), "partition", metric) == {"0"}


def test_lag_in_seconds_is_the_age_of_the_watermark_while_records_wait(page: list[Family]) -> None:
    assert values(page, "consumer_lag_seconds", partition="0") == [90.0]
    assert values(page, "consumer_lag_seconds", partition="1") == [0.0]


def test_history_has_no_lag_in_seconds(snapshots: Both) -> None:
    page = list(MetricsCollector(snapshots, is_live=False, clock=lambda: NOW_S).collect())
    assert not values(page, "consumer_lag_seconds")
    assert len(values(page, "consumer_lag_records", topic="inference")) == 2


def test_both_services_of_one_process_are_told_apart(page: list[Family]) -> None:
    assert values(page, "commit_duration_seconds_sum", service="profiler") == [1.5]
    assert values(page, "commit_duration_seconds_count", service="detector") == [1]
    assert values(page, "transactions_aborted_total", service="profiler") == [1]
    assert values(page, "transactions_aborted_total", service="detector") == [0]
    assert values(page, "build_info", version=__version__) == [1]


def test_everything_is_shown_below_the_cap(page: list[Family], snapshots: Both) -> None:
    assert values(page, "series_dropped_total") == [0]
    exactly = collect(snapshots, max_series=count(page) - 1)
    assert count(exactly) == count(page)


def test_the_cap_drops_bins_first_and_counts_what_it_drops(
    page: list[Family], snapshots: Both
) -> None:
    bins = len(values(page, "feature_bin_share"))
    capped = collect(snapshots, max_series=count(page) - 1 - bins)
    assert not values(capped, "feature_bin_share")
    assert values(capped, "series_dropped_total") == [bins]
    assert count(capped) == count(page) - bins


def test_the_cap_keeps_drifting_features_over_calm_ones(
    page: list[Family], snapshots: Both
) -> None:
    bins = len(values(page, "feature_bin_share"))
    drifting = sum(values(page, "feature_verdict", verdict="drift"))
    capped = collect(snapshots, max_series=count(page) - bins - 500)
    assert sum(values(capped, "feature_verdict", verdict="drift")) == drifting > 0
    assert values(capped, "window_events") == values(page, "window_events")
    assert count(capped) + values(capped, "series_dropped_total")[0] == count(page)


def test_no_feature_is_shown_by_half(page: list[Family], snapshots: Both) -> None:
    capped = collect(snapshots, max_series=1_000)
    assert count(capped) <= 1_001
    shown = len(values(capped, "feature_values"))
    assert 0 < shown < len(values(page, "feature_values"))
    once = len(values(capped, "feature_verdict", feature=VOLUME)) // 4
    assert len(values(capped, "feature_verdict")) == (shown * 2 - once) * 4


def test_dropped_series_add_up_and_are_logged_once(snapshots: Both) -> None:
    collector = MetricsCollector(snapshots, max_series=1_000, clock=lambda: NOW_S)
    with capture_logs() as logged:
        once, twice = (values(list(collector.collect()), "series_dropped_total") for _ in range(2))
    assert twice[0] == 2 * once[0] > 0
    assert [entry["log_level"] for entry in logged] == ["warning"]
    assert sum(logged[0]["dropped"].values()) == once[0]


def test_bins_are_those_of_the_most_moved_features(page: list[Family], snapshots: Both) -> None:
    few = collect(snapshots, features_with_bins=2)
    ratios = {
        sample.labels["feature"]: max(
            values(page, "feature_drift_ratio", model="loans", segment="all",
                   feature=sample.labels["feature"])
        )
        for family in page for sample in family.samples
        if sample.labels.get("model") == "loans" and "feature" in sample.labels
    }  # fmt: skip
    moved = sorted(ratios, key=lambda feature: -ratios[feature])[:2]
    shown = {f for f in label_values(few, "feature", "feature_bin_share")
             if values(few, "feature_bin_share", model="loans", feature=f)}  # fmt: skip
    assert shown == set(moved) == {"amount", "country"}
    assert label_values(few, "segment", "feature_bin_share") == {"all"}


def test_a_twin_is_shown_once_and_counted(partitions: Mapping[int, PartitionState]) -> None:
    status = detector_status()
    one = {0: partitions[0]}
    both: tuple[Snapshot, ...] = (
        DetectorSnapshot(status, lambda: one),
        DetectorSnapshot(replace(status, role="second"), lambda: one),
    )
    page = collect(both)
    assert values(page, "model_info", model="loans") == [1]
    assert values(page, "series_dropped_total")[0] > 0


@pytest.mark.parametrize("name", ['a"b\\c\nd', "é" * 500, "\ud800"])
def test_any_text_can_be_a_label(name: str) -> None:
    status = profiler_status()
    status.counts["without_timestamp", name] = 1
    page = collect((ProfilerSnapshot(status),))
    found = label_values(page, "model", "events_without_timestamp_total") - {"loans"}
    assert all(len(text) <= 200 and text.encode() for text in found)
    assert len(found) == 1
