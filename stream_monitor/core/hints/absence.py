"""Values that are absent or no values: missing, NaN, infinite, of another type."""

from __future__ import annotations

from typing import Final

from stream_monitor.core.hints.feature_evidence import (
    FeatureEvidence,
    NumericEvidence,
    share,
)
from stream_monitor.core.hints.hint import Hint, HintKind, percent

_ALL: Final = 0.995
_LEAST_RISE: Final = 0.005
_LEAST_COERCED: Final = 0.1


def missing_hint(evidence: FeatureEvidence) -> Hint | None:
    """More rows without the feature, or a feature that no row has any more."""
    before, after, rise = _rise(evidence, "missing")
    if rise < _LEAST_RISE or "missing" not in evidence.aspects:
        return None
    detail = {"share": after, "share_before": before}
    if after >= _ALL and before < 0.5:
        text = f"the field is absent from {percent(after)} of the rows; probably renamed or dropped"
        return Hint(HintKind.VANISHED_FIELD, text, 0.99, detail)
    text = f"{percent(after)} of the rows have no value, in the reference {_few(before)}"
    return Hint(HintKind.MISSING_BURST, text, 0.94, detail)


def non_finite_hint(evidence: FeatureEvidence) -> Hint | None:
    """More values that are NaN or infinite."""
    if not isinstance(evidence, NumericEvidence) or "non_finite" not in evidence.aspects:
        return None
    before, after, rise = _rise(evidence, "non_finite")
    if rise < _LEAST_RISE:
        return None
    text = f"{percent(after)} of the values are NaN or infinite, in the reference {_few(before)}"
    return Hint(HintKind.NON_FINITE, text, 0.94, {"share": after, "share_before": before})


def type_hint(evidence: FeatureEvidence) -> Hint | None:
    """More values that could not be read as the declared type, or only by conversion."""
    before, after, rise = _rise(evidence, "wrong_type")
    wanted = "numbers" if isinstance(evidence, NumericEvidence) else "text"
    if "wrong_type" in evidence.aspects and rise >= _LEAST_RISE:
        text = f"{percent(after)} of the values are not {wanted}, in the reference {_few(before)}"
        return Hint(HintKind.TYPE_CHANGE, text, 0.96, {"share": after, "share_before": before})
    if evidence.coerced is None or evidence.coerced[1] - evidence.coerced[0] < _LEAST_COERCED:
        return None
    before, after = evidence.coerced
    how = "numbers come as text" if wanted == "numbers" else "texts come as numbers or booleans"
    text = f"{how} in {percent(after)} of the sampled rows, in the reference {_few(before)}"
    return Hint(HintKind.TYPE_CHANGE, text, 0.5, {"share": after, "share_before": before})


def _rise(evidence: FeatureEvidence, count: str) -> tuple[float, float, float]:
    before = share(getattr(evidence.reference, count), evidence.reference.rows)
    after = share(getattr(evidence.window, count), evidence.window.rows)
    return before, after, after - before


def _few(before: float) -> str:
    return percent(before) if before else "none"
