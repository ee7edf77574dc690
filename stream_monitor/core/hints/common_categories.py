"""How much the categories of one feature's window and of other features' references have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream_monitor.core.hints.feature_evidence import CategoricalEvidence
from stream_monitor.core.hints.transforms import Floats


class CommonCategories:
    """Compares every window with every reference; an index by category leaves out what cannot agree."""

    def __init__(self, features: Sequence[CategoricalEvidence]) -> None:
        self._features = features
        self._rows = np.array([(f.window.n, f.reference.n) for f in features], np.float64)
        postings: dict[str, list[tuple[int, float]]] = {}
        for j, feature in enumerate(features):
            for name, rows in _reference(feature).items():
                postings.setdefault(name, []).append((j, rows / feature.reference.n))
        self._holders = {
            name: (np.array([j for j, _ in held]), np.array([p for _, p in held]))
            for name, held in postings.items()
        }
        shares = [f.reference.counts / f.reference.n for f in features]
        self._spread = np.array([float(np.sqrt(p * (1 - p)).sum()) for p in shares])

    def variations(self, i: int) -> Floats:
        """Total variation of one feature's window and of every reference.

        Of more unseen values than are kept, those that are stand for all.
        """
        feature, common = self._features[i], np.zeros(len(self._features))
        window = feature.window
        kept = sum(rows for _, rows in window.unseen_values)
        known = zip(feature.binning.categories, window.counts.tolist(), strict=True)
        for listed, weight in (
            (known, 1.0),
            (window.unseen_values, window.unseen / kept if kept else 0.0),
        ):
            for name, rows in listed:
                if rows and name in self._holders:
                    holders, shares = self._holders[name]
                    common[holders] += weight * np.minimum(rows / window.n, shares)
        return np.maximum(0.0, 1.0 - common)

    def chance(self, i: int) -> Floats:
        """The total variation that chance leaves between one feature's window and every reference."""
        n, m = self._rows[i, 0], self._rows[:, 1]
        return np.asarray(0.4 * self._spread * np.sqrt(1 / n + 1 / m))


def _reference(feature: CategoricalEvidence) -> dict[str, int]:
    before = dict(feature.reference.unseen_values)
    known = zip(feature.binning.categories, feature.reference.counts.tolist(), strict=True)
    return before | dict(known)
