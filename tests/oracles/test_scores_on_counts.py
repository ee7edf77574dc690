"""Scores on counts against scipy's on the same counts."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from stream_monitor.core.drift.chi_square import chi_square
from stream_monitor.core.drift.jensen_shannon import jensen_shannon
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.largest_share_change import largest_share_change
from stream_monitor.core.drift.new_category import new_category
from stream_monitor.core.drift.population_stability import population_stability
from stream_monitor.core.drift.rates import rate_change
from stream_monitor.core.drift.wasserstein import wasserstein
from stream_monitor.core.drift.window_null import predictive_p

Counts = NDArray[np.int64]


def tables() -> list[tuple[Counts, Counts]]:
    rng = np.random.default_rng(7)
    found = []
    for cells, m, n in ((2, 400, 90), (10, 5_000, 1_000), (20, 900, 900), (80, 50_000, 8_000)):
        p, q = rng.dirichlet(np.full(cells, 5.0)), rng.dirichlet(np.full(cells, 5.0))
        mixed = 0.8 * p + 0.2 * q
        found.append((rng.multinomial(m, p), rng.multinomial(n, mixed)))
    return found


@pytest.mark.parametrize(("k", "w"), tables())
def test_chi_square_equals_the_contingency_table(k: Counts, w: Counts) -> None:
    score = chi_square(k, w, minimum_expected=0.0)
    expected = stats.chi2_contingency(np.array([k, w]), correction=False)
    assert score is not None
    assert score.statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert score.p == pytest.approx(expected.pvalue, rel=1e-8)


@pytest.mark.parametrize(("k", "w"), tables())
def test_jensen_shannon_equals_scipy_in_nats(k: Counts, w: Counts) -> None:
    score = jensen_shannon(k, w)
    assert score is not None
    assert score.effect == pytest.approx(jensenshannon(k / k.sum(), w / w.sum()), rel=1e-9)


@pytest.mark.parametrize(("k", "w"), tables())
def test_stability_index_is_the_sum_of_both_relative_entropies(k: Counts, w: Counts) -> None:
    score = population_stability(k, w)
    both = stats.entropy(k, w) + stats.entropy(w, k)
    assert score is not None
    assert (k > 0).all()
    assert (w > 0).all()
    assert score.statistic == pytest.approx(both, rel=1e-9)


def test_stability_index_with_empty_cells_equals_a_sum_by_hand() -> None:
    score = population_stability(np.array([10, 0, 90, 0]), np.array([0, 4, 46, 0]))
    rows = [(0.10, 0.01), (0.005, 0.08), (0.90, 0.92)]
    expected = sum((p - q) * np.log(p / q) for p, q in rows)
    assert score is not None
    assert score.statistic == pytest.approx(expected, rel=1e-12)
    assert score.effect == pytest.approx(expected - 2 * (1 / 100 + 1 / 50), rel=1e-12)


@pytest.mark.parametrize(("k", "w"), tables())
def test_binned_distance_equals_that_of_the_rows_when_each_bin_is_a_value(
    k: Counts, w: Counts
) -> None:
    values = np.arange(len(k))
    score = kolmogorov_smirnov(k, w, discrete=True)
    raw = stats.ks_2samp(np.repeat(values, k), np.repeat(values, w), method="asymp")
    assert score is not None
    assert score.statistic == pytest.approx(raw.statistic, rel=1e-12)


@pytest.mark.parametrize(("k", "w"), tables())
def test_wasserstein_equals_scipy_with_weights(k: Counts, w: Counts) -> None:
    rng = np.random.default_rng(9)
    left = np.sort(rng.normal(size=len(k)))
    right = left + rng.normal(scale=0.3, size=len(k))
    score = wasserstein(k, w, left, right)
    assert score is not None
    assert score.effect == pytest.approx(stats.wasserstein_distance(left, right, k, w), rel=1e-10)


def test_rate_change_is_twice_the_smaller_tail_of_fisher() -> None:
    for k, m, x, n in ((3, 500, 9, 200), (40, 800, 1, 100), (0, 50, 0, 10), (7, 7, 2, 9)):
        table = [[x, n - x], [k, m - k]]
        tails = [stats.fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        score = rate_change(k, m, x, n)
        assert score is not None
        assert score.p == pytest.approx(min(1.0, 2.0 * min(tails)), rel=1e-9)


@pytest.mark.parametrize(("k", "w"), tables())
def test_largest_share_change_is_a_bonferroni_bound_over_fisher_tests(k: Counts, w: Counts) -> None:
    n, total = int(w.sum()), int(k.sum() + w.sum())
    tails = [
        min(stats.hypergeom.cdf(x, total, s, n), stats.hypergeom.sf(x - 1, total, s, n))
        for x, s in zip(w.tolist(), (k + w).tolist(), strict=True)
    ]
    score = largest_share_change(k, w)
    tests = 1 if len(k) == 2 else len(k)  # the share of one of two categories says the other's
    assert score is not None
    assert score.p == pytest.approx(min(1.0, tests * 2.0 * min(tails)), rel=1e-8)
    assert score.effect == pytest.approx(np.abs(k / k.sum() - w / w.sum()).max())


def test_bonferroni_bound_is_not_below_the_permutation_test() -> None:
    k, w = np.array([60, 25, 15]), np.array([20, 12, 8])
    score = largest_share_change(k, w)
    rng = np.random.default_rng(11)
    drawn = rng.multivariate_hypergeometric(k + w, int(w.sum()), size=20_000)
    n, total = int(w.sum()), int((k + w).sum())
    law = stats.hypergeom(total, k + w, n)
    least = np.minimum(law.cdf(drawn), law.sf(drawn - 1)).min(axis=1)
    seen = np.minimum(law.cdf(w), law.sf(w - 1)).min()
    assert score is not None
    assert score.p is not None
    assert score.p >= (least <= seen * (1 + 1e-9)).mean() - 0.01


def test_new_category_tail_equals_the_negative_binomial() -> None:
    score = new_category(new=6, n=1_000, m=10_000, n1=10, n2=5)
    shape = 10 * 10 / (10 + 2 * 5)
    tail = stats.nbinom.sf(6 - 1, shape, shape / (shape + 1_000 * 10 / 10_000))
    assert score is not None
    assert score.p == pytest.approx(tail, rel=1e-9)


def test_predictive_p_equals_the_t_test_of_one_more_value() -> None:
    reference = np.random.default_rng(5).normal(3.0, 0.2, 20)
    expected = stats.ttest_ind([3.9], reference).pvalue  # one value adds no degree of freedom
    assert predictive_p(3.9, reference) == pytest.approx(expected, rel=1e-9)
