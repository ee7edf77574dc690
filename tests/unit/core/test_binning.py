import math

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream_monitor.core.binning import (
    COARSE_BINS,
    FINE_BINS,
    GUARD_BINS,
    MAX_CATEGORIES,
    Binning,
    NumericBinning,
    binning_from_json,
    binning_to_json,
    learn_categories,
    learn_numeric,
)
from stream_monitor.core.errors import InvalidSpecification
from tests.unit.core.builders import SCHEMA

RNG = np.random.default_rng(5)
NORMAL = RNG.normal(100, 10, 20_000)


def bin_of(binning: NumericBinning, x: float) -> int:
    return int(np.searchsorted(binning.edges, x, side="right"))


def check(binning: NumericBinning, finite: NDArray[np.float64]) -> None:
    edges = np.array(binning.edges)
    assert np.isfinite(edges).all()
    assert (np.diff(edges) > 0).all()
    assert binning.step > 0
    assert binning.coarse[0] == 0
    assert list(binning.coarse) == sorted(set(binning.coarse))
    inner = np.searchsorted(edges, np.clip(finite, -1e290, 1e290), side="right")
    assert inner.min(initial=GUARD_BINS) >= GUARD_BINS
    assert inner.max(initial=GUARD_BINS) < binning.bins - GUARD_BINS
    coarse = binning.coarsened()
    assert (np.diff(coarse.edges) > 0).all()
    assert set(coarse.edges) <= set(binning.edges)
    assert coarse.bins == len(binning.coarse) + 2 * GUARD_BINS
    assert (coarse.edges[0], coarse.edges[-1]) == (binning.edges[0], binning.edges[-1])


def test_continuous_values_get_80_equal_fine_bins_in_20_coarse_ones() -> None:
    binning = learn_numeric(NORMAL)
    check(binning, NORMAL)
    counts = np.bincount(np.searchsorted(binning.edges, NORMAL, side="right"))
    fine = counts[binning.inner]
    assert len(fine) == FINE_BINS
    assert fine.min() >= len(NORMAL) // FINE_BINS - 1
    assert binning.coarse == tuple(range(0, FINE_BINS, FINE_BINS // COARSE_BINS))
    assert not binning.is_discrete


def test_each_discrete_value_has_a_bin_of_its_own() -> None:
    hours = np.repeat(np.arange(24.0), 9)
    binning = learn_numeric(hours)
    check(binning, hours)
    assert [bin_of(binning, h) for h in range(24)] == list(range(GUARD_BINS, GUARD_BINS + 24))
    assert binning.is_discrete
    assert len(binning.coarse) <= COARSE_BINS


def test_values_with_an_atom_count_as_discrete() -> None:
    assert learn_numeric(np.concatenate([np.zeros(600), RNG.random(1_000)])).is_discrete


@pytest.mark.parametrize(
    "values",
    [[], [np.nan, np.inf], [0.0], [0.1] * 1_000, [1e15] * 10, [1e308] * 3, [5e-324, 0.0, 5e-324],
     [1e308, -1e308], [-0.0, 0.0], [1e15 + i for i in range(5)], [np.nextafter(1.0, 2.0), 1.0],
     list(10.0 ** np.arange(-300, 300, 2.0)), [0.0] * 99 + [1.0]],
)  # fmt: skip
def test_odd_references_give_finite_rising_edges(values: list[float]) -> None:
    array = np.array(values)
    check(learn_numeric(array), array[np.isfinite(array)])


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 1e15])
def test_a_constant_has_one_inner_bin_and_a_scale_of_its_own_size(constant: float) -> None:
    binning = learn_numeric(np.full(1_000, constant))
    assert binning.bins == 1 + 2 * GUARD_BINS
    assert binning.iqr == (abs(constant) or 1.0)


@given(st.lists(st.floats(), max_size=120))
@settings(max_examples=100, deadline=None)
def test_any_reference_gives_finite_rising_edges(values: list[float]) -> None:
    array = np.array(values, np.float64)
    check(learn_numeric(array), array[np.isfinite(array)])


def test_heavy_tails_still_give_80_bins() -> None:
    tail = RNG.pareto(0.5, 50_000)
    binning = learn_numeric(tail)
    check(binning, tail)
    assert binning.inner.stop - binning.inner.start == FINE_BINS


@pytest.mark.parametrize("sign", [1, -1])
def test_a_thousandfold_excursion_is_seen_as_a_farther_bin_than_a_tenfold_one(sign: int) -> None:
    binning = learn_numeric(NORMAL)
    far = [bin_of(binning, sign * 100.0 * factor) for factor in (10, 100, 1_000, 10_000)]
    assert len(set(far)) == 4
    assert far == sorted(far, reverse=sign < 0)


def test_beyond_the_last_guard_everything_is_one_bin() -> None:
    binning = learn_numeric(NORMAL)
    assert bin_of(binning, 1e300) == bin_of(binning, 1e200) == binning.bins - 1
    assert bin_of(binning, -1e300) == 0


def binning_of(values: NDArray[np.float64], categories: tuple[str, ...] = ("UA", "AA")) -> Binning:
    counts = [1] * len(categories)
    return Binning(SCHEMA, (learn_numeric(values),), (learn_categories([*categories], counts),))


def test_json_reads_back_exactly() -> None:
    binning = binning_of(RNG.lognormal(0, 3, 5_000), ("é", "", "\x00", "日本"))
    read = binning_from_json(orjson.loads(orjson.dumps(binning_to_json(binning))))
    assert read == binning
    assert read.profile_id == binning.profile_id
    assert read.coarse == binning.coarse


def test_the_profile_id_is_that_of_features_edges_and_categories() -> None:
    binning = binning_of(NORMAL)
    assert binning_of(NORMAL.copy()[::-1], ("AA", "UA")).profile_id == binning.profile_id
    moved = NORMAL.copy()
    moved[:2_000] += 0.5
    others = [binning_of(moved), binning_of(NORMAL, ("AA", "UB")), Binning(SCHEMA)]
    assert len({binning.profile_id, *(other.profile_id for other in others)}) == 4
    assert not others[-1].is_learned


def test_a_binning_that_does_not_cover_its_schema_is_refused() -> None:
    data = binning_to_json(binning_of(NORMAL))
    with pytest.raises(InvalidSpecification, match="rebuild the reference"):
        binning_from_json({**data, "numeric": []})


def test_the_most_frequent_categories_are_kept_and_ties_go_by_name() -> None:
    names = [f"c{i:04}" for i in range(MAX_CATEGORIES + 5)]
    kept = learn_categories(names[::-1], [1] * len(names)).categories
    assert kept == tuple(names[:MAX_CATEGORIES])
    frequent = learn_categories(names, list(range(len(names)))).categories
    assert names[-1] in frequent
    assert names[0] not in frequent


def test_a_moved_constant_is_measured_where_it_went() -> None:
    binning = learn_numeric(np.full(1_000, 0.1))
    assert math.isclose(binning.iqr, 0.1)
    assert bin_of(binning, 0.2) < binning.bins - 1
