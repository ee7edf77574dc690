"""The report's charts over time: performance with its maturity, and missing rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stream_monitor.demo.report_axis import ShareAxis, TimeAxis, share_axis
from stream_monitor.demo.report_records import Record, Span, number, percent, span_of

SHOWN_METRICS = {"accuracy": "Accuracy", "f1": "F1"}
MEAN_OF = 7
MOST_NOTED = 3

# A metric's figure with the record that holds it, where there is one.
Known = list[tuple[Record, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: a dot per window, the running mean as a path, the mean of the period in words."""

    name: str
    text: str
    dots: str
    path: str


@dataclass(frozen=True, slots=True)
class PerformanceChart:
    """Metrics by the time of prediction; `maturity` is the share of labels that has arrived."""

    outcome: str
    axis: TimeAxis
    shares: ShareAxis
    lines: tuple[Line, ...]
    maturity: str
    maturity_axis: ShareAxis
    labels: str
    predictions: str
    worst: str


@dataclass(frozen=True, slots=True)
class Note:
    """A window worth pointing at."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class MissingChart:
    """The missing rate of one feature over time."""

    feature: str
    axis: TimeAxis
    shares: ShareAxis
    area: str
    notes: tuple[Note, ...]


def performance_charts(records: Sequence[Record], axis: TimeAxis) -> list[PerformanceChart]:
    """One chart per outcome that has accuracy or F1, from records in the order of time."""
    by_outcome: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_outcome[record["outcome"]].append(record)
    charts = (_performance(outcome, group, axis) for outcome, group in by_outcome.items())
    return [chart for chart in charts if chart]


def missing_chart(
    windows: Sequence[Record], axis: TimeAxis, notes: Mapping[str, str]
) -> MissingChart | None:
    """The feature that was missing most, on a noted day if there is one; None if nothing ever was.

    `notes` are words to add to days, by ISO date.
    """
    rates: dict[str, dict[Span, float]] = defaultdict(dict)
    for window in windows:
        span = span_of(window)
        for feature in window.get("features", ()):
            rate = (feature.get("summary") or {}).get("missing_share")
            if rate is not None:
                rates[feature["feature"]][span] = rate

    def most(name: str) -> tuple[float, float]:
        noted = [
            rate for span, rate in rates[name].items() if span.start.date().isoformat() in notes
        ]
        return max(noted, default=0.0), max(rates[name].values())

    feature = max(rates, key=most, default=None)
    if feature is None or max(rates[feature].values()) == 0:
        return None
    found = rates[feature]
    shares = share_axis(0.0, max(found.values()) * 1.12, 18.0, 178.0)
    area = " ".join(_bar(axis, shares, span, rate) for span, rate in found.items())
    return MissingChart(feature, axis, shares, area, _notes(found, axis, shares, notes))


def _performance(
    outcome: str, records: Sequence[Record], axis: TimeAxis
) -> PerformanceChart | None:
    known = {name: found for name in SHOWN_METRICS if (found := _known(records, name))}
    if not known:
        return None
    lowest = min(value for found in known.values() for _, value in found)
    shares = share_axis(max(0.0, lowest - 0.02), 1.0, 18.0, 218.0)
    maturity_axis = ShareAxis(0.0, 1.0, 246.0, 286.0)
    first = next(iter(known))
    worst, value = min(known[first], key=lambda pair: pair[1])
    return PerformanceChart(
        outcome=outcome,
        axis=axis,
        shares=shares,
        lines=tuple(_line(name, found, axis, shares) for name, found in known.items()),
        maturity=" ".join(
            _bar(axis, maturity_axis, span_of(r), r.get("maturity") or 0.0) for r in records
        ),
        maturity_axis=maturity_axis,
        labels=number(sum(r["labels"] for r in records)),
        predictions=number(sum(r["predictions"] for r in records)),
        worst=f"{SHOWN_METRICS[first]} was lowest on {span_of(worst).text}: {percent(value)}",
    )


def _known(records: Sequence[Record], name: str) -> Known:
    metrics = [(record, (record.get("metrics") or {}).get(name)) for record in records]
    return [(record, value) for record, value in metrics if value is not None and record["labels"]]


def _line(name: str, known: Known, axis: TimeAxis, shares: ShareAxis) -> Line:
    points = [(axis.middle(span_of(record)), value) for record, value in known]
    means = [_mean(known[max(0, i + 1 - MEAN_OF) : i + 1]) for i in range(len(known))]
    path = " L".join(f"{x} {shares.y(mean)}" for (x, _), mean in zip(points, means, strict=True))
    return Line(
        name,
        f"{SHOWN_METRICS[name]} {percent(_mean(known))}",
        "".join(f"M{x} {shares.y(value)}h0" for x, value in points),
        f"M{path}",
    )


def _mean(known: Known) -> float:
    """Mean of a metric over windows, weighted by their labels."""
    labels = [int(record["labels"]) for record, _ in known]
    return sum(n * value for n, (_, value) in zip(labels, known, strict=True)) / sum(labels)


def _notes(
    rates: Mapping[Span, float], axis: TimeAxis, shares: ShareAxis, words: Mapping[str, str]
) -> tuple[Note, ...]:
    """The noted days and the highest ones, no two of them close to each other."""
    ranked = sorted(
        rates, key=lambda s: (s.start.date().isoformat() in words, rates[s]), reverse=True
    )
    placed: list[Note] = []
    for span in ranked[: 4 * MOST_NOTED]:
        x = axis.middle(span)
        if len(placed) == MOST_NOTED or any(abs(note.x - x) < 190 for note in placed):
            continue
        said = words.get(span.start.date().isoformat())
        text = f"{percent(rates[span])} · {span.text}" + (f" · {said}" if said else "")
        is_left = x > (axis.left + axis.right) / 2
        placed.append(Note(x, shares.y(rates[span]), "end" if is_left else "start", text))
    return tuple(placed)


def _bar(axis: TimeAxis, shares: ShareAxis, span: Span, share: float) -> str:
    left, right = axis.x(span.start), axis.x(span.end)
    return f"M{left} {shares.bottom}V{shares.y(share)}H{right}V{shares.bottom}z"
