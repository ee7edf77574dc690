import numpy as np

from stream_monitor.core.drift.wasserstein import wasserstein

NAN = float("nan")


def test_empty_bins_need_no_mean() -> None:
    score = wasserstein(
        np.array([5, 0]), np.array([0, 5]), np.array([1.0, NAN]), np.array([NAN, 4.0])
    )
    assert score is not None
    assert score.effect == 3.0


def test_a_filled_bin_without_a_mean_cannot_be_measured() -> None:
    assert wasserstein(np.array([5]), np.array([5]), np.array([1.0]), np.array([NAN])) is None


def test_movement_inside_a_bin_is_seen_by_its_mean() -> None:
    score = wasserstein(np.array([5]), np.array([9]), np.array([1.0]), np.array([1.25]))
    assert score is not None
    assert score.effect == 0.25


def test_means_out_of_order_are_sorted() -> None:
    score = wasserstein(
        np.array([1, 1]), np.array([1, 1]), np.array([5.0, 0.0]), np.array([0.0, 5.0])
    )
    assert score is not None
    assert score.effect == 0.0
