"""Binnings: edges and category lists fixed by a model's first reference, so that profiles add up.

A numeric feature has up to 80 fine bins (the reference's quantiles), grouped into up to 20 coarse
bins, and 8 guard bins on each side beyond the reference's range, one per decade of its IQR.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.value_counts import ValueCounts

FINE_BINS: Final = 80
COARSE_BINS: Final = 20
GUARD_BINS: Final = 8
MAX_CATEGORIES: Final = 500
STEPS_PER_IQR: Final = 2**16
_LARGEST: Final = 1e290
_SMALLEST: Final = 1e-290


@dataclass(frozen=True, slots=True)
class NumericBinning:
    """Edges of one numeric feature.

    Bin i holds edges[i-1] ≤ x < edges[i]; the first and last GUARD_BINS bins are guards. `coarse` gives
    the first inner bin of each coarse bin. Values are quantised to `step` around `median`.
    """

    edges: tuple[float, ...]
    coarse: tuple[int, ...]
    median: float
    iqr: float
    is_discrete: bool

    @property
    def bins(self) -> int:
        """Number of bins, guards included."""
        return len(self.edges) + 1

    @property
    def inner(self) -> slice:
        """The bins inside the reference's range."""
        return slice(GUARD_BINS, self.bins - GUARD_BINS)

    @property
    def step(self) -> float:
        """Size of one quantisation step, in units of the feature."""
        return self.iqr / STEPS_PER_IQR

    def coarsened(self) -> NumericBinning:
        """The same range with the coarse bins as the only bins."""
        inner_edges = [self.edges[GUARD_BINS - 1 + start] for start in self.coarse]
        edges = self.edges[: GUARD_BINS - 1] + tuple(inner_edges) + self.edges[-GUARD_BINS:]
        return NumericBinning(
            edges, tuple(range(len(self.coarse))), self.median, self.iqr, self.is_discrete
        )


@dataclass(frozen=True, slots=True)
class CategoricalBinning:
    """The categories the reference knows, sorted; every other value is counted as unseen."""

    categories: tuple[str, ...]


@dataclass(frozen=True)
class Binning:
    """The binning of a schema: numeric and categorical binnings in the schema's order.

    `segments` are the values that are counted by themselves, per segment key; all others are one. Without
    a reference everything is empty and only traffic and outcomes are counted.
    """

    schema: Schema
    numeric: tuple[NumericBinning, ...] = ()
    categorical: tuple[CategoricalBinning, ...] = ()
    segments: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_learned(self) -> bool:
        """Whether a reference has fixed it."""
        return bool(self.numeric or self.categorical)

    @cached_property
    def profile_id(self) -> str:
        """16 hex digits: hash of features, kinds, edges, categories and segments; such profiles merge."""
        return hashlib.blake2b(orjson.dumps(binning_to_json(self)), digest_size=8).hexdigest()

    @cached_property
    def coarse(self) -> Binning:
        """The binning of segments: coarse numeric bins, the same categories."""
        numeric = tuple(n.coarsened() for n in self.numeric)
        return Binning(self.schema, numeric, self.categorical, self.segments)

    @cached_property
    def _segments(self) -> dict[str, frozenset[str]]:
        return {key: frozenset(values) for key, values in self.segments}

    def segments_of(self, key: str) -> frozenset[str]:
        """The values of a segment key that are counted by themselves."""
        return self._segments.get(key, frozenset())


def learn_numeric(values: NDArray[np.float64]) -> NumericBinning:
    """The binning of the finite values of a reference (see fit_numeric)."""
    return fit_numeric(ValueCounts.of(values))


def fit_numeric(counts: ValueCounts) -> NumericBinning:
    """Edges from the counted values of a reference; an empty or constant feature gets one inner bin.

    Values beyond ±1e290 count as that, so that every edge is finite.
    """
    if len(counts.values):
        counts = ValueCounts.of(np.clip(counts.values, -_LARGEST, _LARGEST), counts.counts)
    else:
        counts = ValueCounts(np.zeros(1), np.ones(1, np.int64))
    distinct = counts.values
    is_discrete = len(distinct) <= FINE_BINS
    if is_discrete:
        middles = (distinct[:-1] + distinct[1:]) / 2
        inner = np.where(middles > distinct[:-1], middles, distinct[1:])
    else:
        inner = np.unique(counts.quantiles(np.arange(1, FINE_BINS) / FINE_BINS))
        inner = inner[(inner > distinct[0]) & (inner <= distinct[-1])]
    q25, median, q75 = (float(q) for q in counts.quantiles([0.25, 0.5, 0.75]))
    iqr = _scale(counts, q75 - q25)
    low, high = float(distinct[0]), float(np.nextafter(distinct[-1], math.inf))
    decades = iqr * 10.0 ** np.arange(GUARD_BINS - 1)
    edges = np.concatenate([low - decades[::-1], [low], inner, [high], high + decades])
    rows_of_bin = np.zeros(len(inner) + 1, np.int64)
    np.add.at(rows_of_bin, np.searchsorted(inner, distinct, side="right"), counts.counts)
    return NumericBinning(
        tuple(float(e) for e in _strictly_rising(edges)),
        _coarse_starts(rows_of_bin),
        median,
        iqr,
        is_discrete or _has_atoms(counts),
    )


def learn_categories(values: Sequence[str], counts: Sequence[int]) -> CategoricalBinning:
    """The most frequent categories of a reference, at most MAX_CATEGORIES, ties broken by name."""
    ranked = sorted(zip(values, counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return CategoricalBinning(tuple(sorted(value for value, _ in ranked[:MAX_CATEGORIES])))


def _scale(counts: ValueCounts, iqr: float) -> float:
    """A positive scale even where half of the values are one value.

    A scale near the rounding of the values themselves (such as the spread of a constant) is none.
    """
    largest = float(np.max(np.abs(counts.values)))
    smallest = max(_SMALLEST, 16 * float(np.spacing(largest)))
    for candidate in (iqr, counts.deviation(), largest):
        if math.isfinite(candidate) and candidate > smallest:
            return candidate
    return 1.0


def _has_atoms(counts: ValueCounts) -> bool:
    """Whether a single value holds more mass than one fine bin: the cdf jumps there."""
    return bool(counts.counts.max() * FINE_BINS > 2 * counts.rows)


def _coarse_starts(counts: NDArray[np.int64]) -> tuple[int, ...]:
    """First fine bin of each coarse bin: cuts nearest to equal shares of the reference."""
    if len(counts) == FINE_BINS:
        return tuple(range(0, FINE_BINS, FINE_BINS // COARSE_BINS))
    if len(counts) <= COARSE_BINS:
        return tuple(range(len(counts)))
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    wanted = np.arange(COARSE_BINS) * counts.sum() / COARSE_BINS
    return tuple(int(i) for i in np.unique(np.searchsorted(before, wanted)) if i < len(counts))


def _strictly_rising(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges moved up by single ulps where rounding made neighbours equal."""
    rising = edges.copy()
    for i in range(1, len(rising)):
        if rising[i] <= rising[i - 1]:
            rising[i] = np.nextafter(rising[i - 1], math.inf)
    return rising


def binning_to_json(binning: Binning) -> dict[str, Any]:
    """A JSON-ready form that binning_from_json reads back exactly."""
    return {
        "features": [
            [f.name, f.kind.value, *([f.form] if f.form else [])] for f in binning.schema.features
        ],
        "numeric": [
            [list(b.edges), list(b.coarse), b.median, b.iqr, b.is_discrete] for b in binning.numeric
        ],
        "categorical": [list(b.categories) for b in binning.categorical],
        "segments": [[key, list(values)] for key, values in binning.segments],
    }


def binning_from_json(data: dict[str, Any]) -> Binning:
    """The binning behind binning_to_json; raises InvalidSpecification when it does not fit itself."""
    schema = Schema(
        tuple(Feature(name, FeatureKind(kind), *form) for name, kind, *form in data["features"])
    )
    numeric = tuple(
        NumericBinning(tuple(edges), tuple(coarse), median, iqr, is_discrete)
        for edges, coarse, median, iqr, is_discrete in data["numeric"]
    )
    categorical = tuple(CategoricalBinning(tuple(names)) for names in data["categorical"])
    learned = bool(numeric or categorical)
    if learned and (len(numeric), len(categorical)) != (
        len(schema.numeric),
        len(schema.categorical),
    ):
        raise InvalidSpecification("the binning does not cover its schema: rebuild the reference")
    segments = tuple((key, tuple(values)) for key, values in data.get("segments", ()))
    return Binning(schema, numeric, categorical, segments)
