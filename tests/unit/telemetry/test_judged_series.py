from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric as Family

from stream_monitor.core.partition_state import PartitionState
from stream_monitor.telemetry.judged_series import bin_blocks, feature_blocks
from stream_monitor.telemetry.snapshot import Record
from tests.unit.telemetry.pages import values

WHERE = {"model": "loans", "version": "1", "segment": "all", "window": "1h"}


@pytest.fixture
def record(partitions: Mapping[int, PartitionState]) -> Record:
    return partitions[0].models["loans"].latest["window", "1", "all", "1h"]


def entry(record: Record, feature: str, reference: str = "validation") -> dict[str, Any]:
    return next(
        e for e in record["features"] if (e["feature"], e["reference"]) == (feature, reference)
    )


def test_a_drifting_feature_shows_what_its_record_says(page: list[Family], record: Record) -> None:
    found = entry(record, "amount")
    labels = {**WHERE, "feature": "amount", "reference": "validation"}
    assert found["verdict"] == "drift"
    assert values(page, "feature_drift_ratio", **labels) == [found["ratio"]]
    assert found["ratio"] > 1
    assert values(page, "feature_ks_statistic", **labels) == [found["scores"]["ks"]]
    assert values(page, "feature_psi", **labels) == [found["scores"]["psi"]]
    assert values(page, "feature_p_value", **labels) == [found["aspects"][0]["p"]]
    assert values(page, "feature_verdict", **labels, verdict="drift") == [1]
    assert sum(values(page, "feature_verdict", **labels)) == 1
    assert values(page, "feature_severity", **labels) == [2]
    assert values(page, "feature_drift_info", **labels, aspect="distribution") == [1]


def test_a_new_category_is_told_as_such(page: list[Family]) -> None:
    labels = {**WHERE, "feature": "country", "reference": "validation"}
    assert values(page, "feature_drift_info", **labels, aspect="new_category") == [1]
    unseen = values(page, "feature_unseen_ratio", **WHERE, feature="country")
    assert unseen == [pytest.approx(0.1, abs=0.05)]


def test_figures_of_the_window_are_there_once_whatever_the_references(
    page: list[Family], record: Record
) -> None:
    found = entry(record, "amount")
    for metric, value in (
        ("feature_values", found["n_window"]),
        ("feature_mean", found["summary"]["mean"]),
        ("feature_sd", found["summary"]["sd"]),
        ("feature_median", found["summary"]["median"]),
        ("feature_missing_ratio", found["summary"]["missing_share"]),
    ):
        assert values(page, metric, **WHERE, feature="amount") == [value]


def test_what_a_kind_does_not_have_is_not_shown(page: list[Family]) -> None:
    assert not values(page, "feature_ks_statistic", feature="country")
    assert not values(page, "feature_mean", feature="country")
    assert not values(page, "feature_distinct_values", feature="amount")


def test_traffic_is_in_base_units(page: list[Family], record: Record) -> None:
    traffic = record["traffic"]
    assert values(page, "window_events", **WHERE) == [traffic["events"]]
    assert values(page, "model_events_per_second", **WHERE) == [traffic["events"] / 3_600]
    assert values(page, "model_error_ratio", **WHERE) == [traffic["error_share"]]
    latency = values(page, "model_latency_seconds", **WHERE)
    assert latency == [traffic[f] / 1_000 for f in ("p50_ms", "p95_ms", "p99_ms")]


def test_performance_of_a_class_and_of_a_number(page: list[Family]) -> None:
    assert values(page, "model_accuracy", **WHERE, outcome="repaid") == [
        pytest.approx(0.75, abs=0.1)
    ]
    rmse = values(page, "model_rmse", model="prices", version="1", outcome="price")
    assert rmse == [pytest.approx(5.0, abs=1.0)]
    assert not values(page, "model_rmse", model="loans")
    assert set(values(page, "model_performance_maturity_ratio")) == {1.0}


def test_without_a_reference_there_is_a_verdict_and_no_distance(record: Record) -> None:
    nothing = {"feature": "amount", "kind": "numeric", "reference": "sliding",
               "verdict": "no_reference", "severity": None, "ratio": 0.0}  # fmt: skip
    (block,) = feature_blocks([record | {"features": [nothing]}])
    assert {series.metric for series in block} == {"feature_verdict"}
    assert [series.labels[-1] for series in block if series.value] == ["no_reference"]
    assert bin_blocks([record | {"features": [nothing]}], 20) == []


def test_shares_of_each_side_add_up_to_one(page: list[Family]) -> None:
    labels = {**WHERE, "feature": "amount", "reference": "validation"}
    for side in ("reference", "current"):
        shares = values(page, "feature_bin_share", **labels, side=side)
        assert len(shares) == 20
        assert sum(shares) == pytest.approx(1.0)


def test_bins_with_one_name_are_one_bin(record: Record) -> None:
    country = entry(record, "country")
    bins = {"labels": ["DE", "other", "other"], "reference": [0.5, 0.2, 0.3],
            "window": [0.25, 0.5, 0.25]}  # fmt: skip
    (block,) = bin_blocks([record | {"features": [country | {"bins": bins}]}], 20)
    assert {series.labels[-2:]: series.value for series in block} == {
        ("reference", "DE"): 0.5, ("reference", "other"): 0.5,
        ("current", "DE"): 0.25, ("current", "other"): 0.75,
    }  # fmt: skip
