"""The report's timeline of verdicts: a row per feature, in it a strip per reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stream_monitor.demo.report_axis import TimeAxis
from stream_monitor.demo.report_records import (
    Record,
    Span,
    deciding_aspect,
    loudness,
    span_of,
)

TOP = 34
STRIP = 10
STRIP_GAP = 2
ROW_GAP = 8

# A feature's verdicts against one reference, in the order of time.
Strip = list[tuple[Span, Record]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A run of equal verdicts: `state` is ok, warning, critical or unjudged."""

    x: float
    y: float
    width: float
    height: float
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One feature; `drifts` counts its drifting windows, whatever the reference."""

    feature: str
    y: float
    drifts: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Verdicts over time, the most drifting feature first; strips in the order of `references`."""

    axis: TimeAxis
    references: tuple[str, ...]
    rows: tuple[Row, ...]
    row_height: float
    height: float


def timeline(windows: Sequence[Record], axis: TimeAxis) -> Timeline:
    """Draw the verdicts of windows that are in the order of time."""
    strips: dict[str, dict[str, Strip]] = defaultdict(lambda: defaultdict(list))
    references: dict[str, None] = {}
    for window in windows:
        span = span_of(window)
        for feature in window.get("features", ()):
            references.setdefault(feature["reference"])
            strips[feature["feature"]][feature["reference"]].append((span, feature))
    features = sorted(strips, key=lambda name: (-_total_loudness(strips[name]), name))
    row_height = len(references) * (STRIP + STRIP_GAP) + ROW_GAP
    rows = tuple(
        _row(name, strips[name], tuple(references), TOP + i * row_height, axis)
        for i, name in enumerate(features)
    )
    height = TOP + len(rows) * row_height
    return Timeline(axis, tuple(references), rows, row_height - ROW_GAP, height)


def _total_loudness(strips: dict[str, Strip]) -> int:
    return sum(loudness(feature) for strip in strips.values() for _, feature in strip)


def _row(
    name: str, strips: dict[str, Strip], references: tuple[str, ...], y: float, axis: TimeAxis
) -> Row:
    cells = [
        _cell(run, reference, y + i * (STRIP + STRIP_GAP), axis)
        for i, reference in enumerate(references)
        for run in _runs(strips[reference])
    ]
    drifting = {
        span.start for strip in strips.values() for span, f in strip if f["verdict"] == "drift"
    }
    return Row(name, y, len(drifting), tuple(cells))


def _runs(strip: Strip) -> Iterator[Strip]:
    """Neighbouring windows with the same state: a year in far fewer shapes than windows."""
    run: Strip = []
    for span, feature in strip:
        if run and (run[-1][0].end < span.start or _state(run[-1][1]) != _state(feature)):
            yield run
            run = []
        run.append((span, feature))
    if run:
        yield run


def _cell(run: Strip, reference: str, y: float, axis: TimeAxis) -> Cell:
    span, state = Span(run[0][0].start, run[-1][0].end), _state(run[0][1])
    height = STRIP / 2 if state == "warning" else STRIP
    x = axis.x(span.start)
    width = round(max(axis.x(span.end) - x, 1.0), 1)
    return Cell(x, y + STRIP - height, width, height, state, _words(run, span, state, reference))


def _words(run: Strip, span: Span, state: str, reference: str) -> str:
    if state in ("ok", "unjudged"):
        verdict = str(run[0][1]["verdict"]).replace("_", " ")
        return f"{span.text}: {verdict} against {reference}"
    aspects = {str(aspect["aspect"]) for _, f in run if (aspect := deciding_aspect(f))}
    moved = ", ".join(sorted(aspects)).replace("_", " ")
    return f"{span.text}: {state} against {reference} ({moved})"


def _state(feature: Record) -> str:
    if feature["verdict"] == "drift":
        return "critical" if feature.get("severity") == "critical" else "warning"
    return "ok" if feature["verdict"] == "ok" else "unjudged"
