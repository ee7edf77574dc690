"""Two features of one window that changed places: each looks like the other's reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np

from stream_monitor.core.hints.feature_evidence import (
    CategoricalEvidence,
    FeatureEvidence,
    NumericEvidence,
)
from stream_monitor.core.hints.hint import Hint, HintKind
from stream_monitor.core.hints.transforms import distance, noise, points_of

_OWN: Final = 0.2
_CLOSE: Final = 0.05
_LEAST_ROWS: Final = 30

Found = tuple[float, str, str]


def swap_hints(features: Sequence[FeatureEvidence]) -> tuple[Hint, ...]:
    """One hint per pair of features of one window that changed places, each feature in one pair.

    Both must be far from their own reference (D or total variation of 0.2) and agree with the other's.
    """
    numeric = [f for f in features if isinstance(f, NumericEvidence) and _is_far(f)]
    texts = [f for f in features if isinstance(f, CategoricalEvidence) and _is_far_category(f)]
    found: list[Found] = []
    for a, b in combinations(numeric, 2):
        if _agrees(a, b) and _agrees(b, a):
            found.append((_misfit(a, b) + _misfit(b, a), a.name, b.name))
    for c, d in combinations(texts, 2):
        if _agrees_category(c, d) and _agrees_category(d, c):
            found.append((_variation(c, d) + _variation(d, c), c.name, d.name))
    return tuple(_hint(a, b) for a, b in _best(found))


def _best(found: list[Found]) -> list[tuple[str, str]]:
    used: set[str] = set()
    kept = []
    for _, a, b in sorted(found):
        if not used & {a, b}:
            used |= {a, b}
            kept.append((a, b))
    return kept


def _hint(a: str, b: str) -> Hint:
    text = f"{a} holds what {b} held in the reference, and {b} what {a} held; probably swapped"
    return Hint(HintKind.COLUMN_SWAP, text, 0.98, {"first": a, "second": b})


def _is_far(evidence: NumericEvidence) -> bool:
    window, reference = evidence.window, evidence.reference
    if min(window.n, reference.n) < _LEAST_ROWS:
        return False
    return distance(reference.counts / reference.n, window.counts) >= _OWN


def _agrees(a: NumericEvidence, b: NumericEvidence) -> bool:
    """Whether a's window agrees with b's reference: its counts, mean and spread."""
    window, other = a.window, b.reference
    if window.mean is None or window.sd is None or other.mean is None or other.sd is None:
        return False
    step = a.binning.step + b.binning.step
    error = other.sd * math.sqrt(1 / window.n + 1 / other.n) + step
    is_near = abs(window.mean - other.mean) <= 5 * error
    is_as_wide = other.sd / 2 - step <= window.sd <= 2 * other.sd + step
    return is_near and is_as_wide and _misfit(a, b) <= noise(window.n, other.n)


def _misfit(a: NumericEvidence, b: NumericEvidence) -> float:
    """D of b's reference, put into a's bins, beside a's window."""
    shares = points_of(b.reference, b.binning).histogram(a.binning)
    return distance(shares, a.window.counts)


def _is_far_category(evidence: CategoricalEvidence) -> bool:
    if min(evidence.window.n, evidence.reference.n) < _LEAST_ROWS:
        return False
    return _variation(evidence, evidence) >= _OWN


def _agrees_category(a: CategoricalEvidence, b: CategoricalEvidence) -> bool:
    """Whether a's values are b's known ones, in b's shares."""
    p = b.reference.counts / b.reference.n
    chance = 0.4 * float(np.sqrt(p * (1 - p) * (1 / a.window.n + 1 / b.reference.n)).sum())
    most = 1.5 * chance + _CLOSE
    return _variation(a, b) <= min(most, _variation(a, a) / 2)


def _variation(a: CategoricalEvidence, b: CategoricalEvidence) -> float:
    """Total variation of a's window and b's reference.

    Of more unseen values than are kept, those that are stand for all.
    """
    before = dict(b.reference.unseen_values)
    before |= zip(b.binning.categories, b.reference.counts.tolist(), strict=True)
    known = zip(a.binning.categories, a.window.counts.tolist(), strict=True)
    kept = sum(rows for _, rows in a.window.unseen_values)
    common = _common(known, a.window.n, before, b.reference.n)
    if kept:
        part = _common(a.window.unseen_values, a.window.n, before, b.reference.n)
        common += part * a.window.unseen / kept
    return max(0.0, 1 - common)


def _common(seen: Iterable[tuple[str, int]], n: int, before: Mapping[str, int], m: int) -> float:
    return sum(min(rows / n, before.get(name, 0) / m) for name, rows in seen)
