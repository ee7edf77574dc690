import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from stream_monitor.core.drift.scaled_moments import scaled_mean
from stream_monitor.core.drift.window_null import (
    arcsine_share,
    log_shape,
    predictive_p,
    predictive_p_among,
    predictive_p_in_slot,
    predictive_p_of_differences,
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


def levels(ps: NDArray[np.float64]) -> tuple[float, float]:
    return float((ps <= 0.05).mean()), float((ps <= 0.01).mean())


@pytest.mark.parametrize("null", ["among", "differences", "slots"])
@pytest.mark.parametrize("count", [20, 35])
def test_each_null_alarms_at_its_level_on_the_windows_it_assumes(null: str, count: int) -> None:
    rng = np.random.default_rng(count)
    noise = rng.standard_normal((count + 1, 60_000))
    slots = np.arange(count + 1) % 4
    if null == "among":
        ps = predictive_p_among(noise[-1], noise[:-1])
    elif null == "differences":
        walk = np.cumsum(noise, axis=0)
        ps = predictive_p_of_differences(walk[-1], walk[:-1])
    else:
        weekly = noise + 5.0 * slots[:, None]
        ps = predictive_p_in_slot(weekly[-1], weekly[:-1], slots[:-1], int(slots[-1]))
    at_5, at_1 = levels(ps)
    assert 0.047 <= at_5 <= 0.053
    assert 0.0085 <= at_1 <= 0.0115


def test_steps_between_independent_windows_alarm_a_little_too_often() -> None:
    noise = np.random.default_rng(1).standard_normal((21, 60_000))
    at_5, at_1 = levels(predictive_p_of_differences(noise[-1], noise[:-1]))
    assert 0.05 <= at_5 <= 0.057
    assert 0.01 <= at_1 <= 0.0125


def test_a_slot_s_p_is_that_of_the_least_squares_fit() -> None:
    rng = np.random.default_rng(2)
    slots = np.array([0, 0, 1, 1, 1, 2, 0, 1, 2, 3])
    y, c = rng.standard_normal(10) + slots, 4.0
    design = (slots[:, None] == np.arange(4)).astype(float)
    means, (square,), *_ = np.linalg.lstsq(design, y, rcond=None)
    sd = math.sqrt(square / (10 - 4)) * math.sqrt(1 + 1 / 4)
    expected = 2 * stats.t.sf(abs(c - means[1]) / sd, 6)
    p = predictive_p_in_slot(np.array([c]), y[:, None], slots, 1)
    assert p == pytest.approx([expected], rel=1e-9)


def test_a_missing_summary_is_as_if_its_window_were_not_there() -> None:
    rng = np.random.default_rng(3)
    whole = rng.standard_normal((30, 1))
    c, slots = np.array([2.0]), np.arange(30) % 3
    holes = np.insert(whole, [4, 9], NAN, axis=0)
    assert predictive_p_among(c, holes) == predictive_p_among(c, whole)
    slotted = predictive_p_in_slot(c, holes, np.insert(slots, [4, 9], 1), 1)
    assert slotted == predictive_p_in_slot(c, whole, slots, 1)


def test_a_step_over_a_missing_summary_does_not_count() -> None:
    history = np.array([[0.0], [1.0], [NAN], [50.0], [51.0]])
    p = predictive_p_of_differences(np.array([54.0]), history)
    assert p == pytest.approx([2 * stats.t.sf(3.0, 2)])
    assert np.isnan(predictive_p_of_differences(np.array([54.0]), history[:3])).all()


def test_too_few_degrees_of_freedom_have_no_p() -> None:
    reference, c = np.random.default_rng(4).standard_normal((20, 1)), np.array([0.0])
    slots = np.arange(20) % 2
    assert np.isfinite(predictive_p_among(c, reference, 19)).all()
    assert np.isfinite(predictive_p_of_differences(c, reference, 19)).all()
    assert np.isfinite(predictive_p_in_slot(c, reference, slots, 0, 18)).all()
    assert np.isnan(predictive_p_among(c, reference, 20)).all()
    assert np.isnan(predictive_p_of_differences(c, reference, 20)).all()
    assert np.isnan(predictive_p_in_slot(c, reference, slots, 0, 19)).all()


def test_a_slot_without_windows_has_no_p_and_a_lone_window_no_spread() -> None:
    reference, slots = np.array([[1.0], [2.0], [9.0]]), np.array([0, 0, 1])
    assert np.isnan(predictive_p_in_slot(np.array([1.0]), reference, slots, 5)).all()
    lone = predictive_p_in_slot(np.array([9.5]), reference, slots, 1)
    assert lone == pytest.approx([2 * stats.t.sf(0.5 / math.sqrt(0.5 * 2), 1)])
    assert np.isnan(predictive_p_in_slot(np.array([9.5]), reference[2:], slots[2:], 1)).all()


def test_a_missing_window_and_no_windows_have_no_p() -> None:
    reference = np.random.default_rng(5).standard_normal((20, 2))
    ps = predictive_p_among(np.array([NAN, 0.0]), reference)
    assert np.isnan(ps).tolist() == [True, False]
    assert np.isnan(predictive_p_among(np.zeros(2), np.zeros((0, 2)))).all()
