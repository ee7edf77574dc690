"""Rolling performance: a window's metrics with the share of its predictions whose label is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stream_monitor.core.performance.absent import with_absent
from stream_monitor.core.performance.classes import class_metrics
from stream_monitor.core.performance.delays import LabelDelay, label_delay
from stream_monitor.core.performance.numbers import number_metrics
from stream_monitor.core.performance.tally import Tally, tally_of
from stream_monitor.core.profile.outcome import OutcomePart
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.schema import Outcome, OutcomeKind

MATURITY_STEPS: Final = (0.5, 0.8, 0.95, 0.99, 1.0)
"""A revision is published when maturity passes one of these, not at each label."""
MATURE: Final = 0.8
"""From this maturity on, a figure stands for its window."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Metrics of one outcome in one window.

    `absent` counts the predictions that have no label and count as the class that this means.
    `maturity` in [0, 1] is the share of predictions with a label or counted as absent, 1 also once the
    horizon has passed. `delay` is None without labels. `tally` is what is judged.
    """

    outcome: str
    predictions: int
    labels: int
    absent: int
    maturity: float
    delay: LabelDelay | None
    metrics: Mapping[str, float | None]
    tally: Tally

    @property
    def step(self) -> int:
        """Number of MATURITY_STEPS reached."""
        return sum(self.maturity >= step for step in MATURITY_STEPS)


def measure_performance(
    profile: Profile, outcome: Outcome, has_passed: bool, passed: Profile | None = None
) -> Performance:
    """The performance of a window's profile; `has_passed` says that no label can come any more.

    `passed` is that part of it whose horizon is over: with None all of it if `has_passed`, else nothing.
    """
    part = profile.outcome(outcome.name)
    labels = int(part.arrays["labels"][0])
    if passed is None:
        passed = profile if has_passed else Profile(profile.layout)
    counted, absent = with_absent(part, passed.outcome(outcome.name))
    is_class = outcome.kind is OutcomeKind.CLASS
    predictions = _predictions(profile, part)
    known = (labels + absent) / predictions if predictions else 0.0
    return Performance(
        outcome=outcome.name,
        predictions=predictions,
        labels=labels,
        absent=absent,
        maturity=1.0 if has_passed else min(known, 1.0),
        delay=label_delay(part),
        metrics=class_metrics(counted) if is_class else number_metrics(counted),
        tally=tally_of(counted),
    )


def _predictions(profile: Profile, part: OutcomePart) -> int:
    """The window's events, with those that came too late for it where they count as absent."""
    predicted = part.arrays.get("predicted")
    return max(profile.events, 0 if predicted is None else int(predicted.sum()))
