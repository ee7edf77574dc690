import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.stats.contingency import association

from stream_monitor.core.drift.cramers_v import (
    association_change,
    cramers_v,
    standardised_residuals,
)

Floats = NDArray[np.float64]


def shares(rows: int, columns: int, seed: int, long_tailed: bool = False) -> Floats:
    """Shares of pairs that go together."""
    rng = np.random.default_rng(seed)
    sides = [
        1 / np.arange(1, size + 1) if long_tailed else np.ones(size) for size in (rows, columns)
    ]
    pairs = np.outer(*sides) * np.exp(rng.normal(0, 0.7, (rows, columns)))
    return np.asarray(pairs / pairs.sum())


def draw(p: Floats, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.asarray(rng.multinomial(n, p.ravel()).reshape(p.shape))


def test_v_is_cramers_v_once_there_are_enough_rows() -> None:
    table = draw(shares(4, 6, 1), 2_000_000, np.random.default_rng(1))
    assert cramers_v(table) == pytest.approx(association(table, method="cramer"), abs=1e-3)


def test_v_of_independent_features_is_not_lifted_by_chance() -> None:
    rng = np.random.default_rng(2)
    tables = [draw(np.full((5, 5), 0.04), 200, rng) for _ in range(200)]
    plain = np.mean([association(table, method="cramer") for table in tables])
    found = [v for v in map(cramers_v, tables) if v is not None]
    assert len(found) == 200
    assert np.mean(found) < plain / 3


def test_v_needs_two_categories_on_each_side() -> None:
    assert cramers_v(np.zeros((3, 3), np.int64)) is None
    assert cramers_v(np.array([[4, 0], [9, 0]])) is None
    assert cramers_v(np.array([[9, 0, 0], [0, 0, 9]])) == pytest.approx(1.0)


def test_squared_residuals_sum_to_the_contingency_chi_square() -> None:
    table = draw(shares(3, 4, 3), 500, np.random.default_rng(3))
    expected = stats.chi2_contingency(table, correction=False).statistic
    assert 500 * (standardised_residuals(table) ** 2).sum() == pytest.approx(expected)


def test_two_by_two_tables_agree_with_the_change_of_the_odds_ratio() -> None:
    k, w = np.array([[400, 250], [250, 400]]), np.array([[220, 280], [300, 200]])
    logs = [np.log(t[0, 0] * t[1, 1] / t[0, 1] / t[1, 0]) for t in (k, w)]
    wald = (logs[0] - logs[1]) ** 2 / (1 / k + 1 / w).sum()
    score = association_change(k, w)
    assert score is not None
    assert score.statistic == pytest.approx(wald, rel=0.05)
    assert score.p == pytest.approx(stats.chi2.sf(score.statistic, 1))


def test_margins_that_move_are_no_change_of_the_association() -> None:
    k = np.array([[400, 100, 100], [100, 300, 200]])
    tilted = (k * np.array([[1], [3]]) * np.array([[1, 2, 4]])) // 2
    score = association_change(k, tilted)
    assert score is not None
    assert score.p is not None
    assert score.p > 0.999


def test_an_association_that_turns_into_another_of_the_same_strength_has_an_effect() -> None:
    k = np.array([[450, 50], [50, 450]])
    flipped = association_change(k, k[::-1])
    weaker = association_change(k, np.array([[350, 150], [150, 350]]))
    assert flipped is not None
    assert weaker is not None
    assert flipped.effect == pytest.approx(1.6, abs=0.01)
    assert weaker.effect == pytest.approx(0.4, abs=0.01)


def test_empty_and_constant_sides_cannot_be_measured() -> None:
    k = np.array([[50, 20], [20, 50]])
    assert association_change(k, 0 * k) is None
    assert association_change(0 * k, k) is None
    assert association_change(np.array([[50, 0], [20, 0]]), np.array([[9, 0], [5, 0]])) is None
    assert association_change(k, np.array([[1, 1], [1, 1]])) is None


def test_pairs_that_never_meet_take_their_degrees_of_freedom_with_them() -> None:
    k = np.array([[300, 0], [200, 400]])
    score = association_change(k, k)
    assert score is not None
    assert score.p == 1.0


@pytest.mark.parametrize(("rows", "columns", "n", "m", "long_tailed"), [
    (3, 3, 500, 5_000, False),
    (5, 8, 500, 20_000, True),
    (10, 10, 500, 20_000, False),
    (10, 10, 500, 500, True),
    (10, 10, 5_000, 20_000, True),
    (30, 30, 1_000, 20_000, True),
])  # fmt: skip
def test_unchanged_associations_alarm_at_most_at_their_level(
    rows: int, columns: int, n: int, m: int, long_tailed: bool
) -> None:
    rng = np.random.default_rng(rows * n)
    ps = []
    for i in range(1_500):
        if i % 50 == 0:
            p = shares(rows, columns, i, long_tailed)
        score = association_change(draw(p, m, rng), draw(p, n, rng))
        assert score is not None
        ps.append(score.p)
    assert np.mean(np.array(ps, float) <= 0.01) <= 0.016
    assert np.mean(np.array(ps, float) <= 0.05) <= 0.065
