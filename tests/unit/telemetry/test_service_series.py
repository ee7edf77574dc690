from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics_core import Metric as Family

import stream_monitor.services
from stream_monitor.connectors.pending_store.label_runs import STATES
from stream_monitor.core.columns import Reason
from stream_monitor.services.status import ServiceStatus
from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.metrics import TABLE
from stream_monitor.telemetry.service_series import COUNTS, LABEL_STATES
from stream_monitor.telemetry.snapshot import ProfilerSnapshot
from tests.unit.telemetry.judged_models import HOUR_S, MONDAY_S
from tests.unit.telemetry.pages import label_values, values


def test_everything_that_the_services_count_has_a_metric() -> None:
    folder = Path(str(stream_monitor.services.__file__)).parent
    code = "\n".join(path.read_text() for path in folder.glob("*.py"))
    counted = re.findall(r"counts\[\s*\"(\w+)\",?([^\]]*)\]", code)
    assert {name for name, _ in counted} == COUNTS.keys()
    for name, labels in counted:
        own = len([label for label in labels.split(",") if label.strip()])
        metric = TABLE[COUNTS[name]]
        assert metric.kind == "counter"
        assert own == len([label for label in metric.labels if label != "service"]), name


def test_the_states_of_labels_are_those_of_the_join() -> None:
    assert (*STATES, "no_prediction") == LABEL_STATES


def test_counters_with_known_labels_begin_at_zero() -> None:
    page = list(MetricsCollector([ProfilerSnapshot(ServiceStatus("profiler", "p"))]).collect())
    assert label_values(page, "reason") == {reason.value for reason in Reason}
    assert label_values(page, "state") == set(LABEL_STATES)
    assert set(values(page, "dead_letters_total")) == {0}
    assert not values(page, "last_commit_timestamp_seconds")


def test_records_add_up_to_what_was_consumed(page: list[Family]) -> None:
    consumed = values(page, "records_consumed_total", topic="inference")
    assert sum(values(page, "records_total", topic="inference")) == consumed[0]


def test_a_judged_model_shows_its_owner_reference_and_drops(page: list[Family]) -> None:
    assert values(page, "model_info", model="loans", owner="credit", tier="1") == [1]
    assert values(page, "reference_events", model="loans", version="1", kind="validation") == [7200]
    assert values(page, "late_events_dropped_total", model="loans") == [3]
    assert values(page, "drift_events_total", model="loans", status="opened") == [2]
    assert values(page, "drift_events_total", model="prices", status="retracted") == [0]


def test_the_chain_is_told_per_deltas_partition(page: list[Family]) -> None:
    assert values(page, "chain_violations_total", partition="0") == [1]
    assert values(page, "duplicate_markers_total", partition="1") == [2]
    assert values(page, "deltas_unreadable_total") == [0, 1]


def test_open_incidents_show_their_severity_cause_and_start(page: list[Family]) -> None:
    amount = {
        "model": "loans",
        "version": "1",
        "segment": "all",
        "window": "1h",
        "feature": "amount",
    }
    assert values(page, "incident_severity", family="data", cause="distribution", **amount) == [2]
    assert values(page, "incident_start_timestamp_seconds", **amount) == [MONDAY_S + 6 * HOUR_S]
    assert not values(page, "incident_severity", feature="age")
    assert values(page, "input_schema_broken", model="loans") == [0]
