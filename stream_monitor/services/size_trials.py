"""The null run once for each of several window sizes: how often each alarms, and what it could find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

import numpy as np

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import Aspect, ModelSpec
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.tables import TableRows
from stream_monitor.core.windows import DAY_S, WEEK_S, WindowSize, check_pane
from stream_monitor.services.history import Progress, ReferencePeriod
from stream_monitor.services.null_runs import NullRun, null_run

_PASSED_FOR_CHANCE: Final = 0.95
_MOST_TRIED: Final = 1_000


@dataclass(frozen=True, slots=True)
class SizeTrial:
    """The run with windows of one size alone, which then have the whole budget.

    `by_rows` is the smallest KS distance that independent rows could show at this α; `by_chance` the one
    that 95 of 100 windows of the median feature stayed below without p ≤ α: what windows differ by anyway.
    None without a numeric feature. `drifting` is the share of windows in which anything drifted: one long
    incident can hold many of them.
    """

    size: str
    windows: int
    rows: float
    alpha: float
    incidents: int
    weeks: float
    drifting: float
    by_rows: float | None
    by_chance: float | None

    @property
    def per_week(self) -> float:
        """Incidents per week."""
        return self.incidents / self.weeks


def candidate_sizes(spec: ModelSpec, lengths_s: Sequence[int]) -> list[WindowSize]:
    """The sizes that are runs of whole panes, with the configured rules or the usual ones of their length."""
    configured = {size.size_s: size for size in spec.windows}
    zone = spec.windows[0].timezone
    found = []
    for length in lengths_s:
        size = configured.get(length) or _usual(length, zone)
        try:
            check_pane(spec.pane_s, (size,))
        except InvalidSpecification:
            continue
        found.append(size)
    return found


def _usual(length_s: int, timezone: str) -> WindowSize:
    if length_s < DAY_S:
        return WindowSize(length_s, timezone, k=2, n=3, recover_after=6)
    return WindowSize(length_s, timezone, recover_after=7 if length_s < WEEK_S else 1)


def size_trial(
    rows: TableRows, spec: ModelSpec, period: ReferencePeriod, size: WindowSize,
    progress: Progress | None = None,
) -> SizeTrial:  # fmt: skip
    """The null run with windows of one size alone, of at most _MOST_TRIED windows."""
    alone = replace(spec, windows=(size,))
    run = null_run(rows, alone, period, progress, _MOST_TRIED)
    findings = [f for c in run.courses for m in c.moments for f in m.findings]
    alpha = max(f.alpha for f in findings)
    return SizeTrial(
        size.name, run.windows, run.rows, alpha, run.incidents, run.weeks, _drifting_share(run),
        _smallest_distance(alpha, run.rows, run.reference_rows) if spec.schema.numeric else None,
        _passed_for_chance(run, spec),
    )  # fmt: skip


def _drifting_share(run: NullRun) -> float:
    drifting = {
        m.window for c in run.courses for m in c.moments if any(f.is_drift({}) for f in m.findings)
    }
    return len(drifting) / run.windows


def _passed_for_chance(run: NullRun, spec: ModelSpec) -> float | None:
    """Of the median numeric feature."""
    found = []
    for name in spec.schema.numeric:
        effects = [
            f.effect
            for c in run.courses
            if c.subject == name and c.key[1] == ALL
            for m in c.moments
            for f in m.findings
            if f.aspect is Aspect.DISTRIBUTION and f.p > f.alpha
        ]
        if effects:
            found.append(float(np.quantile(effects, _PASSED_FOR_CHANCE)))
    return median(found) if found else None


def _smallest_distance(alpha: float, n: float, m: int) -> float:
    """The KS distance whose p is α: √(½ ln(2/α)) · √(1/n + 1/m), the tail 2·exp(−2x²) solved for D."""
    return math.sqrt(0.5 * math.log(2 / alpha)) * math.sqrt(1 / max(n, 1) + 1 / m)
