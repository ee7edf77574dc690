from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream_monitor.core.binning import NumericBinning, learn_numeric
from stream_monitor.core.profile.numeric import CLIP_STEPS, NumericPart, NumericSummary

RNG = np.random.default_rng(11)
REFERENCE = RNG.lognormal(2, 1, 5_000)
BINNING = learn_numeric(REFERENCE)


def count(
    values: NDArray[np.float64] | list[float], binning: NumericBinning = BINNING
) -> NumericSummary:
    array = np.asarray(values, np.float64)
    part = NumericPart.empty((binning,))
    part.update(array[None, :], np.zeros((1, len(array)), np.uint8), np.zeros(len(array), np.int64))
    return part.summarise(0)


def oracle_counts(values: NDArray[np.float64], binning: NumericBinning) -> NDArray[np.int64]:
    place = np.searchsorted(binning.edges, values, side="right")
    return np.bincount(place, minlength=binning.bins)


@pytest.mark.parametrize(
    "reference",
    [REFERENCE, np.arange(5.0), np.zeros(3), RNG.pareto(0.5, 9_000), RNG.integers(0, 60, 900) / 4],
)
def test_counts_are_those_of_searchsorted(reference: NDArray[np.float64]) -> None:
    binning = learn_numeric(reference)
    edges = np.array(binning.edges)
    near = [edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
    values = np.concatenate([reference, *near, RNG.normal(0, 1e6, 1_000), [1e308, -1e308]])
    assert np.array_equal(count(values, binning).counts, oracle_counts(values, binning))


def test_features_of_different_bin_numbers_are_counted_side_by_side() -> None:
    binnings = (BINNING, learn_numeric(np.zeros(3)), learn_numeric(np.arange(30.0)))
    values = RNG.normal(10, 20, (3, 4_000))
    part = NumericPart.empty(binnings)
    part.update(values, np.zeros_like(values, np.uint8), np.zeros(4_000, np.int64))
    for i, binning in enumerate(binnings):
        assert np.array_equal(part.summarise(i).counts, oracle_counts(values[i], binning))


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=200))
@settings(max_examples=30, deadline=None)
def test_mean_and_deviation_are_within_the_quantisation(values: list[float]) -> None:
    summary = count(values)
    assert summary.mean == pytest.approx(np.mean(values), abs=BINNING.step)
    assert summary.sd == pytest.approx(np.std(values), abs=2 * BINNING.step)
    assert (summary.minimum, summary.maximum) == (min(values), max(values))
    assert summary.n == len(values)


def test_bin_means_are_those_of_the_rows_in_the_bin() -> None:
    summary = count(REFERENCE)
    place = np.searchsorted(BINNING.edges, REFERENCE, side="right")
    for i in np.unique(place):
        expected = REFERENCE[place == i].mean()
        assert summary.bin_means[i] == pytest.approx(expected, abs=BINNING.step)
    assert np.isnan(summary.bin_means[summary.counts == 0]).all()


def test_the_median_lies_in_its_bin() -> None:
    for values in (REFERENCE, REFERENCE * 3, np.array([7.0]), np.array([1.0, 900.0])):
        low, high = np.quantile(values, 0.5, method="lower"), np.quantile(values, 0.5)
        median = count(values).median
        assert median is not None
        edges = np.array([values.min(), *BINNING.edges, values.max()])
        assert edges[edges <= low].max() <= median <= edges[edges >= high].min()


def test_a_single_value_is_its_own_median_and_has_no_spread() -> None:
    summary = count([42.0])
    assert summary.median == 42.0
    assert summary.sd == 0.0


def test_nothing_counted_has_no_figures() -> None:
    summary = count([])
    assert summary.n == 0
    figures = (summary.mean, summary.sd, summary.median, summary.minimum, summary.maximum)
    assert figures == (None,) * 5


def test_states_are_counted_apart_from_values() -> None:
    part = NumericPart.empty((BINNING,))
    values = np.array([[1.0, 5.0, 5.0, np.nan, np.inf, -np.inf, 0.0, -0.0]])
    states = np.array([[0, 1, 2, 0, 0, 0, 0, 0]], np.uint8)
    part.update(values, states, np.zeros(8, np.int64))
    s = part.summarise(0)
    assert (s.n, s.missing, s.wrong_type, s.non_finite, s.zero) == (3, 1, 1, 3, 2)


def test_values_beyond_2_to_the_36_steps_are_clipped_and_counted() -> None:
    limit = CLIP_STEPS * BINNING.step
    inside, outside = BINNING.median + limit * 0.999, BINNING.median + limit * 1.001
    assert count([inside, -inside]).clipped == 0
    assert count([outside, -outside, 1e300]).clipped == 3
    assert count([1e300]).mean == pytest.approx(BINNING.median + limit)
    assert count([1e300]).maximum == 1e300


def test_ten_million_clipped_rows_do_not_overflow() -> None:
    part = NumericPart.empty((BINNING,))
    values = np.full((1, 100_000), 1e308)
    part.update(values, np.zeros(values.shape, np.uint8), np.zeros(100_000, np.int64))
    whole = part
    for _ in range(9):
        whole = whole.merge(whole)
    summary = whole.summarise(0)
    assert summary.n == 100_000 * 2**9
    assert summary.mean == pytest.approx(BINNING.median + CLIP_STEPS * BINNING.step)
    assert summary.sd == 0.0


def test_the_widest_range_has_a_median() -> None:
    summary = count([1.7e308, 1.7e308, -1.7e308, -1.7e308])
    assert summary.median is not None
    assert np.isfinite(summary.median)


@given(st.lists(st.decimals(-(10**7), 10**7, places=5), min_size=1, max_size=60), st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_decimals_are_those_that_the_values_are_written_with(
    values: list[Decimal], places: int
) -> None:
    rounded = [round(value, places) for value in values]
    needed = [max(0, -int(value.normalize().as_tuple().exponent)) for value in rounded]
    expected = tuple(sum(number <= most for number in needed) for most in range(4))
    assert count([float(value) for value in rounded]).decimals == expected


def test_the_largest_values_are_whole_and_a_third_has_no_few_decimals() -> None:
    assert count([1e308, -1e308, 2.0**60]).decimals == (3, 3, 3, 3)
    assert count([1 / 3, -2 / 3, 1e-5]).decimals == (0, 0, 0, 0)


def test_decimals_of_times_in_seconds_are_seen() -> None:
    assert count([1_700_000_000.0, 1_700_000_000.25, 1_700_000_000.5]).decimals == (1, 2, 3, 3)


def test_no_numeric_features_is_no_work() -> None:
    part = NumericPart.empty(())
    part.update(np.empty((0, 3)), np.empty((0, 3), np.uint8), np.zeros(3, np.int64))
    assert part.is_empty()
