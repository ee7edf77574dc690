"""Our tails of distributions against scipy's, far out."""

import math

import numpy as np
import pytest
from scipy import special, stats

from stream_monitor.core.drift.beta import beta_probability
from stream_monitor.core.drift.brownian_bridge import kolmogorov_survival
from stream_monitor.core.drift.gamma import chi_square_survival, gamma_survival
from stream_monitor.core.drift.hypergeometric import two_sided_p
from stream_monitor.core.drift.normal import normal_survival
from stream_monitor.core.drift.student_t import student_t_survival

TAILS = (0.999, 0.9, 0.5, 0.05, 1e-3, 1e-6, 1e-9, 1e-12)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.5, 9.5, 39.5, 250.0, 1000.0])
@pytest.mark.parametrize("tail", TAILS)
def test_gamma_survival_equals_scipy(a: float, tail: float) -> None:
    x = float(special.gammainccinv(a, tail))
    assert gamma_survival(a, x) == pytest.approx(special.gammaincc(a, x), rel=1e-10)


@pytest.mark.parametrize("dof", [1, 2, 19, 79, 499])
def test_chi_square_survival_equals_scipy_far_out(dof: int) -> None:
    for statistic in (0.5 * dof, dof, 2.0 * dof, dof + 20 * math.sqrt(2 * dof)):
        expected = stats.chi2.sf(statistic, dof)
        assert chi_square_survival(statistic, dof) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dof", [1, 2, 5, 19, 34, 200, 1000])
@pytest.mark.parametrize("tail", TAILS)
def test_student_t_survival_equals_scipy(dof: int, tail: float) -> None:
    t = float(stats.t.isf(tail, dof))
    assert student_t_survival(t, dof) == pytest.approx(stats.t.sf(t, dof), rel=1e-9)


@pytest.mark.parametrize("tail", TAILS)
def test_normal_survival_equals_scipy(tail: float) -> None:
    z = float(stats.norm.isf(tail))
    assert normal_survival(z) == pytest.approx(stats.norm.sf(z), rel=1e-13)


@pytest.mark.parametrize(("a", "b"), [(1, 0.5), (3, 8.2), (40, 2), (250, 300), (2000, 900)])
def test_beta_probability_equals_scipy(a: float, b: float) -> None:
    for tail in (1e-12, 1e-6, 0.02, 0.5, 0.98):
        x = float(special.betaincinv(a, b, tail))
        assert beta_probability(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9)


@pytest.mark.parametrize("x", [0.01, 0.3, 0.7, 0.99, 1.0, 1.01, 1.36, 2.0, 3.0, 4.0, 5.5])
def test_kolmogorov_survival_equals_scipy(x: float) -> None:
    assert kolmogorov_survival(x) == pytest.approx(special.kolmogorov(x), rel=1e-13)


def test_hypergeometric_tails_equal_scipy() -> None:
    rng = np.random.default_rng(20)
    for _ in range(150):
        n, m = (int(v) for v in rng.integers(1, 3000, 2))
        kind = int(rng.integers(0, n + m + 1))
        x = int(rng.integers(max(0, kind - m), min(kind, n) + 1))
        law = stats.hypergeom(n + m, kind, n)
        expected = min(1.0, 2.0 * min(law.cdf(x), law.sf(x - 1)))
        ours = two_sided_p(np.array([float(x)]), n, np.array([float(kind)]), n + m)[0]
        assert ours == pytest.approx(expected, rel=1e-7, abs=1e-250)


def test_hypergeometric_of_a_billion_rows_meets_the_normal_limit() -> None:
    half = 5 * 10**8
    x, kind = np.array([half + 100_000.0]), np.array([2 * half + 100_000.0])
    limit = 2.0 * stats.norm.sf((100_000 / 2 - 0.5) / math.sqrt(half / 4))
    assert two_sided_p(x, 2 * half, kind, 4 * half)[0] == pytest.approx(limit, rel=2e-3)
