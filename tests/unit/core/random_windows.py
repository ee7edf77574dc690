"""Windows of a model with every kind of feature: continuous, discrete, with atoms, constant, categorical."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stream_monitor.core.binning import Binning, learn_categories, learn_numeric
from stream_monitor.core.profile.categorical import CategoricalPart
from stream_monitor.core.profile.numeric import NumericPart
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.core.references import SegmentReference, WindowProfile, sum_profiles
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.windows import Window
from tests.unit.core.builders import HOUR_S

NUMERIC = ("atoms", "constant", "counts", "dirty", "heavy", "normal")
CATEGORICAL = ("few", "many", "rare", "unseen")  # in order of name, as in every schema
_CATEGORIES = {"few": 3, "many": 40, "rare": 25, "unseen": 8}


@dataclass(frozen=True)
class RandomWindows:
    """Windows from one generator; `is_coarse` counts them by the bins of segments."""

    rng: Generator
    is_coarse: bool = False

    @property
    def layout(self) -> Layout:
        """The layout that all of them share."""
        return _LAYOUT.coarse if self.is_coarse else _LAYOUT

    def window(self, index: int, rows: int, shift: float = 0.0) -> WindowProfile:
        """One hour; `shift` moves every feature."""
        parts = {
            "numeric": self._numeric(rows, shift),
            "categorical": self._categorical(rows, shift),
        }
        start = index * HOUR_S
        return WindowProfile(Window(start, start + HOUR_S), Profile(self.layout, parts))

    def windows(self, count: int, rows: int = 300) -> tuple[WindowProfile, ...]:
        """Windows in order of time."""
        return tuple(self.window(i, rows) for i in range(count))

    def _numeric(self, rows: int, shift: float) -> NumericPart:
        part = NumericPart.empty(self.layout.bins.numeric)
        values = np.array([_values(name, self.rng, rows, shift) for name in NUMERIC])
        dirty = NUMERIC.index("dirty")
        values[dirty, self.rng.random(rows) < 0.02] = np.nan
        states = np.zeros(values.shape, np.uint8)
        states[dirty] = self.rng.choice(3, rows, p=(0.9 - shift / 2, 0.06 + shift / 2, 0.04))
        part.update(values, states, np.zeros(rows, np.int64))
        return part

    def _categorical(self, rows: int, shift: float) -> CategoricalPart:
        part = CategoricalPart.empty(self.layout.bins.categorical)
        for f, name in enumerate(CATEGORICAL):
            shares = _shares(name, shift)
            part.arrays["counts"][0, f, : len(shares)] = self.rng.multinomial(rows, shares)
        unseen = CATEGORICAL.index("unseen")
        part.arrays["unseen"][0, unseen] = self.rng.poisson(3) if rows else 0
        part.arrays["missing"][0, 0] = self.rng.poisson(4 * (1 + shift)) if rows else 0
        if shift:
            part.arrays["unseen"][0, 1] = 7
        return part


def reference_of(windows: tuple[WindowProfile, ...], layout: Layout) -> SegmentReference:
    """The windows of size 1h and their sum."""
    total = sum_profiles([w.profile for w in windows], layout)
    return SegmentReference(WindowProfile(Window(0, HOUR_S * len(windows)), total), {"1h": windows})


def _values(name: str, rng: Generator, rows: int, shift: float) -> NDArray[np.float64]:
    if name == "heavy":
        return np.asarray(rng.lognormal(0, 1, rows) * (1 + shift))
    if name == "counts":
        return rng.poisson(3 * (1 + shift), rows).astype(np.float64)
    if name == "atoms":
        return np.where(rng.random(rows) < 0.3 + shift / 4, 0.0, rng.normal(1, 1, rows))
    if name == "constant":
        return np.full(rows, 7.0 + shift)
    return np.asarray(rng.normal(10 + shift, 2, rows))


def _shares(name: str, shift: float) -> NDArray[np.float64]:
    shares = 1.0 / np.arange(1, _CATEGORIES[name] + 1)
    shares[0] *= 1 + shift
    if name == "rare":
        shares[10:] = 0.0
    return np.asarray(shares / shares.sum())


def _layout() -> Layout:
    rng = np.random.default_rng(0)
    features = [Feature(name, FeatureKind.NUMERIC) for name in NUMERIC]
    features += [Feature(name, FeatureKind.CATEGORICAL) for name in CATEGORICAL]
    numeric = tuple(learn_numeric(_values(name, rng, 5_000, 0.0)) for name in NUMERIC)
    categorical = tuple(
        learn_categories([f"v{i:02}" for i in range(n)], [1] * n) for n in _CATEGORIES.values()
    )
    return Layout(Binning(Schema(tuple(features)), numeric, categorical))


_LAYOUT = _layout()
