import math

import numpy as np
import pytest

from stream_monitor.core.drift.window_null import (
    arcsine_share,
    combine_bonferroni,
    log_shape,
    predictive_p,
    scaled_mean,
)

NAN = float("nan")


def test_one_reference_window_says_nothing_about_spread() -> None:
    assert predictive_p(1.0, np.array([1.0])) is None
    assert predictive_p(1.0, np.array([])) is None


def test_both_directions_count_alike() -> None:
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    assert predictive_p(2.5 + 3.0, reference) == pytest.approx(predictive_p(2.5 - 3.0, reference))


def test_equal_windows_without_spread_are_unremarkable() -> None:
    assert predictive_p(0.1, np.full(20, 0.1)) == pytest.approx(1.0)


def test_any_real_difference_from_windows_without_spread_is_remarkable() -> None:
    p = predictive_p(0.13, np.full(20, 0.1))
    assert p is not None
    assert p < 1e-12


def test_a_thousandfold_scale_does_not_saturate_the_scaled_mean() -> None:
    counts, means = np.array([5, 5]), np.array([1.0, 3.0])
    summaries = [scaled_mean(counts, means * f, median=2.0, iqr=2.0) for f in (1, 10, 100, 1_000)]
    steps = np.diff(np.array(summaries, dtype=np.float64))
    assert (steps[1:] > 2.0).all()


def test_scaled_mean_reads_only_bins_that_hold_rows() -> None:
    assert scaled_mean(np.array([0, 4]), np.array([NAN, 2.0]), median=2.0, iqr=1.0) == 0.0
    assert scaled_mean(np.array([1, 4]), np.array([NAN, 2.0]), median=2.0, iqr=1.0) is None


def test_scaled_mean_needs_rows_and_a_spread() -> None:
    assert scaled_mean(np.array([0]), np.array([NAN]), median=0.0, iqr=1.0) is None
    assert scaled_mean(np.array([3]), np.array([1.0]), median=1.0, iqr=0.0) is None


def test_shape_needs_rows_and_a_difference() -> None:
    assert log_shape(np.array([0, 0]), np.array([1, 2])) is None
    assert log_shape(np.array([1, 2]), np.array([0, 0])) is None
    assert log_shape(np.array([20, 40]), np.array([1, 2])) is None


def test_shape_is_the_logarithm_of_chi_square() -> None:
    summary = log_shape(np.array([10, 0]), np.array([0, 30]))
    assert summary == pytest.approx(math.log(40.0))


def test_share_runs_from_zero_to_a_right_angle() -> None:
    assert arcsine_share(0, 9) == 0.0
    assert arcsine_share(9, 9) == pytest.approx(math.pi / 2)
    assert arcsine_share(0, 0) is None


def test_several_summaries_share_one_error_rate() -> None:
    assert combine_bonferroni([0.02, 0.5, 0.9]) == pytest.approx(0.06)
    assert combine_bonferroni([0.7, 0.8]) == 1.0
    assert combine_bonferroni([]) is None
