"""Charts of runs over a history: the ratio over time, and histograms beside the reference's; pure values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from stream_monitor.core.windows import Window
from stream_monitor.demo.report_axis import (
    LEFT,
    RIGHT,
    WIDTH,
    ShareAxis,
    Tick,
    TimeAxis,
    share_axis,
    time_axis,
)
from stream_monitor.demo.report_records import Span, number, percent

TEMPLATE: Final = "history.html.j2"
HIGHEST_RATIO: Final = 3.0
"""Larger ratios are drawn on the chart's upper edge."""
_TOP, _BOTTOM = 16.0, 96.0
_BARS = (500.0, 46.0, 150.0)
_LABEL_PX = 11


@dataclass(frozen=True, slots=True)
class RatioChart:
    """Ratios over time: `before` and `after` are paths, `alarms` and `left` the dots of drift in each.

    `mark` and `found` are where the drift starts and where it was first seen, in px; None for nowhere.
    """

    name: str
    caption: str
    axis: TimeAxis
    ratios: ShareAxis
    ticks: tuple[Tick, ...]
    before: str
    after: str
    alarms: str
    left: str
    mark: float | None
    found: float | None


@dataclass(frozen=True, slots=True)
class SharesBar:
    """One bin or category: its middle, the tops of both sides, its label where there is room."""

    middle: float
    reference_y: float
    window_y: float
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class SharesChart:
    """One feature's shares in a window beside the reference's."""

    name: str
    caption: str
    axis: ShareAxis
    width: float
    height: float
    left: float
    bar_width: float
    bars: tuple[SharesBar, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a heading, a sentence, charts."""

    title: str
    text: str
    shares: Sequence[SharesChart] = ()
    ratios: Sequence[RatioChart] = ()


def page(
    title: str, lead: Sequence[str], sections: Sequence[Section], words: tuple[str, str, str]
) -> str:
    """A self-contained HTML page without scripts; `words` name both lines and the mark, for the legend."""
    environment = Environment(
        loader=PackageLoader("stream_monitor.cli", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    layout: dict[str, Any] = {"width": WIDTH, "left": LEFT, "right": RIGHT, "height": _BOTTOM + 8}
    return environment.get_template(TEMPLATE).render(
        title=title, lead=lead, sections=sections, layout=layout, words=words, highest=HIGHEST_RATIO
    )


def span(window: Window, timezone: str) -> Span:
    """A window on its own clock."""
    zone = ZoneInfo(timezone)
    start, end = (
        datetime.fromtimestamp(at, UTC).astimezone(zone) for at in (window.start_s, window.end_s)
    )
    return Span(start, end)


def ratio_chart(
    name: str, caption: str, timezone: str, before: Mapping[Window, float],
    after: Mapping[Window, float], mark_s: int | None = None, found: Window | None = None,
) -> RatioChart:  # fmt: skip
    """A chart of at least one window; `mark_s` draws a line at an instant, `found` a dot at a window."""
    spans = {w: span(w, timezone) for w in sorted({*before, *after}, key=lambda w: w.start_s)}
    axis = time_axis(list(spans.values()))
    ratios = ShareAxis(0.0, HIGHEST_RATIO, _TOP, _BOTTOM)
    mark = None
    if mark_s is not None:
        instant = datetime.fromtimestamp(mark_s, UTC).astimezone(ZoneInfo(timezone))
        mark = axis.x(min(max(instant, axis.start), axis.end))
    return RatioChart(
        name,
        caption,
        axis,
        ratios,
        tuple(Tick(ratios.y(value), f"{value:g}") for value in (0.0, 1.0, 2.0, 3.0)),
        _path(before, spans, axis, ratios),
        _path(after, spans, axis, ratios),
        _dots(before, spans, axis, ratios),
        _dots(after, spans, axis, ratios),
        mark,
        None if found is None else axis.middle(spans[found]),
    )


def shares_chart(
    name: str, caption: str, labels: Sequence[str], reference: Sequence[float],
    window: Sequence[float], highest: float | None = None,
) -> SharesChart:  # fmt: skip
    """A histogram of at least one bin; `highest` makes several charts share one scale."""
    width, left, plot = _BARS
    axis = share_axis(0.0, highest or max(*reference, *window), 10.0, 10.0 + plot)
    slot = (width - left - 6) / len(labels)
    every = max(1, round(0.5 + _LABEL_PX / slot))
    short = [label if len(label) <= 16 else f"{label[:15]}…" for label in labels]
    bars = tuple(
        SharesBar(
            round(left + (i + 0.5) * slot, 1),
            axis.y(p),
            axis.y(q),
            short[i] if i % every == 0 else "",
            f"{label}: reference {percent(p)}, window {percent(q)}",
        )
        for i, (label, p, q) in enumerate(zip(labels, reference, window, strict=True))
    )
    height = axis.bottom + 18 + 5.2 * max(map(len, short))
    return SharesChart(
        name, caption, axis, width, height, left, round(min(slot - 2, 64.0), 1), bars
    )


def counted(n: float, what: str) -> str:
    """A number with what it counts.

    >>> counted(1, "window"), counted(1200, "window")
    ('1 window', '1,200 windows')
    """
    return f"{number(n)} {what}{'' if n == 1 else 's'}"


def _points(
    values: Mapping[Window, float], spans: Mapping[Window, Span], axis: TimeAxis, ratios: ShareAxis
) -> Iterable[tuple[float, float, float]]:
    for window in sorted(values, key=lambda w: w.start_s):
        yield axis.middle(spans[window]), ratios.y(values[window]), values[window]


def _path(
    values: Mapping[Window, float], spans: Mapping[Window, Span], axis: TimeAxis, ratios: ShareAxis
) -> str:
    points = [f"{x} {y}" for x, y, _ in _points(values, spans, axis, ratios)]
    return "M" + " L".join(points) if points else ""


def _dots(
    values: Mapping[Window, float], spans: Mapping[Window, Span], axis: TimeAxis, ratios: ShareAxis
) -> str:
    return "".join(
        f"M{x} {y}h0" for x, y, value in _points(values, spans, axis, ratios) if value >= 1
    )
