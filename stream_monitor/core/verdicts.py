"""Verdicts: a measured change, its calibrated p and its effect become ok, drift or insufficient_data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stream_monitor.core.policy import Aspect, FeaturePolicy, ModelSpec, Severity
from stream_monitor.core.windows import WindowSize

WEEK_S: Final = 7 * 86_400
MINIMUM_WINDOWS: Final = 20
"""Reference windows needed for the window-to-window null."""

NUMERIC_ASPECTS: Final = (
    Aspect.DISTRIBUTION, Aspect.MISSING, Aspect.NON_FINITE, Aspect.WRONG_TYPE,
    Aspect.OUT_OF_RANGE, Aspect.ZERO,
)  # fmt: skip
CATEGORICAL_ASPECTS: Final = (
    Aspect.DISTRIBUTION, Aspect.MISSING, Aspect.WRONG_TYPE, Aspect.NEW_CATEGORY,
)  # fmt: skip

_FLOORS: Final = {"ks": (0.03, 0.15), "chi_square": (0.01, 0.10)}
_RATE_FLOORS: Final = (0.005, 0.05)
_NEW_CATEGORY_FLOORS: Final = (0.002, 0.05)
_SMALLEST_P = 1e-300


class VerdictState(StrEnum):
    """The four verdicts."""

    OK = "ok"
    DRIFT = "drift"
    INSUFFICIENT_DATA = "insufficient_data"
    NO_REFERENCE = "no_reference"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One deciding test's figures before they are judged.

    `p_window` is None with fewer than MINIMUM_WINDOWS reference windows. `smallest_p` is the least p
    that any data of these sizes could reach.
    """

    aspect: Aspect
    test: str
    statistic: float
    p_iid: float
    p_window: float | None
    effect: float
    smallest_p: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged measurement. `ratio`, the smaller of log p/log α and effect/floor, is ≥ 1 where it drifts."""

    measurement: Measurement
    alpha: float
    floor: float
    state: VerdictState
    severity: Severity | None
    ratio: float

    @property
    def p(self) -> float:
        """The p that α judges: the larger of the two nulls'."""
        return calibrated_p(self.measurement)


def calibrated_p(measurement: Measurement) -> float:
    """max(p_iid, p_window): drift must be unusual for rows and for windows."""
    if measurement.p_window is None:
        return measurement.p_iid
    return max(measurement.p_iid, measurement.p_window)


def judge(measurement: Measurement, policy: FeaturePolicy, alpha: float) -> Verdict:
    """Drift needs p ≤ α and effect ≥ floor; a sample that could never reach α is insufficient data."""
    floor, critical_floor = _floors(measurement, policy)
    p = max(calibrated_p(measurement), _SMALLEST_P)
    by_effect = measurement.effect / floor if floor > 0 else math.inf
    ratio = max(0.0, min(math.log(p) / math.log(alpha), by_effect))
    if measurement.smallest_p > alpha:
        state = VerdictState.INSUFFICIENT_DATA
        ratio = min(ratio, math.nextafter(1.0, 0.0))
    else:
        state = VerdictState.DRIFT if ratio >= 1 else VerdictState.OK
    severity = None
    if state is VerdictState.DRIFT:
        is_critical = measurement.effect >= critical_floor
        severity = policy.severity or (Severity.CRITICAL if is_critical else Severity.WARNING)
    return Verdict(measurement, alpha, floor, state, severity, ratio)


def _floors(measurement: Measurement, policy: FeaturePolicy) -> tuple[float, float]:
    aspect = measurement.aspect
    if aspect is Aspect.DISTRIBUTION:
        default, own = _FLOORS[measurement.test], (policy.floor, policy.critical_floor)
    else:
        default = _NEW_CATEGORY_FLOORS if aspect is Aspect.NEW_CATEGORY else _RATE_FLOORS
        own = (policy.rate_floor, policy.critical_rate_floor)
    floor, critical = (d if o is None else o for d, o in zip(default, own, strict=True))
    return floor, critical


def alpha_of(spec: ModelSpec, size: WindowSize, segments: int) -> float:
    """α of one test from the alarm budget (an expected number of false alarms per week).

    budget ÷ window sizes ÷ windows of this size per week ÷ tests of one window, a Bonferroni share that
    holds under any dependence; never above the budget's max_alpha.
    """
    numeric, categorical = len(spec.schema.numeric), len(spec.schema.categorical)
    per_reference = numeric * len(NUMERIC_ASPECTS) + categorical * len(CATEGORICAL_ASPECTS)
    tests = max(1, per_reference * len(spec.references) * max(1, segments))
    share = spec.budget.alarms_per_week / len(spec.windows) / (WEEK_S / size.size_s) / tests
    return min(share, spec.budget.max_alpha)
