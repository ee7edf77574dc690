"""Verdicts: a measured change, its calibrated p and its effect become ok, drift or insufficient_data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stream_monitor.core.policy import Aspect, FeaturePolicy, Severity

MINIMUM_WINDOWS: Final = 20
"""Reference windows needed for the window-to-window null."""
LEAST_DOF: Final = MINIMUM_WINDOWS - 1
"""Degrees of freedom below which windows decide nothing."""

_ORDERED: Final = (0.03, 0.15)
_SHARES: Final = (0.01, 0.10)
_DISTRIBUTIONS: Final = {
    "ks": _ORDERED, "cmh_ordered": _ORDERED, "chi_square": _SHARES, "cmh": _SHARES,
    "e_process_ordered": _ORDERED, "e_process": _SHARES,
}  # fmt: skip
_RATES: Final = (0.005, 0.05)
_POINTS: Final = (0.02, 0.05)
_OTHERS: Final = {
    Aspect.NEW_CATEGORY: (0.002, 0.05),
    Aspect.VOLUME: (0.5, 4.0),
    Aspect.CORRELATION: (0.10, 0.30),
    Aspect.ASSOCIATION: (0.10, 0.30),
    Aspect.ACCURACY: _POINTS,
    Aspect.PRECISION: _POINTS,
    Aspect.RECALL: _POINTS,
    Aspect.MAE: (0.05, 0.20),
    Aspect.BIAS: (0.10, 0.30),
}
"""Effects from which something counts, and from which it is critical."""

_FEATURE_RATES: Final = frozenset(
    {
        Aspect.MISSING, Aspect.NON_FINITE, Aspect.WRONG_TYPE, Aspect.OUT_OF_RANGE, Aspect.ZERO,
        Aspect.NEW_CATEGORY,
    }
)  # fmt: skip
_SMALLEST_P = 1e-300


class VerdictState(StrEnum):
    """The four verdicts."""

    OK = "ok"
    DRIFT = "drift"
    INSUFFICIENT_DATA = "insufficient_data"
    NO_REFERENCE = "no_reference"

    @property
    def is_judged(self) -> bool:
        """Whether there was a reference, and data enough to judge by it."""
        return self in (VerdictState.OK, VerdictState.DRIFT)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One deciding test's figures before they are judged.

    `p_window` is None with fewer than MINIMUM_WINDOWS reference windows, or where `p_iid` is 1.
    `smallest_p` is the least p that any data of these sizes could reach; 1 where rows alone may not decide
    and the windows are too few.
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
    floor, critical_floor = floors_of(measurement.aspect, measurement.test, policy)
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


def floors_of(aspect: Aspect, test: str, policy: FeaturePolicy) -> tuple[float, float]:
    """The effects from which a measurement counts, and from which it is critical."""
    if aspect is Aspect.DISTRIBUTION:
        default = _DISTRIBUTIONS[test]
    else:
        default = _OTHERS.get(aspect, _RATES)
    own = (policy.floor, policy.critical_floor)
    if aspect in _FEATURE_RATES:
        own = (policy.rate_floor, policy.critical_rate_floor)
    return (
        default[0] if own[0] is None else own[0],
        default[1] if own[1] is None else own[1],
    )
