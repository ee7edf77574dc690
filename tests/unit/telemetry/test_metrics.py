from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stream_monitor.core.binning import Binning
from stream_monitor.core.performance.rolling import measure_performance
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.telemetry.collector import MetricsCollector
from stream_monitor.telemetry.metrics import TABLE, Metric, as_markdown, full_name
from tests.unit.telemetry.judged_models import LOANS, PRICES

ROOT = Path(__file__).parents[3]
METRICS = [pytest.param(name, metric, id=name) for name, metric in TABLE.items()]
NOT_BASE_UNITS = {
    "s", "ms", "us", "ns", "sec", "min", "minutes", "h", "hours", "d", "days", "b", "kb", "mb",
    "percent", "milliseconds", "microseconds", "kilobytes", "megabytes", "bits",
}  # fmt: skip


def family_name(name: str) -> str:
    return full_name(name).removesuffix("_total")


def test_what_is_rendered_is_what_the_table_names(page: list[Family]) -> None:
    assert [family.name for family in page] == [family_name(name) for name in TABLE]
    assert all(family.samples for family in page)


def test_every_series_has_the_labels_of_the_table(page: list[Family]) -> None:
    labels = {family_name(name): metric.labels for name, metric in TABLE.items()}
    for family in page:
        for sample in family.samples:
            assert tuple(sample.labels) == labels[family.name], sample.name


def test_no_series_is_there_twice(page: list[Family]) -> None:
    seen = Counter(
        (sample.name, *sorted(sample.labels.items()))
        for family in page
        for sample in family.samples
    )
    assert set(seen.values()) == {1}


@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_names_say_kind_and_base_unit(name: str, metric: Metric) -> None:
    words = name.split("_")
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert (words[-1] == "total") is (metric.kind == "counter")
    assert not set(words) & {"counter", "gauge", "summary", "histogram", "count", "sum", "bucket"}
    assert not set(words) & NOT_BASE_UNITS
    assert metric.unit in {"", "seconds", "ratio"}
    ends_in = next((unit for unit in ("seconds", "ratio") if name.endswith(f"_{unit}")), "")
    assert metric.unit == ends_in or name.endswith("per_second")


@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_help_is_one_line_that_ends(name: str, metric: Metric) -> None:
    assert re.fullmatch(r"[^\n|]{10,}\.", metric.help)


@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_labels_are_named_once_and_none_is_reserved(name: str, metric: Metric) -> None:
    assert len(set(metric.labels)) == len(metric.labels)
    assert all(re.fullmatch(r"[a-z][a-z_]*", label) for label in metric.labels)
    reserved = {"le", "job", "instance"} | ({"quantile"} if metric.kind != "summary" else set())
    assert not reserved & set(metric.labels)


@pytest.mark.parametrize(
    ("generate", "parse"),
    [(generate_latest, parse_text), (generate_openmetrics, parse_openmetrics)],
)
def test_both_formats_are_read_back(collector: MetricsCollector, generate, parse) -> None:  # type: ignore[no-untyped-def]
    registry = CollectorRegistry()
    registry.register(collector)
    read = list(parse(generate(registry).decode()))
    expected = {family_name(name): metric for name, metric in TABLE.items()}
    assert {family.name: (family.type, family.documentation) for family in read} == {
        name: (metric.kind, metric.help) for name, metric in expected.items()
    }


def test_every_measure_of_the_core_has_a_metric() -> None:
    measures: set[str] = set()
    for spec in (LOANS, PRICES):
        profile = Profile(Layout(Binning(spec.schema), spec.outcomes))
        for outcome in spec.outcomes:
            measures |= measure_performance(profile, outcome, False).metrics.keys()
    assert {f"model_{name}" for name in measures} <= TABLE.keys()
    assert len(measures) == 9


def test_the_page_of_the_documentation_is_generated_from_the_table() -> None:
    written = (ROOT / "docs" / "metrics.md").read_text()
    assert written == as_markdown(), "write telemetry.metrics.as_markdown() to docs/metrics.md"


def test_examples_of_the_documentation_name_metrics_of_the_table() -> None:
    named = set(re.findall(r"stream_monitor_\w+", as_markdown()))
    assert named == {full_name(name) for name in TABLE}
