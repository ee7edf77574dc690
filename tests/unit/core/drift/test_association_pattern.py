"""What a window's table says of the association of a pair, and how noisy that is."""

import numpy as np
import pytest

from stream_monitor.core.drift.association_pattern import (
    log_pattern_distance,
    pattern_noise,
    pattern_strength,
)

TABLES = [
    np.array([[400, 100, 50], [100, 300, 80], [20, 60, 300]]),
    np.array([[900, 10], [10, 30]]),
    np.array([[52, 2, 2], [2, 32, 2], [2, 2, 82]]),
    np.array([[200, 150, 50, 100], [120, 90, 30, 59], [80, 60, 20, 42]]),
]


@pytest.mark.parametrize("table", TABLES)
def test_noise_is_that_of_drawn_tables(table: np.ndarray) -> None:
    rng, n = np.random.default_rng(1), 20_000
    drawn = rng.multinomial(n, table.ravel() / table.sum(), size=20_000).reshape(-1, *table.shape)
    endless = table * 10**6
    along, around = pattern_noise(table)
    strengths = pattern_strength(endless, drawn)
    assert n * strengths.var() == pytest.approx(along, rel=0.05)
    assert np.exp(log_pattern_distance(endless, drawn)).mean() == pytest.approx(around, rel=0.03)


def test_a_constant_feature_has_no_pattern() -> None:
    for table in (np.array([[5, 0], [7, 0]]), np.zeros((3, 3), np.int64)):
        assert pattern_noise(table) == (0.0, 0.0)


def test_a_table_of_few_rows_is_not_summarised() -> None:
    k, w = np.array([[30, 10], [10, 30]]), np.array([[[3, 2], [2, 2]]])
    assert np.isnan(pattern_strength(k, w)).all()
    assert np.isnan(log_pattern_distance(k, w)).all()


def test_the_distance_of_noise_does_not_depend_on_the_rows() -> None:
    rng, p = np.random.default_rng(2), TABLES[0].ravel() / TABLES[0].sum()
    means = []
    for n, m in ((300, 10_000), (10_000, 10_000), (10_000, 300)):
        k, w = (rng.multinomial(size, p, size=4_000).reshape(-1, 3, 3) for size in (m, n))
        means.append(float(np.exp(log_pattern_distance(k, w)).mean()))
    assert means == pytest.approx([means[0]] * 3, rel=0.08)
