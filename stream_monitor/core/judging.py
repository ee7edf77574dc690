"""Judging one closed window: against each reference, every feature, by its deciding tests."""

from __future__ import annotations

from collections.abc import Sequence

from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import WindowProfile, sliding_reference
from stream_monitor.core.results import FeatureResult, WindowKey, escalated, feature_result
from stream_monitor.core.verdicts import VerdictState, alpha_of, judge
from stream_monitor.core.windows import WindowSize


def judge_window(
    window: WindowProfile,
    key: WindowKey,
    size: WindowSize,
    spec: ModelSpec,
    catalogue: ReferenceCatalogue,
    past: Sequence[tuple[str, WindowProfile]],
) -> tuple[FeatureResult, ...]:
    """Results per reference and feature; `past` holds (version, window) of this segment, size and profile id.

    Without a reference every feature is no_reference.
    """
    results: list[FeatureResult] = []
    for kind in spec.references:
        if kind is ReferenceKind.VALIDATION:
            view = catalogue.view(spec, key.profile_id, key.segment, size.name)
        else:
            history = _history(window, key, size, spec, catalogue, past)
            reference = sliding_reference(history, window.window, size, spec)
            view = None if reference is None else ReferenceView(reference, size.name)
        results += escalated(_judge_features(kind, view, window, size, spec, catalogue), spec)
    return tuple(results)


def _history(
    window: WindowProfile, key: WindowKey, size: WindowSize, spec: ModelSpec,
    catalogue: ReferenceCatalogue, past: Sequence[tuple[str, WindowProfile]],
) -> list[WindowProfile]:  # fmt: skip
    """Past windows of all versions together, the reference's own where none ran yet."""
    oldest = window.window.start_s - spec.sliding_s
    found: dict[int, WindowProfile] = {
        earlier.window.start_s: earlier
        for earlier in catalogue.windows(spec, key.profile_id, key.segment, size.name)
        if earlier.window.start_s >= oldest
    }
    ran: dict[int, WindowProfile] = {}
    for _, earlier in past:
        start = earlier.window.start_s
        if start in ran:
            both = ran[start].profile.merge(earlier.profile)
            ran[start] = WindowProfile(earlier.window, both)
        else:
            ran[start] = earlier
    found |= ran
    return [found[start] for start in sorted(found)]


def _judge_features(
    kind: ReferenceKind, view: ReferenceView | None, window: WindowProfile, size: WindowSize,
    spec: ModelSpec, catalogue: ReferenceCatalogue,
) -> list[FeatureResult]:  # fmt: skip
    if view is None or not window.profile.layout.bins.is_learned:
        return [
            FeatureResult(f.name, f.kind, kind, VerdictState.NO_REFERENCE, None, (), None)
            for f in spec.schema.features
        ]
    alpha = alpha_of(spec, size, catalogue.segments(spec, window.profile.layout.profile_id))
    results = []
    for found in view.compare(window, spec.policies):
        policy = spec.policy(found.feature)
        verdicts = tuple(judge(m, policy, alpha) for m in found.measurements)
        results.append(feature_result(found, kind, verdicts))
    return results
