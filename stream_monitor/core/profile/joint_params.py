"""Which features are counted in pairs, and how: fixed by the binning and the model's configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from stream_monitor.core.binning import GUARD_BINS, Binning, NumericBinning
from stream_monitor.core.errors import InvalidSpecification

MAX_FEATURES: Final = 50
MAX_PAIRS: Final = 20
MAX_CATEGORIES_OF_PAIR: Final = 30


@dataclass(frozen=True, slots=True)
class ScoredFeature:
    """A numeric feature (`index` among the schema's numeric ones) and the borders of its coarse bins."""

    name: str
    index: int
    edges: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CountedCategories:
    """A categorical feature (`index` among the categorical ones); all other values are one more cell."""

    name: str
    index: int
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CategoryPair:
    """Two categorical features whose values are counted together."""

    first: CountedCategories
    second: CountedCategories

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the table, the other values' included."""
        return len(self.first.categories) + 1, len(self.second.categories) + 1

    @property
    def cells(self) -> int:
        """Number of cells of the table."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True)
class JointParams:
    """The numeric features of which all pairs are counted, and the categorical pairs; equal ones merge."""

    features: tuple[ScoredFeature, ...]
    pairs: tuple[CategoryPair, ...] = ()

    @cached_property
    def digest(self) -> str:
        """16 hex digits, equal for equal parameters."""
        return hashlib.blake2b(orjson.dumps(joint_to_json(self)), digest_size=8).hexdigest()

    @cached_property
    def triangle(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where the upper triangle of a (features, features) array lies, diagonal included."""
        return np.triu_indices(len(self.features))

    @cached_property
    def kernel_tables(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Borders padded with +inf, their number, and the feature's index; a row per feature."""
        borders = np.array([len(f.edges) for f in self.features], np.int64)
        edges = np.full((len(borders), int(borders.max(initial=0))), np.inf)
        for i, feature in enumerate(self.features):
            edges[i, : len(feature.edges)] = feature.edges
        return edges, borders, np.array([f.index for f in self.features], np.int64)


def choose_joint(
    binning: Binning,
    importance: Mapping[str, float],
    most: int = MAX_FEATURES,
    pairs: Sequence[tuple[str, str]] = (),
    counts: Mapping[str, Mapping[str, int]] | None = None,
) -> JointParams | None:
    """What to count in pairs: the `most` important numeric features, and the declared categorical pairs.

    Features without an importance count as 1; ties go by the schema's order, in which the chosen stay.
    Constant features are left out, also from the pairs. A table keeps the 29 most frequent categories of
    `counts` (per feature: category → rows), by name where it says nothing.

    None when nothing is left: fewer than two numeric features and no pair. Raises InvalidSpecification
    for more than 20 pairs, or for one that is not of two different categorical features.
    """
    features = _important(binning, importance, min(most, MAX_FEATURES))
    if len(pairs) > MAX_PAIRS:
        raise InvalidSpecification(f"{len(pairs)} pairs are declared: at most {MAX_PAIRS} can be")
    found = [_pair(binning, pair, counts or {}) for pair in pairs]
    kept = tuple(pair for pair in found if pair is not None)
    if len(features) < 2:
        features = ()
    return JointParams(features, kept) if features or kept else None


def _important(
    binning: Binning, importance: Mapping[str, float], most: int
) -> tuple[ScoredFeature, ...]:
    found = [
        ScoredFeature(name, i, coarse_edges(numeric))
        for i, (name, numeric) in enumerate(
            zip(binning.schema.numeric, binning.numeric, strict=False)
        )
        if len(numeric.coarse) > 1
    ]
    found.sort(key=lambda f: (-importance.get(f.name, 1.0), f.index))
    return tuple(sorted(found[:most], key=lambda f: f.index))


def coarse_edges(binning: NumericBinning) -> tuple[float, ...]:
    """Borders between the coarse bins; guards belong to the outermost ones."""
    return tuple(binning.edges[GUARD_BINS - 1 + start] for start in binning.coarse[1:])


def _pair(
    binning: Binning, names: tuple[str, str], counts: Mapping[str, Mapping[str, int]]
) -> CategoryPair | None:
    known = binning.schema.categorical
    if names[0] == names[1] or not set(names) <= set(known):
        raise InvalidSpecification(
            f"pair {names[0]}, {names[1]}: name two different categorical features"
        )
    if not binning.is_learned:
        return None
    first, second = (_counted(binning, known.index(name), counts.get(name, {})) for name in names)
    if not first.categories or not second.categories:
        return None
    return CategoryPair(first, second)


def _counted(binning: Binning, index: int, counts: Mapping[str, int]) -> CountedCategories:
    categories = binning.categorical[index].categories
    ranked = sorted(categories, key=lambda name: (-counts.get(name, 0), name))
    kept = tuple(sorted(ranked[: MAX_CATEGORIES_OF_PAIR - 1]))
    return CountedCategories(binning.schema.categorical[index], index, kept)


def joint_to_json(params: JointParams) -> dict[str, Any]:
    """A JSON-ready form that joint_from_json reads back exactly."""
    return {
        "features": [[f.name, f.index, list(f.edges)] for f in params.features],
        "pairs": [
            [[side.name, side.index, list(side.categories)] for side in (p.first, p.second)]
            for p in params.pairs
        ],
    }


def joint_from_json(data: dict[str, Any]) -> JointParams:
    """The parameters behind joint_to_json."""
    return JointParams(
        tuple(ScoredFeature(name, index, tuple(edges)) for name, index, edges in data["features"]),
        tuple(
            CategoryPair(*(CountedCategories(name, i, tuple(kept)) for name, i, kept in pair))
            for pair in data["pairs"]
        ),
    )
