"""Two features of one window that changed places: each looks like the other's reference.

Only features that are far from their own reference are candidates. Means and spreads, or common categories,
choose at most eight partners for each, over all candidates at once; those are looked at closely.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from stream_monitor.core.hints.common_categories import CommonCategories
from stream_monitor.core.hints.feature_evidence import (
    CategoricalEvidence,
    FeatureEvidence,
    NumericEvidence,
)
from stream_monitor.core.hints.hint import Hint, HintKind
from stream_monitor.core.hints.transforms import Floats, distance, noise, points_of

_OWN: Final = 0.2
_CLOSE: Final = 0.05
_LEAST_ROWS: Final = 30
_PARTNERS: Final = 8

Found = tuple[float, str, str]


def swap_hints(features: Sequence[FeatureEvidence]) -> tuple[Hint, ...]:
    """One hint per pair of features of one window that changed places, each feature in one pair.

    Both must be far from their own reference (D or total variation of 0.2) and agree with the other's.
    """
    numeric = [f for f in features if isinstance(f, NumericEvidence) and _is_far(f)]
    texts = [f for f in features if isinstance(f, CategoricalEvidence) and _has_rows(f)]
    return tuple(_hint(a, b) for a, b in _best([*_numeric(numeric), *_categorical(texts)]))


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


def _has_rows(evidence: FeatureEvidence) -> bool:
    return min(evidence.window.n, evidence.reference.n) >= _LEAST_ROWS


def _is_far(evidence: NumericEvidence) -> bool:
    window, reference = evidence.window, evidence.reference
    return _has_rows(evidence) and distance(reference.counts / reference.n, window.counts) >= _OWN


def _numeric(features: Sequence[NumericEvidence]) -> list[Found]:
    found = []
    for i, partners in enumerate(_alike(features)):
        for j in partners:
            a, b = features[i], features[j]
            both = _misfit(a, b), _misfit(b, a)
            most = noise(a.window.n, b.reference.n), noise(b.window.n, a.reference.n)
            if both[0] <= most[0] and both[1] <= most[1]:
                found.append((sum(both), a.name, b.name))
    return found


def _alike(features: Sequence[NumericEvidence]) -> list[list[int]]:
    """Per feature those after it that it agrees with in mean and spread, both ways; the nearest ones."""
    sides = np.array(
        [
            [
                f.window.n,
                f.window.mean,
                f.window.sd,
                f.reference.n,
                f.reference.mean,
                f.reference.sd,
            ]
            for f in features
        ],
        np.float64,
    ).reshape(-1, 6)
    window, other = sides[:, :3].T, sides[:, 3:].T
    steps = np.array([f.binning.step for f in features])
    return [
        _nearest(
            i,
            np.maximum(
                _deviation(window[:, i], other[:, i + 1 :], steps[i] + steps[i + 1 :]),
                _deviation(window[:, i + 1 :], other[:, i], steps[i] + steps[i + 1 :]),
            ),
        )
        for i in range(len(features))
    ]


def _nearest(i: int, deviations: Floats) -> list[int]:
    close = np.flatnonzero(deviations <= 1)
    order = np.argsort(deviations[close], kind="stable")[:_PARTNERS]
    return [int(j) + i + 1 for j in close[order]]


def _deviation(window: Floats, other: Floats, step: Floats) -> Floats:
    """How far windows are from other features' references in mean and spread; up to 1 they agree."""
    n, mean, sd = window
    m, other_mean, other_sd = other
    error = other_sd * np.sqrt(1 / n + 1 / m) + step
    with np.errstate(invalid="ignore"):
        is_as_wide = (sd >= other_sd / 2 - step) & (sd <= 2 * other_sd + step)
        return np.where(is_as_wide, np.abs(mean - other_mean) / (5 * error), np.inf)


def _misfit(a: NumericEvidence, b: NumericEvidence) -> float:
    """D of b's reference, put into a's bins, beside a's window."""
    shares = points_of(b.reference, b.binning).histogram(a.binning)
    return distance(shares, a.window.counts)


def _categorical(features: Sequence[CategoricalEvidence]) -> list[Found]:
    common = CommonCategories(features)
    own = np.array([common.variations(i)[i] for i in range(len(features))])
    far = np.flatnonzero(own >= _OWN)
    agreeing: dict[tuple[int, int], float] = {}
    for i in far.tolist():
        variations = common.variations(i)[far]
        most = np.minimum(1.5 * common.chance(i)[far] + _CLOSE, own[i] / 2)
        close = np.flatnonzero(variations <= most)
        order = np.argsort(variations[close], kind="stable")[:_PARTNERS]
        agreeing |= {(i, int(far[j])): float(variations[j]) for j in close[order]}
    return [
        (variation + agreeing[j, i], features[i].name, features[j].name)
        for (i, j), variation in agreeing.items()
        if i < j and (j, i) in agreeing
    ]
