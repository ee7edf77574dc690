"""Looking things up on a rendered page."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric as Family

from stream_monitor.telemetry.metrics import full_name


def values(page: Iterable[Family], metric: str, **labels: str) -> list[float]:
    """Values of the metric's series that carry the labels, in the page's order."""
    name = full_name(metric)
    return [
        sample.value
        for family in page
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def label_values(page: Iterable[Family], label: str, metric: str | None = None) -> set[str]:
    """What a label is on the page, or in one metric of it."""
    return {
        sample.labels[label]
        for family in page
        for sample in family.samples
        if label in sample.labels and metric in (None, _short(sample.name))
    }


def count(page: Iterable[Family]) -> int:
    """Number of series."""
    return sum(len(family.samples) for family in page)


def _short(name: str) -> str:
    return name.removeprefix(full_name(""))
