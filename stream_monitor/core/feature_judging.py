"""Every feature of one window against one reference: measured, judged, and the worst aspect kept."""

from __future__ import annotations

from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.policy import FeaturePolicy, ModelSpec, ReferenceKind
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.results import FeatureResult, feature_result
from stream_monitor.core.seasonal_view import SeasonalView
from stream_monitor.core.verdicts import Measurement, Verdict, VerdictState, judge

View = ReferenceView | SeasonalView
"""What can compare a window."""


def judge_features(
    kind: ReferenceKind, view: View | None, window: WindowProfile, spec: ModelSpec, alpha: float
) -> list[FeatureResult]:  # fmt: skip
    """Results in the schema's order, numeric first; no_reference throughout without a view."""
    if view is None or not window.profile.layout.bins.is_learned:
        return [
            FeatureResult(f.name, f.kind, kind, VerdictState.NO_REFERENCE, None, (), None)
            for f in spec.schema.features
        ]
    results = []
    default = FeaturePolicy()
    judge_one = _Judge(alpha)
    for found in view.compare(window, spec.policies):
        policy = spec.policies.get(found.feature, default)
        verdicts = tuple([judge_one(m, policy) for m in found.measurements])
        results.append(feature_result(found, kind, verdicts))
    return results


class _Judge:
    """Judges by one α; most rates are nobody's on both sides, and those are judged once per policy."""

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha
        self._known: dict[tuple[int, Measurement], Verdict] = {}

    def __call__(self, measurement: Measurement, policy: FeaturePolicy) -> Verdict:
        if measurement.statistic or measurement.effect:
            return judge(measurement, policy, self._alpha)
        key = (id(policy), measurement)
        if key not in self._known:
            self._known[key] = judge(measurement, policy, self._alpha)
        return self._known[key]
