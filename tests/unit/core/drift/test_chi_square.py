import numpy as np
import pytest

from stream_monitor.core.drift.chi_square import chi_square, merge_rare_cells
from stream_monitor.core.drift.gamma import chi_square_survival


def test_rare_cells_are_merged_into_one() -> None:
    k, w = np.array([500, 400, 30, 30, 40]), np.array([50, 40, 3, 3, 4])
    merged = merge_rare_cells(k, w, minimum_expected=5.0)
    assert [side.tolist() for side in merged] == [[500, 400, 100], [50, 40, 10]]


def test_degrees_of_freedom_count_the_cells_after_merging() -> None:
    k, w = np.array([500, 400, 30, 30, 40]), np.array([40, 50, 1, 1, 8])
    score = chi_square(k, w)
    assert score is not None
    assert score.p == pytest.approx(chi_square_survival(score.statistic, 2))


def test_a_rest_that_stays_rare_takes_in_the_smallest_kept_cell() -> None:
    k, w = np.array([500, 400, 98, 2]), np.array([50, 40, 10, 0])
    merged = merge_rare_cells(k, w, minimum_expected=5.0)
    assert [side.tolist() for side in merged] == [[500, 400, 100], [50, 40, 10]]


def test_cells_empty_on_both_sides_cost_no_degree_of_freedom() -> None:
    k, w = np.array([50, 0, 50, 0]), np.array([70, 0, 30, 0])
    assert chi_square(k, w) == chi_square(np.array([50, 50]), np.array([70, 30]))


def test_too_few_rows_for_two_cells_cannot_be_measured() -> None:
    assert chi_square(np.array([500, 500]), np.array([2, 1])) is None


def test_effect_does_not_grow_with_the_rows() -> None:
    k, w = np.array([50, 50]), np.array([70, 30])
    small, large = chi_square(k, w), chi_square(100 * k, 100 * w)
    assert small is not None
    assert large is not None
    assert small.effect == pytest.approx(large.effect)


def test_merging_conserves_the_totals() -> None:
    rng = np.random.default_rng(4)
    k, w = rng.poisson(3.0, 60), rng.poisson(1.0, 60)
    merged = merge_rare_cells(k, w, minimum_expected=5.0)
    assert [int(side.sum()) for side in merged] == [int(k.sum()), int(w.sum())]
