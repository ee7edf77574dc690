"""Rounded, or no longer rounded: the number of decimals that values need."""

from __future__ import annotations

from typing import Final

from stream_monitor.core.hints.feature_evidence import NumericEvidence
from stream_monitor.core.hints.hint import Hint, HintKind, percent
from stream_monitor.core.profile.numeric import NumericSummary

_LEAST_ROWS: Final = 30
_NEARLY_ALL: Final = 0.99
_LEAST_RISE: Final = 0.2


def resolution_hint(evidence: NumericEvidence) -> Hint | None:
    """The least number of decimals whose share of values changed most: rounding, or the end of it.

    Zeros are left out, since a default of 0 is no rounding. None below 30 values on a side.
    """
    before, after = _shares(evidence.reference), _shares(evidence.window)
    if before is None or after is None:
        return None
    rises = [b - a for a, b in zip(before, after, strict=True)]
    places = max(range(len(rises)), key=lambda i: (rises[i] >= _LEAST_RISE, -i))
    if rises[places] >= _LEAST_RISE:
        return _rounded(places, before[places], after[places])
    places = max(range(len(rises)), key=lambda i: (rises[i] <= -_LEAST_RISE, i))
    if rises[places] <= -_LEAST_RISE and before[places] >= _NEARLY_ALL:
        return _finer(places, before[places], after[places])
    return None


def is_rounded(evidence: NumericEvidence) -> bool:
    """Whether (nearly) all values of the window need fewer decimals than most of the reference's."""
    reference, window = evidence.reference, evidence.window
    pairs = zip(reference.decimals, window.decimals, strict=True)
    return any(a < reference.n / 2 and b >= _NEARLY_ALL * window.n for a, b in pairs)


def _shares(summary: NumericSummary) -> tuple[float, ...] | None:
    others = summary.n - summary.zero
    if others < _LEAST_ROWS:
        return None
    return tuple((count - summary.zero) / others for count in summary.decimals)


def _rounded(places: int, before: float, after: float) -> Hint:
    text = f"{percent(after)} of the values {_are(places)}, in the reference {percent(before)}"
    confidence = 0.85 if after >= _NEARLY_ALL else 0.6
    detail = {"decimals": float(places), "share": after, "share_before": before}
    return Hint(HintKind.RESOLUTION, f"{text}; probably rounded", confidence, detail)


def _finer(places: int, before: float, after: float) -> Hint:
    text = f"only {percent(after)} of the values {_are(places)}, in the reference {percent(before)}"
    detail = {"decimals": float(places), "share": after, "share_before": before}
    why = "probably no longer rounded, or computed"
    return Hint(HintKind.RESOLUTION, f"{text}; {why}", 0.6, detail)


def _are(places: int) -> str:
    if not places:
        return "are whole numbers"
    return f"have at most {places} decimal{'s' if places > 1 else ''}"
