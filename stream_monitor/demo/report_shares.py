"""The report's histograms: the shares that the reference has beside those of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream_monitor.demo.report_axis import ShareAxis, share_axis
from stream_monitor.demo.report_records import (
    Record,
    Span,
    deciding_aspect,
    loudness,
    number,
    percent,
    span_of,
)

MOST_SHOWN = 5
LABEL_PX = 11
WIDEST_BAR_PX = 64
LONGEST_LABEL = 16
SHOWN_SCORES = {
    "psi": "PSI",
    "ks": "KS D",
    "chi_square": "χ²",
    "jensen_shannon": "Jensen–Shannon",
    "wasserstein": "Wasserstein",
    "largest_share_change": "largest share change",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin or category: its middle, and the tops of both sides. `is_labelled` thins labels."""

    middle: float
    reference_y: float
    window_y: float
    label: str
    is_labelled: bool
    text: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """One feature's shares against one reference in one window, and what was measured.

    `peak` is the bar that moved most; lengths are in px.
    """

    feature: str
    reference: str
    when: str
    severity: str
    n_window: str
    n_reference: str
    axis: ShareAxis
    width: float
    height: float
    left: float
    bar_width: float
    bars: tuple[Bar, ...]
    peak: Bar
    peak_text: str
    scores: tuple[tuple[str, str], ...]


def most_moved(windows: Sequence[Record]) -> list[Overlay]:
    """Each feature's worst window, the features that moved most first, the first one large.

    Only drift that shows in a histogram counts: a missing burst has its own chart.
    """
    worst: dict[str, tuple[Span, Record]] = {}
    for window in windows:
        for feature in window.get("features", ()):
            if not _is_drawable(feature):
                continue
            before = worst.get(feature["feature"])
            if before is None or _weight(feature) > _weight(before[1]):
                worst[feature["feature"]] = (span_of(window), feature)
    ranked = sorted(worst.values(), key=lambda pair: _weight(pair[1]), reverse=True)
    return [_overlay(*pair, is_large=i == 0) for i, pair in enumerate(ranked[:MOST_SHOWN])]


def _is_drawable(feature: Record) -> bool:
    aspect = deciding_aspect(feature)
    return (
        feature["verdict"] == "drift"
        and bool((feature.get("bins") or {}).get("labels"))
        and aspect is not None
        and aspect["aspect"] in ("distribution", "new_category")
    )


def _weight(feature: Record) -> tuple[int, float]:
    return loudness(feature), feature.get("ratio") or 0.0


def _overlay(span: Span, feature: Record, *, is_large: bool) -> Overlay:
    bins = feature["bins"]
    labels = [_shortened(str(label)) for label in bins["labels"]]
    width, left, plot = (1040.0, 52.0, 230.0) if is_large else (500.0, 46.0, 150.0)
    shares = [*bins["reference"], *bins["window"]]
    axis = share_axis(0.0, max(shares), 10.0, 10.0 + plot)
    slot = (width - left - 6) / len(labels)
    every = max(1, round(0.5 + LABEL_PX / slot))
    bars = tuple(
        Bar(
            round(left + (i + 0.5) * slot, 1),
            axis.y(reference),
            axis.y(window),
            label,
            i % every == 0,
            f"{label}: reference {percent(reference)}, window {percent(window)}",
        )
        for i, (label, reference, window) in enumerate(
            zip(labels, bins["reference"], bins["window"], strict=True)
        )
    )
    changes = [abs(w - r) for r, w in zip(bins["reference"], bins["window"], strict=True)]
    peak = changes.index(max(changes))
    return Overlay(
        feature=feature["feature"],
        reference=feature["reference"],
        when=span.text,
        severity=feature.get("severity") or "warning",
        n_window=number(feature.get("n_window")),
        n_reference=number(feature.get("n_reference")),
        axis=axis,
        width=width,
        height=axis.bottom + 18 + 5.2 * max(map(len, labels)),
        left=left,
        bar_width=round(min(slot - 2, WIDEST_BAR_PX), 1),
        bars=bars,
        peak=bars[peak],
        peak_text=f"{percent(bins['reference'][peak])} → {percent(bins['window'][peak])}",
        scores=_scores(feature),
    )


def _scores(feature: Record) -> tuple[tuple[str, str], ...]:
    scores = feature.get("scores") or {}
    return tuple(
        (words, number(scores[name]))
        for name, words in SHOWN_SCORES.items()
        if scores.get(name) is not None
    )


def _shortened(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
