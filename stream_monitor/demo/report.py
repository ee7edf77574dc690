"""One self-contained HTML page from result records and drift events: what moved, when, how far.

Pure: records in, text out. The page needs no script, no network and no fonts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stream_monitor.demo.report_axis import LEFT, RIGHT, WIDTH, time_axis
from stream_monitor.demo.report_incidents import Incident, incidents_of, most_severe
from stream_monitor.demo.report_lines import (
    MEAN_OF,
    MissingChart,
    PerformanceChart,
    missing_chart,
    performance_charts,
)
from stream_monitor.demo.report_records import (
    ALL,
    Record,
    Span,
    latest,
    main_size,
    number,
    percent,
    span_of,
)
from stream_monitor.demo.report_shares import Overlay, most_moved
from stream_monitor.demo.report_timeline import STRIP, Timeline, timeline

TEMPLATE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What the page says of one version of a model; charts are None or empty without records."""

    model: str
    version: str
    size: str
    timezone: str
    period: str
    timeline: Timeline
    overlays: list[Overlay]
    performance: list[PerformanceChart]
    missing: MissingChart | None
    incidents: list[Incident]
    unlisted: int


@dataclass(frozen=True, slots=True)
class Headline:
    """The page's first figures, as text."""

    models: str
    windows: str
    predictions: str
    incidents: str
    critical: str
    labels: str
    period: str


def render(
    results: Sequence[Record],
    events: Sequence[Record],
    title: str,
    notes: Mapping[str, str] | None = None,
) -> str:
    """The page for window and performance records and the drift events of the same run.

    Of several revisions the last counts; of several window sizes days are drawn, else the most
    frequent. `notes` are words to add to days, by ISO date. Without records the page says so.
    """
    windows = latest(results, "window")
    performance = latest(results, "performance")
    size = main_size(windows)
    drawn = [w for w in windows if _is_drawn(w, size)]
    measured = [p for p in performance if _is_drawn(p, size)]
    incidents = incidents_of(events, windows)
    by_model: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for window in drawn:
        by_model[window["model"], str(window["version"])].append(window)
    models = [
        _model_report(key, by_model[key], measured, incidents, notes or {})
        for key in sorted(by_model)
    ]
    page: dict[str, Any] = {
        "title": title,
        "headline": _headline(drawn, measured, incidents),
        "models": models,
        "layout": {"width": WIDTH, "left": LEFT, "right": RIGHT, "strip": STRIP},
        "mean_of": MEAN_OF,
    }
    return _environment().get_template(TEMPLATE).render(page)


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("stream_monitor.demo", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _is_drawn(record: Record, size: str | None) -> bool:
    return record.get("segment", ALL) == ALL and str(record["window"].get("size")) == size


def _model_report(
    key: tuple[str, str],
    windows: Sequence[Record],
    performance: Sequence[Record],
    incidents: Sequence[Incident],
    notes: Mapping[str, str],
) -> ModelReport:
    axis = time_axis([span_of(window) for window in windows])
    own = [i for i in incidents if (i.model, i.version) == key]
    listed = most_severe(own)
    window = windows[0]["window"]
    return ModelReport(
        model=key[0],
        version=key[1],
        size=str(window.get("size")),
        timezone=str(window.get("timezone") or "UTC"),
        period=_period(windows),
        timeline=timeline(windows, axis),
        overlays=most_moved(windows),
        performance=performance_charts(
            [p for p in performance if (p["model"], str(p["version"])) == key], axis
        ),
        missing=missing_chart(windows, axis, notes),
        incidents=listed,
        unlisted=len(own) - len(listed),
    )


def _headline(
    windows: Sequence[Record], performance: Sequence[Record], incidents: Sequence[Incident]
) -> Headline:
    predictions = sum(p["predictions"] for p in performance)
    return Headline(
        models=number(len({(w["model"], w["version"]) for w in windows})),
        windows=number(len(windows)),
        predictions=number(sum(w["n"] for w in windows)),
        incidents=number(len(incidents)),
        critical=number(sum(i.severity == "critical" for i in incidents)),
        labels=percent(
            sum(p["labels"] for p in performance) / predictions if predictions else None
        ),
        period=_period(windows),
    )


def _period(windows: Sequence[Record]) -> str:
    spans = [span_of(window) for window in windows]
    if not spans:
        return ""
    return Span(min(s.start for s in spans), max(s.end for s in spans)).text
