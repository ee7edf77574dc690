"""Rolling performance: a window's metrics with the share of its predictions whose label is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stream_monitor.core.performance.classes import class_metrics
from stream_monitor.core.performance.numbers import number_metrics
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.schema import Outcome, OutcomeKind

MATURITY_STEPS: Final = (0.5, 0.8, 0.95, 0.99, 1.0)
"""A revision is published when maturity passes one of these, not at each label."""
MATURE: Final = 0.8
"""From this maturity on, a figure stands for its window."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Metrics of one outcome in one window; `maturity` in [0, 1], 1 also once the horizon has passed."""

    outcome: str
    predictions: int
    labels: int
    maturity: float
    metrics: Mapping[str, float | None]

    @property
    def step(self) -> int:
        """Number of MATURITY_STEPS reached."""
        return sum(self.maturity >= step for step in MATURITY_STEPS)


def measure_performance(profile: Profile, outcome: Outcome, has_passed: bool) -> Performance:
    """The performance of a window's profile; `has_passed` says that no label can come any more."""
    part = profile.outcome(outcome.name)
    labels = int(part.arrays["labels"][0])
    predictions = profile.events
    metrics = class_metrics(part) if outcome.kind is OutcomeKind.CLASS else number_metrics(part)
    known = labels / predictions if predictions else 0.0
    return Performance(
        outcome.name, predictions, labels, 1.0 if has_passed else min(known, 1.0), metrics
    )
