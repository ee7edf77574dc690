"""Judging features together: dependence that changed between features that did not change themselves."""

from __future__ import annotations

from collections.abc import Sequence

from stream_monitor.core.hints.hint import Hint, HintKind
from stream_monitor.core.joint_comparison import (
    JointComparison,
    JointReference,
    PairComparison,
    deciding_pair,
)
from stream_monitor.core.plain_comparison import plain_comparison
from stream_monitor.core.policy import (
    JOINT,
    Aspect,
    FeaturePolicy,
    ModelSpec,
    ReferenceKind,
    SubjectKind,
)
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.results import FeatureResult, feature_result
from stream_monitor.core.verdicts import (
    MINIMUM_WINDOWS,
    Measurement,
    VerdictState,
    floors_of,
    judge,
)


def judge_joint(
    kind: ReferenceKind, reference: JointReference, window: WindowProfile,
    results: Sequence[FeatureResult], spec: ModelSpec, alpha: float,
) -> FeatureResult | None:  # fmt: skip
    """What the pairs of a window say beside a reference; `results` are its features' beside the same one.

    A pair with a feature that drifts by itself does not decide. Reported beside: the reconstruction error of
    the reference's principal components, and the share of features that drift. None without pairs.
    """
    own = window.joint
    if own is None or own.params != reference.params:
        return None
    states = {r.feature: r.state for r in results}
    found = reference.compare(own, lambda name: states.get(name) is not VerdictState.DRIFT)
    policy = spec.policy(JOINT)
    chosen = _chosen(found, policy, len(reference.windows) >= MINIMUM_WINDOWS)
    measured = tuple(_measurement(aspect, pair, kind) for aspect, pair in chosen.items())
    rows = (window.events, max((p.n_reference for p in chosen.values()), default=0))
    compared = plain_comparison(
        JOINT, SubjectKind.JOINT, rows, len(reference.windows), measured,
        _scores(found, chosen), {"drifted_features": _drifted_share(results)},
    )  # fmt: skip
    verdicts = tuple(judge(m, policy, alpha) for m in measured)
    result = feature_result(compared, kind, verdicts)
    drifting = [v.measurement.aspect for v in verdicts if v.state is VerdictState.DRIFT]
    hints = tuple(_hint(aspect, chosen[aspect]) for aspect in drifting)
    return FeatureResult(
        result.feature, result.kind, kind, result.state, result.severity, verdicts, compared,
        hints=hints,
    )  # fmt: skip


def _chosen(
    found: JointComparison, policy: FeaturePolicy, has_windows: bool
) -> dict[Aspect, PairComparison]:
    """The pair that stands for each kind of pairs.

    Where the reference has windows enough, a pair that only few of them could measure (one feature is
    constant on most days) does not decide: rows alone would.
    """
    kinds = {
        aspect: [p for p in pairs if p.p_window is not None or not has_windows]
        for aspect, pairs in (
            (Aspect.CORRELATION, found.correlations),
            (Aspect.ASSOCIATION, found.associations),
        )
    }
    deciding = {a: deciding_pair(p, floors_of(a, "", policy)[0]) for a, p in kinds.items()}
    return {aspect: pair for aspect, pair in deciding.items() if pair is not None}


def _measurement(aspect: Aspect, pair: PairComparison, kind: ReferenceKind) -> Measurement:
    test = "fisher_z" if aspect is Aspect.CORRELATION else "association_chi_square"
    is_thin = pair.p_window is None and not kind.is_frozen
    return Measurement(
        aspect, test, pair.statistic, pair.p_iid, pair.p_window, pair.effect, float(is_thin)
    )


def _scores(
    found: JointComparison, chosen: dict[Aspect, PairComparison]
) -> dict[str, float | None]:
    """Effects of the deciding pairs, and the reconstruction error."""
    changes = {
        f"{aspect.value}_change": chosen[aspect].effect if aspect in chosen else None
        for aspect in (Aspect.CORRELATION, Aspect.ASSOCIATION)
    }
    error = found.reconstruction
    return changes | {"reconstruction": None if error is None else error.statistic}


def _drifted_share(results: Sequence[FeatureResult]) -> float | None:
    judged = [r for r in results if r.state.is_judged]
    drifting = sum(r.state is VerdictState.DRIFT for r in judged)
    return drifting / len(judged) if judged else None


def _hint(aspect: Aspect, pair: PairComparison) -> Hint:
    word = "correlation" if aspect is Aspect.CORRELATION else "association"
    before, after = pair.reference or 0.0, pair.window or 0.0
    text = (
        f"the {word} of {pair.first} and {pair.second} went from {before:.2f} to {after:.2f}, while "
        "neither changed by itself"
    )
    detail: dict[str, str | float] = {
        "first": pair.first, "second": pair.second, "before": before, "after": after,
    }  # fmt: skip
    return Hint(HintKind.DEPENDENCE, text, 0.9, detail)
