"""Judging the part of an open window that is over: by evidence that may be looked at again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from stream_monitor.core.budget import alpha_of
from stream_monitor.core.comparison import Comparison, ReferenceView
from stream_monitor.core.drift.e_process import dirichlet_evidence
from stream_monitor.core.evidence_cells import sides_of
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import SegmentReference, WindowProfile, sum_profiles
from stream_monitor.core.results import FeatureResult, WindowKey, feature_result
from stream_monitor.core.verdicts import Measurement, VerdictState, judge
from stream_monitor.core.windows import Window, WindowSize, part_size

_TESTS: Final = {"ks": "e_process_ordered"}


@dataclass(frozen=True)
class PartReference:
    """A frozen reference for the first part of a window: the same part of each of its own windows.

    `share` is the part of a window's rows that are usually there by then, `looks` how many looks there are
    at a window. `whole` is the reference as a whole, against which the evidence of rows grows.
    """

    view: ReferenceView
    whole: WindowProfile
    share: float
    looks: int


def part_reference(
    kind: ReferenceKind, elapsed_s: int, key: WindowKey, size: WindowSize, spec: ModelSpec,
    catalogue: ReferenceCatalogue,
) -> PartReference | None:  # fmt: skip
    """The reference for the first `elapsed_s` of a window; None where it holds no such parts."""
    step = part_size(size, spec.windows)
    if step is None:
        return None
    views = [
        catalogue.view(spec, key.profile_id, key.segment, name, kind)
        for name in (size.name, step.name)
    ]
    whole, steps = views
    if whole is None or steps is None:
        return None
    parts = _parts(whole.windows, steps.windows, size, elapsed_s)
    events = sum(window.events for window in whole.windows)
    if not parts or not events:
        return None
    layout = whole.total.profile.layout
    span = Window(parts[0].window.start_s, parts[-1].window.end_s)
    total = WindowProfile(span, sum_profiles((part.profile for part in parts), layout))
    view = ReferenceView(SegmentReference(total, {size.name: parts}), size.name, needs_windows=True)
    return PartReference(
        view, whole.total, total.events / events, size.longest_s // step.size_s - 1
    )


def _parts(
    windows: Sequence[WindowProfile], steps: Sequence[WindowProfile], size: WindowSize, elapsed_s: int
) -> tuple[WindowProfile, ...]:  # fmt: skip
    """The first `elapsed_s` of each of the windows in which there were events, added up from steps."""
    grouped: dict[int, list[Profile]] = {window.window.start_s: [] for window in windows}
    for step in steps:
        start_s = size.window_at(step.window.start_s).start_s
        if start_s in grouped and step.window.end_s <= start_s + elapsed_s:
            grouped[start_s].append(step.profile)
    return tuple(
        WindowProfile(Window(start_s, start_s + elapsed_s), reduce(Profile.merge, found))
        for start_s, found in grouped.items()
        if found
    )


def judge_part(
    kind: ReferenceKind, reference: PartReference, part: WindowProfile, key: WindowKey,
    size: WindowSize, spec: ModelSpec, catalogue: ReferenceCatalogue,
) -> list[FeatureResult]:  # fmt: skip
    """The features that drift already.

    Per aspect p = max(1/E, looks·p of windows): E of `dirichlet_evidence` beside the whole reference holds
    for any number of looks, and the p of the part among the same parts of the reference's windows is shared
    by Bonferroni among the looks. Both must reach α, and the windows be enough (MINIMUM_WINDOWS), for rows
    alone say nothing of how the windows differ. The effect is what the whole window's would be if the rest
    of it were like the reference: the part's times `share`.
    """
    alpha = alpha_of(spec, size, key.segment, catalogue.segments(spec, key.profile_id))
    found = []
    for compared in reference.view.compare(part, spec.policies):
        policy = spec.policy(compared.feature)
        scaled = [_scaled(m, reference) for m in compared.measurements]
        if not any(judge(m, policy, alpha).state is VerdictState.DRIFT for m in scaled):
            continue
        verdicts = tuple(
            judge(_weighed(m, compared, reference, part), policy, alpha) for m in scaled
        )
        result = feature_result(compared, kind, verdicts)
        if result.state is VerdictState.DRIFT:
            found.append(result)
    return found


def _scaled(m: Measurement, reference: PartReference) -> Measurement:
    """By what of the window is there, and what of α is this look's."""
    p = None if m.p_window is None else min(1.0, reference.looks * m.p_window)
    return replace(m, p_iid=0.0, p_window=p, effect=m.effect * reference.share)


def _weighed(
    m: Measurement, compared: Comparison, reference: PartReference, part: WindowProfile
) -> Measurement:  # fmt: skip
    """With the evidence of rows."""
    sides = sides_of(compared, m, reference.view.schema, reference.whole.tables, part.tables)
    evidence = dirichlet_evidence(*sides)
    log_e, p = (0.0, 1.0) if evidence is None else (evidence.log_e, evidence.p)
    return replace(m, test=_TESTS.get(m.test, "e_process"), statistic=log_e, p_iid=p)
