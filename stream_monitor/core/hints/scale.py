"""Another unit or sign: all rows, or a part of them, multiplied by a power of ten or by −1."""

from __future__ import annotations

from typing import Final

from stream_monitor.core.hints.feature_evidence import NumericEvidence
from stream_monitor.core.hints.hint import Hint, HintKind, percent
from stream_monitor.core.hints.mixture import Mixture, mixture
from stream_monitor.core.hints.resolution import is_rounded
from stream_monitor.core.hints.transforms import points_of

_POWERS: Final = (1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6)
_ONE_SIGN: Final = 0.9


def scale_hint(evidence: NumericEvidence) -> Hint | None:
    """The power of ten that turns the reference into the window, for all rows or for a part.

    None where no power agrees with the counts. Of several that do, the most likely one; part of the
    rows are looked for only outside the reference's range, and not where values were rounded.
    """
    if not evidence.window.n or not evidence.reference.n or _is_constant(evidence):
        return None
    points = points_of(evidence.reference, evidence.binning)
    found = {
        k: mixture(evidence, points, points.moved(lambda x, c=10.0**k: x * c))  # type: ignore[misc]
        for k in _POWERS
    }
    best = max(found, key=lambda k: (found[k].fits, found[k].likelihood))
    if not found[best].fits or (not found[best].is_whole and is_rounded(evidence)):
        return None
    return _hint(evidence, best, found[best])


def _is_constant(evidence: NumericEvidence) -> bool:
    return evidence.reference.minimum == evidence.reference.maximum


def _hint(evidence: NumericEvidence, power: int, found: Mixture) -> Hint:
    times = f"{10 ** abs(power):,} times {'larger' if power > 0 else 'smaller'}"
    rows = "" if found.is_whole else f" for {percent(found.part)} of the rows"
    return Hint(
        HintKind.SCALE,
        f"values are {times} than in the reference{rows}; probably another unit",
        0.95 if found.is_whole else 0.9,
        {"factor": 10.0**power, "share": found.part},
    )


def sign_hint(evidence: NumericEvidence) -> Hint | None:
    """Values with the opposite sign, for all rows or for a part.

    None where the reference has both signs: its mirror image is then the same as a shift.
    """
    if not evidence.window.n or not evidence.reference.n or not _has_one_sign(evidence):
        return None
    points = points_of(evidence.reference, evidence.binning)
    found = mixture(evidence, points, points.moved(lambda x: -x))
    if not found.fits or (not found.is_whole and is_rounded(evidence)):
        return None
    rows = "the values have" if found.is_whole else f"{percent(found.part)} of the values have"
    return Hint(
        HintKind.SIGN_FLIP,
        f"{rows} the opposite sign of those in the reference",
        0.93 if found.is_whole else 0.88,
        {"share": found.part},
    )


def _has_one_sign(evidence: NumericEvidence) -> bool:
    points = points_of(evidence.reference, evidence.binning)
    positive = float(points.weights[points.values > 0].sum())
    negative = float(points.weights[points.values < 0].sum())
    return max(positive, negative) >= _ONE_SIGN * (positive + negative) > 0
