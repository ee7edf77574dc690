"""The page of a simulation: the drifted feature before and after, and the ratio over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stream_monitor.cli.history_charts import (
    RatioChart,
    Section,
    SharesChart,
    page,
    ratio_chart,
    shares_chart,
    span,
)
from stream_monitor.core.policy import ModelSpec
from stream_monitor.services.simulating import Sighting, Simulation, Trial
from stream_monitor.services.watching import Shares, Watch

_MOST_CHARTS: Final = 12


def render(result: Simulation, spec: ModelSpec) -> str:
    """One section of histograms and ratios per size of the drift."""
    zones = {size.name: size.timezone for size in spec.windows}
    lead = (
        f"{result.request.kind.value} drift put into {', '.join(result.features) or 'the labels'}; "
        f"{result.false_before} incidents in the {result.weeks_before:.1f} weeks before it.",
    )
    sections = [_section(result, trial, zones) for trial in result.trials]
    words = ("history as it was", "with the drift", "start of the drift; ring: first seen")
    return page(f"Simulated drift of {result.model}", lead, sections, words)


def _section(result: Simulation, trial: Trial, zones: dict[str, str]) -> Section:
    zone = next(iter(zones.values()))
    shown = [*trial.touched, *trial.others][:_MOST_CHARTS]
    drawn = [_ratios(result, trial.watch, sighting, zones[sighting.size]) for sighting in shown]
    text = f"{len(trial.others)} others that the drift was not put into alarmed as well."
    title = f"Size {trial.drift_size:g}"
    return Section(title, text, list(_histograms(trial.watch.shares.values(), zone)), drawn)


def _histograms(shares: Iterable[Shares], zone: str) -> Iterator[SharesChart]:
    ordered = sorted(shares, key=lambda s: (s.feature, s.window.start_s))
    for s in ordered:
        if not s.labels:
            continue
        same = [other for other in ordered if other.feature == s.feature]
        highest = max(max(*other.before, *other.after) for other in same)
        caption = f"on {span(s.window, zone).text}, {s.n:,} rows, against {s.reference}"
        yield shares_chart(s.feature, caption, s.labels, s.before, s.after, highest)


def _ratios(result: Simulation, watch: Watch, found: Sighting, zone: str) -> RatioChart:
    key = (found.size, found.subject, found.reference)
    before = {w: seen.ratio for w, seen in result.untouched.windows(key).items()}
    after = {w: seen.ratio for w, seen in watch.windows(key).items()}
    said = "not seen" if found.window is None else f"seen in window {found.delay_windows}"
    caption = f"against {found.reference}, windows of {found.size}: {said}"
    return ratio_chart(
        found.subject, caption, zone, before, after, result.start_s, found.window
    )  # fmt: skip
