"""Judging one closed window: against each reference, every feature, by its deciding tests."""

from __future__ import annotations

from collections.abc import Sequence

from stream_monitor.core.budget import JOINT_REFERENCES, alpha_of
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.feature_judging import View, judge_features
from stream_monitor.core.history_references import (
    History,
    Past,
    chosen_windows,
    moving_view,
    one_history,
)
from stream_monitor.core.joint_judging import judge_joint
from stream_monitor.core.policy import VOLUME, ModelSpec, ReferenceKind
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import HOURS, WindowProfile
from stream_monitor.core.results import FeatureResult, WindowKey, escalated, feature_result
from stream_monitor.core.verdicts import judge
from stream_monitor.core.volume import compare_volume
from stream_monitor.core.windows import WindowSize


def judge_window(
    window: WindowProfile,
    key: WindowKey,
    size: WindowSize,
    spec: ModelSpec,
    catalogue: ReferenceCatalogue,
    past: Past,
    hours: Sequence[WindowProfile] = (),
    past_hours: Past = (),
) -> tuple[FeatureResult, ...]:
    """Results per reference and feature; `past` is of this segment, size and profile id.

    `hours` are those of the window and `past_hours` earlier ones, for the seasonal reference. Without a
    reference every feature is no_reference.
    """
    results: list[FeatureResult] = []
    history = _history(key, spec, catalogue, past, past_hours, hours)
    alpha = alpha_of(spec, size, key.segment, catalogue.segments(spec, key.profile_id))
    for kind in spec.kinds_for(size):
        view: View | None
        if kind.is_frozen:
            view = catalogue.view(spec, key.profile_id, key.segment, size.name, kind)
        else:
            view = moving_view(kind, history, window.window, size, spec, catalogue.sums)
        found = escalated(judge_features(kind, view, window, spec, alpha), spec)
        results += found
        if key.segment == ALL and kind in JOINT_REFERENCES and isinstance(view, ReferenceView):
            together = view.joint
            joint = together and judge_joint(kind, together, window, found, spec, alpha)
            results += [joint] if joint else []
    if spec.judges_volume:
        earlier = chosen_windows(ReferenceKind.SEASONAL, history.windows, window.window, size, spec)
        compared = compare_volume(window, earlier, size)
        policy = spec.policy(VOLUME)
        verdicts = tuple(judge(m, policy, alpha) for m in compared.measurements)
        results.append(feature_result(compared, ReferenceKind.SEASONAL, verdicts))
    return tuple(results)


def _history(
    key: WindowKey, spec: ModelSpec, catalogue: ReferenceCatalogue, past: Past, past_hours: Past,
    own: Sequence[WindowProfile],
) -> History:  # fmt: skip
    if all(kind.is_frozen for kind in spec.references) and not spec.judges_volume:
        return History(())

    def whole(ran: Past, size: str) -> list[WindowProfile]:
        seeds = catalogue.windows(spec, key.profile_id, key.segment, size)
        return one_history(ran, seeds, catalogue.sums)

    if ReferenceKind.SEASONAL not in spec.references:
        return History(whole(past, key.size))
    return History(whole(past, key.size), whole(past_hours, HOURS), own)
