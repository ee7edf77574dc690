import math

import numpy as np
import pytest
from scipy import stats

from stream_monitor.core.drift.mean_change import mean_change


def sums(values: np.ndarray) -> tuple[int, float, float]:
    return len(values), float(values.sum()), float((values * values).sum())


@pytest.mark.parametrize(("n", "m", "scale"), [(2, 2, 1.0), (30, 400, 5.0), (5_000, 300, 0.1)])
def test_a_mean_is_tested_as_by_welch(n: int, m: int, scale: float) -> None:
    rng = np.random.default_rng(n)
    window, reference = rng.normal(1.2, scale, n), rng.normal(1.0, 1.0, m)
    change = mean_change(sums(window), sums(reference))
    expected = stats.ttest_ind(window, reference, equal_var=False)
    assert change is not None
    assert change.score.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert change.score.p == pytest.approx(expected.pvalue, rel=1e-8)
    assert change.difference == pytest.approx(window.mean() - reference.mean())
    assert change.score.effect == abs(change.difference)
    assert change.relative == pytest.approx(change.difference / abs(reference.mean()))


def test_huge_sums_do_not_cancel() -> None:
    step = 10**12
    window = (1_000, 1_000 * step + 500, 1_000 * step**2 + 2 * step * 500 + 500)
    reference = (1_000, 1_000 * step + 400, 1_000 * step**2 + 2 * step * 400 + 400)
    change = mean_change(window, reference)
    plain = mean_change((1_000, 500, 500), (1_000, 400, 400))
    assert change is not None
    assert plain is not None
    assert change.score.p == pytest.approx(plain.score.p, rel=1e-12)
    assert change.difference == pytest.approx(0.1, rel=1e-12)


def test_sides_without_spread_are_equal_or_certainly_not() -> None:
    same, other = mean_change((5, 10, 20), (9, 18, 36)), mean_change((5, 15, 45), (9, 18, 36))
    assert same is not None
    assert other is not None
    assert (same.score.statistic, same.score.p) == (0.0, 1.0)
    assert (other.score.statistic, other.score.p) == (math.inf, 0.0)


def test_few_rows_and_sums_that_are_not_finite_cannot_be_measured() -> None:
    good = (5, 10.0, 30.0)
    for bad in ((1, 2.0, 4.0), (0, 0.0, 0.0), (5, math.nan, 3.0), (5, 1.0, math.inf)):
        assert mean_change(bad, good) is None
        assert mean_change(good, bad) is None


def test_a_mean_of_zero_has_no_relative_change() -> None:
    change = mean_change((4, 4, 10), (4, 0, 10))
    assert change is not None
    assert change.relative is None
    assert change.difference == 1.0
