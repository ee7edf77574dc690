import numpy as np
import pytest

from stream_monitor.core.drift.brownian_bridge import (
    grid_crossing_probability,
    kolmogorov_survival,
)
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov


def test_grid_correction_counts_only_bins_that_hold_a_row() -> None:
    k, w = np.array([100, 100, 0, 100, 100]), np.array([130, 100, 0, 90, 80])
    score = kolmogorov_smirnov(k, w, discrete=False)
    assert score is not None
    scaled = score.statistic / np.sqrt(1 / 400 + 1 / 400)
    assert score.p == pytest.approx(kolmogorov_survival(scaled + 0.5826 / 2.0))


def test_discrete_values_are_judged_at_their_pooled_points() -> None:
    k, w = np.array([60, 30, 10]), np.array([45, 35, 20])
    score = kolmogorov_smirnov(k, w, discrete=True)
    assert score is not None
    expected = grid_crossing_probability(0.15 / np.sqrt(0.02), np.array([0.525, 0.85]))
    assert score.p == pytest.approx(expected)


def test_discrete_values_are_judged_less_timidly_than_continuous_ones() -> None:
    k, w = np.array([300, 200]), np.array([270, 230])
    discrete = kolmogorov_smirnov(k, w, discrete=True)
    assert discrete is not None
    assert discrete.p is not None
    scaled = discrete.statistic / np.sqrt(1 / 500 + 1 / 500)
    assert discrete.p < kolmogorov_survival(scaled)


def test_crossing_without_points_is_impossible() -> None:
    assert grid_crossing_probability(1.0, np.array([0.0, 1.0])) == 0.0


def test_any_bridge_crosses_a_barrier_at_zero() -> None:
    assert grid_crossing_probability(0.0, np.array([0.5])) == 1.0


def test_order_and_repeats_of_points_do_not_matter() -> None:
    tidy, untidy = np.array([0.2, 0.5, 0.9]), np.array([0.9, 0.2, 0.5, 0.5, 1.0])
    assert grid_crossing_probability(1.0, tidy) == grid_crossing_probability(1.0, untidy)


def test_more_points_and_lower_barriers_are_crossed_more_often() -> None:
    few, many = np.array([0.25, 0.75]), np.array([0.25, 0.5, 0.75])
    assert grid_crossing_probability(1.0, few) < grid_crossing_probability(1.0, many)
    assert grid_crossing_probability(1.0, few) > grid_crossing_probability(1.1, few)


def test_a_far_barrier_keeps_a_positive_probability() -> None:
    assert 0.0 < grid_crossing_probability(9.0, np.arange(1, 80) / 80) < 1e-60


def test_a_barrier_beyond_all_numbers_is_not_crossed() -> None:
    assert grid_crossing_probability(1e6, np.arange(1, 80) / 80) == 0.0
    assert kolmogorov_survival(1e6) == 0.0


@pytest.mark.parametrize("moved", [0, 5, 20, 60])
def test_below_the_size_to_be_exact_from_the_bound_is_told(moved: int) -> None:
    k, w = np.array([300, 500, 200]), np.array([150 - moved, 250, 100 + moved])
    exact = kolmogorov_smirnov(k, w, discrete=True)
    assert exact is not None
    assert exact.p is not None
    assert kolmogorov_smirnov(k, w, discrete=True, exact_from=exact.effect) == exact
    bound = kolmogorov_smirnov(k, w, discrete=True, exact_from=exact.effect + 1e-9)
    assert bound is not None
    assert bound.p == kolmogorov_survival(exact.statistic / np.sqrt(1 / 1_000 + 1 / 500))
    assert bound.p >= exact.p


def test_continuous_values_have_no_bound() -> None:
    k, w = np.array([300, 500, 200]), np.array([130, 250, 120])
    assert kolmogorov_smirnov(k, w, discrete=False, exact_from=1.0) == kolmogorov_smirnov(
        k, w, discrete=False
    )
