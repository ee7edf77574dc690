"""One value in place of many: a stuck sensor, a default, a sentinel such as −999."""

from __future__ import annotations

from typing import Final

import numpy as np

from stream_monitor.core.binning import NumericBinning
from stream_monitor.core.hints.feature_evidence import (
    CategoricalEvidence,
    NumericEvidence,
    share,
)
from stream_monitor.core.hints.hint import Hint, HintKind, percent
from stream_monitor.core.hints.resolution import is_rounded
from stream_monitor.core.hints.transforms import distance, has_few_values, noise
from stream_monitor.core.profile.numeric import NumericSummary

_NEARLY_ALL: Final = 0.9
_LEAST_SHARE: Final = 0.005
_MOST_BEFORE: Final = 0.01
_LEAST_ROWS: Final = 10
_OTHERS: Final = 0.1
_STRAY: Final = 0.05
_NARROW_IQR: Final = 0.25


def constant_hint(evidence: NumericEvidence) -> Hint | None:
    """The one value that all rows of the window hold, where the reference varies."""
    window, reference = evidence.window, evidence.reference
    if window.minimum is None or window.n < _LEAST_ROWS or window.minimum != window.maximum:
        return None
    place = int(np.searchsorted(evidence.binning.edges, window.minimum, side="right"))
    before = share(int(reference.counts[place]), reference.n)
    if reference.minimum == reference.maximum or before > 1 - 20 / window.n:
        return None
    return _hint(evidence, window.minimum, 1.0)


def near_constant_hint(evidence: NumericEvidence) -> Hint | None:
    """At least 90 % of the window in one narrow bin: a value that is known to within the bin."""
    binning, window = evidence.binning, evidence.window
    place = int(np.argmax(window.counts))
    held = share(int(window.counts[place]), window.n)
    before = share(int(evidence.reference.counts[place]), evidence.reference.n)
    is_inner = binning.inner.start <= place < binning.inner.stop
    is_most = window.n >= _LEAST_ROWS and held >= _NEARLY_ALL and 1 - held <= _OTHERS * (1 - before)
    if not is_inner or not is_most:
        return None
    if binning.edges[place] - binning.edges[place - 1] > _NARROW_IQR * binning.iqr:
        return None
    if window.zero >= _NEARLY_ALL * window.n:
        return _hint(evidence, 0.0, window.zero / window.n)
    return _hint(evidence, float(window.bin_means[place]), held, "about ")


def default_hint(evidence: NumericEvidence) -> Hint | None:
    """A value that hardly any row of the reference holds in a part of the window's rows.

    It is zero, or the window's least or largest value outside the reference's range. All other rows
    must be as before, and not be rounded: rounding makes many equal values.
    """
    return _default(evidence, 0.0)


def likely_default_hint(evidence: NumericEvidence) -> Hint | None:
    """As default_hint, where a few rows near the value hide that the others are equal to it."""
    return _default(evidence, _STRAY)


def _default(evidence: NumericEvidence, stray: float) -> Hint | None:
    window, reference = evidence.window, evidence.reference
    if not window.n or not reference.n or is_rounded(evidence):
        return None
    found = _single_values(window, evidence.binning, stray)
    if share(reference.zero, reference.n) <= _MOST_BEFORE:
        found.append((0.0, window.zero))
    value, rows = max(found, key=lambda pair: pair[1], default=(0.0, 0))
    if rows < max(_LEAST_ROWS, _LEAST_SHARE * window.n):
        return None
    is_only = _others_are_as_before(evidence, value, rows)
    about = "about " if stray else ""
    return _hint(evidence, value, rows / window.n, about) if is_only else None


def _single_values(
    window: NumericSummary, binning: NumericBinning, stray: float
) -> list[tuple[float, int]]:
    """Extremes outside the reference's range whose guard bin's mean is (nearly) the value itself."""
    found = []
    for value in (window.minimum, window.maximum):
        if not value or window.clipped:
            continue
        place = int(np.searchsorted(binning.edges, value, side="right"))
        if binning.inner.start <= place < binning.inner.stop:
            continue
        border = binning.edges[place if place < binning.inner.start else place - 1]
        off = abs(window.bin_means[place] - value)
        if off <= binning.step + stray * abs(border - value):
            found.append((value, int(window.counts[place])))
    return found


def _others_are_as_before(evidence: NumericEvidence, value: float, rows: int) -> bool:
    window, reference = evidence.window, evidence.reference
    place = int(np.searchsorted(evidence.binning.edges, value, side="right"))
    others, before = window.counts.copy(), reference.counts.copy()
    others[place] -= rows
    before[place] -= reference.zero if value == 0 else 0
    n, m = int(others.sum()), int(before.sum())
    return n >= _LEAST_ROWS and m > 0 and distance(before / m, others) <= noise(n, m)


def _hint(evidence: NumericEvidence, value: float, held: float, about: str = "") -> Hint:
    what = f"{about}{value:.6g}" if evidence.may_name else "one value"
    if held >= _NEARLY_ALL:
        text = f"{percent(held)} of the values are {what}; probably a stuck or default value"
    else:
        why = "a new or default value" if has_few_values(evidence.binning) else "a default"
        text = (
            f"{percent(held)} of the values are {what}, more than in the reference; probably {why}"
        )
    detail: dict[str, str | float] = {"share": held}
    if evidence.may_name:
        detail["value"] = value
    return Hint(HintKind.STUCK_VALUE, text, 0.97 if held >= _NEARLY_ALL else 0.92, detail)


def stuck_category_hint(evidence: CategoricalEvidence) -> Hint | None:
    """One known category in (nearly) all rows of the window that had at most 70 % before."""
    window, reference = evidence.window, evidence.reference
    if window.n < _LEAST_ROWS or not len(window.counts):
        return None
    place = int(np.argmax(window.counts))
    held = share(int(window.counts[place]), window.n)
    if held < 0.99 or share(int(reference.counts[place]), reference.n) > 0.7:
        return None
    name = evidence.binning.categories[place]
    is_named = evidence.can_name(int(window.counts[place]))
    what = f"{name!r}" if is_named else "one category"
    return Hint(
        HintKind.STUCK_VALUE,
        f"{percent(held)} of the values are {what}; probably a stuck or default value",
        0.9,
        {"share": held, **({"value": name} if is_named else {})},
    )
