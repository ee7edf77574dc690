"""Each drift of numbers does what its name says, and nothing else."""

import numpy as np
import pytest

from stream_monitor.core.injection.numbers import (
    UNIT_FACTOR,
    mistake_unit,
    reverse_ranks,
    scale_spread,
    shift_mean,
)
from stream_monitor.core.injection.strength import strength

N = 4_000
HALF = (np.arange(N) >= N // 2).astype(np.float64)
BEFORE, AFTER = HALF == 0, HALF == 1
VALUES = np.random.default_rng(1).lognormal(0, 0.5, N)


@pytest.mark.parametrize("size", [-1.0, 0.25, 2.0])
def test_mean_moves_by_so_many_standard_deviations_of_before(size: float) -> None:
    drifted = shift_mean(VALUES, HALF, size)
    moved = drifted[AFTER].mean() - VALUES[AFTER].mean()
    assert moved == pytest.approx(size * VALUES[BEFORE].std())
    assert drifted[AFTER].std() == pytest.approx(VALUES[AFTER].std())


@pytest.mark.parametrize("factor", [0.0, 0.5, 3.0])
def test_spread_is_so_many_times_as_wide_around_the_mean_of_before(factor: float) -> None:
    drifted = scale_spread(VALUES, HALF, factor)
    centre = VALUES[BEFORE].mean()
    assert drifted[AFTER].std() == pytest.approx(factor * VALUES[AFTER].std())
    np.testing.assert_allclose(drifted[AFTER] - centre, factor * (VALUES[AFTER] - centre))


def test_wrong_unit_is_a_thousandfold_on_its_share_of_the_rows() -> None:
    ratio = mistake_unit(VALUES, HALF, 0.2, np.random.default_rng(0))[AFTER] / VALUES[AFTER]
    assert set(ratio.round(9)) == {1.0, UNIT_FACTOR}
    assert (ratio > 1).mean() == pytest.approx(0.2, abs=0.03)


def test_reversed_ranks_flip_the_dependence_and_keep_every_value_of_a_group() -> None:
    rng = np.random.default_rng(3)
    other = VALUES + rng.normal(0, 0.1, N)
    groups = np.arange(N) // 200
    drifted = reverse_ranks(VALUES, HALF, 1.0, groups, rng)
    for group in range(20):
        own = groups == group
        assert sorted(drifted[own]) == sorted(VALUES[own])
    ranks = [np.argsort(np.argsort(column[AFTER])) for column in (VALUES, drifted, other)]
    assert np.corrcoef(ranks[0], ranks[2])[0, 1] > 0.9
    assert np.corrcoef(ranks[1], ranks[2])[0, 1] < -0.9


def test_half_of_the_ranks_reversed_leaves_little_dependence() -> None:
    groups = np.zeros(N, np.int64)
    drifted = reverse_ranks(VALUES, np.ones(N), 0.5, groups, np.random.default_rng(3))
    ranks = [np.argsort(np.argsort(column)) for column in (VALUES, drifted)]
    assert abs(np.corrcoef(*ranks)[0, 1]) < 0.1


def test_missing_values_stay_missing() -> None:
    holed = np.where(np.arange(N) % 7 == 0, np.nan, VALUES)
    rng = np.random.default_rng(0)
    for drifted in (
        shift_mean(holed, HALF, 1.0),
        scale_spread(holed, HALF, 2.0),
        mistake_unit(holed, HALF, 0.5, rng),
        reverse_ranks(holed, HALF, 1.0, np.zeros(N, np.int64), rng),
    ):
        np.testing.assert_array_equal(np.isnan(drifted), np.isnan(holed))
        np.testing.assert_array_equal(drifted[BEFORE], holed[BEFORE])


def test_a_ramp_is_half_way_in_its_middle() -> None:
    weight = strength(np.arange(N, dtype=np.int64), 1_000, 2_000)
    drifted = shift_mean(VALUES, weight, 1.0) - VALUES
    full = drifted[-1]
    np.testing.assert_allclose(drifted[[1_000, 2_000, 3_000]], [0.0, full / 2, full])


def test_a_feature_without_values_is_left_alone() -> None:
    nothing = np.full(5, np.nan)
    assert np.isnan(shift_mean(nothing, np.ones(5), 1.0)).all()
    assert np.isnan(scale_spread(nothing, np.ones(5), 2.0)).all()
