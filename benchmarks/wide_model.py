"""A model of 10,000 features and windows with random counts: what judging is timed on."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Final

import numpy as np

from stream_monitor.core.binning import Binning, learn_categories, learn_numeric
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.categorical import CategoricalPart
from stream_monitor.core.profile.numeric import NumericPart
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.windows import DAY_S, WindowSize

NUMERIC: Final = 7_000
CATEGORICAL: Final = 3_000
SIZE: Final = WindowSize(DAY_S)
_ROWS: Final = 2_000
_CATEGORIES: Final = range(3, 51)
_DISCRETE_EVERY: Final = 10


class WideModel:
    """Windows of one day each; every tenth numeric feature is discrete, one value in 500 is missing."""

    def __init__(self, start_s: int, rng: np.random.Generator) -> None:
        self._start_s = start_s
        self._rng = rng
        names = [f"f{i:05d}" for i in range(NUMERIC + CATEGORICAL)]
        kinds = [FeatureKind.NUMERIC] * NUMERIC + [FeatureKind.CATEGORICAL] * CATEGORICAL
        schema = Schema(tuple(Feature(*pair) for pair in zip(names, kinds, strict=True)))
        values = rng.standard_normal(20_000)
        discrete = np.floor(2 * np.abs(values))
        self._values = [discrete] + [values] * (_DISCRETE_EVERY - 1)
        binnings = [learn_numeric(discrete)] + [learn_numeric(values)] * (_DISCRETE_EVERY - 1)
        lists = [learn_categories([f"value-{i}" for i in range(n)], [1] * n) for n in _CATEGORIES]
        numeric = tuple(islice(cycle(binnings), NUMERIC))
        categorical = tuple(islice(cycle(lists), CATEGORICAL))
        self.spec = ModelSpec("wide", schema, windows=(SIZE,))
        self.layout = Layout(Binning(schema, numeric, categorical))

    def window(self, day: int) -> WindowProfile:
        """The window of one day."""
        parts = {"numeric": self._numeric(), "categorical": self._categorical()}
        window = SIZE.window_at(self._start_s + day * DAY_S)
        return WindowProfile(window, Profile(self.layout, parts))

    def _numeric(self) -> NumericPart:
        part = NumericPart.empty(self.layout.bins.numeric)
        for i, values in enumerate(self._values):
            binning = self.layout.bins.numeric[i]
            bins = np.searchsorted(binning.edges, values, side="right")
            held = np.bincount(bins, minlength=binning.bins)
            middles = np.bincount(bins, values, minlength=binning.bins) / np.maximum(1, held)
            steps = np.rint((middles - binning.median) / binning.step).astype(np.int64)
            counts = part.arrays["counts"][0, i::_DISCRETE_EVERY, : binning.bins]
            counts[:] = self._rng.multinomial(_ROWS, held / held.sum(), len(counts))
            part.arrays["sums"][0, i::_DISCRETE_EVERY, : binning.bins] = counts * steps
        part.arrays["missing"] += self._rng.poisson(_ROWS / 500, part.arrays["missing"].shape)
        return part

    def _categorical(self) -> CategoricalPart:
        part = CategoricalPart.empty(self.layout.bins.categorical)
        for i, size in enumerate(_CATEGORIES):
            counts = part.arrays["counts"][0, i :: len(_CATEGORIES), :size]
            counts[:] = self._rng.multinomial(_ROWS, np.full(size, 1 / size), len(counts))
        part.arrays["missing"] += self._rng.poisson(_ROWS / 500, part.arrays["missing"].shape)
        return part
