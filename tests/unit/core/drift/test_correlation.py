import math

import numpy as np
import pytest
from numpy.typing import NDArray

from stream_monitor.core.drift.correlation import (
    MINIMUM_ROWS,
    correlation_changes,
    correlations,
    fisher_z,
    fisher_z_noise,
)
from tests.unit.core.drift.one_correlation import correlation_change

Floats = NDArray[np.float64]


def of_rows(x: Floats, y: Floats) -> Floats:
    """Correlations of rows (samples, n) by their sums."""
    n = np.full(len(x), float(x.shape[1]))
    sums = (x, y, x * x, y * y, x * y)
    return correlations(n, *(s.sum(axis=1) for s in sums))


def test_correlations_from_sums_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(-19, 20, (30, 200)).astype(float)
    y = np.round(x / 2) + rng.integers(-9, 10, x.shape)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    assert of_rows(x, y) == pytest.approx(np.array(expected), abs=1e-12)


def test_constant_features_and_single_rows_have_no_correlation() -> None:
    assert np.isnan(of_rows(np.ones((1, 50)), np.arange(50.0)[None])).all()
    assert np.isnan(of_rows(np.ones((1, 1)), np.ones((1, 1)))).all()


def test_copies_of_a_feature_stay_comparable() -> None:
    assert np.isfinite(fisher_z(np.array([1.0, -1.0]))).all()
    copied = correlation_change(1.0, 500, 1.0, 5_000)
    torn = correlation_change(0.9, 500, 1.0, 5_000)
    assert copied is not None
    assert torn is not None
    assert torn.p is not None
    assert (copied.p, copied.effect) == (1.0, 0.0)
    assert torn.p < 1e-9


def test_few_rows_and_undefined_correlations_cannot_be_measured() -> None:
    assert correlation_change(0.5, MINIMUM_ROWS - 1, 0.5, 500) is None
    assert correlation_change(0.5, 500, 0.5, 3) is None
    assert correlation_change(math.nan, 500, 0.5, 500) is None
    assert correlation_change(0.5, MINIMUM_ROWS, 0.5, 500) is not None


def scores(values: Floats, edges: Floats) -> Floats:
    return 2.0 * np.searchsorted(edges, values, side="right") - len(edges)


def sample(kind: str, rho: float, n: int, rng: np.random.Generator) -> Floats:
    """Two features (2, n) with a normal copula, or one of common heavy tails."""
    z = rng.standard_normal((2, n))
    x = np.stack([z[0], rho * z[0] + math.sqrt(1 - rho * rho) * z[1]])
    if kind == "lognormal":
        return np.exp(x)
    if kind == "discrete":
        return np.floor(np.exp(x * np.array([[1.0], [0.7]])) * 2)
    if kind == "common tails":
        return x / np.sqrt(rng.chisquare(3, n) / 3)
    return x


def drawn_correlations(pairs: Floats, share: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Correlations of 20,000 samples of n rows from a distribution of pairs of scores (2, cells)."""
    x, y = pairs
    sums = np.stack([x, y, x * x, y * y, x * y], axis=1)
    drawn = np.concatenate([rng.multinomial(n, share, 2_000) @ sums for _ in range(10)])
    return correlations(np.full(20_000, float(n)), *drawn.T)


def alarm_rates(kind: str, rho: float) -> tuple[float, float]:
    """Alarms at 1 % and 0.1 % of 20,000 windows of 300 rows beside references of 1,500."""
    rng = np.random.default_rng(17)
    known = sample(kind, rho, 300_000, rng)
    edges = [np.unique(np.quantile(side, np.arange(1, 20) / 20)) for side in known]
    scored = np.stack([scores(side, edge) for side, edge in zip(known, edges, strict=True)])
    pairs, counts = np.unique(scored, axis=1, return_counts=True)
    window, reference = (
        drawn_correlations(pairs, counts / counts.sum(), n, rng) for n in (300, 1_500)
    )
    n, m = np.full(20_000, 300.0), np.full(20_000, 1_500.0)
    p = correlation_changes(window, n, reference, m)[1]
    return float(np.mean(p <= 0.01)), float(np.mean(p <= 0.001))


@pytest.mark.parametrize("kind", ["normal", "lognormal", "discrete"])
@pytest.mark.parametrize("rho", [0.0, 0.6, -0.9])
def test_unchanged_correlations_do_not_alarm_beyond_their_level(kind: str, rho: float) -> None:
    at_1, at_01 = alarm_rates(kind, rho)
    assert at_1 <= 0.013
    assert at_01 <= 0.0018
    if rho == 0.0:
        assert at_1 >= 0.007


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_common_heavy_tails_cost_at_most_twice_the_level(rho: float) -> None:
    assert 0.008 <= alarm_rates("common tails", rho)[0] <= 0.02


@pytest.mark.parametrize("r", [0.0, 0.5, 0.9])
def test_the_noise_of_z_has_no_jump_where_windows_are_as_large_as_the_reference_s(r: float) -> None:
    windows = np.full(3, 1 / 297)
    own, theirs = fisher_z_noise(np.array([299.0, 300.0, 301.0]), windows, np.full(3, r))
    assert own[1] == pytest.approx(theirs[1])
    assert own == pytest.approx(np.full(3, own[1]), rel=0.04)
    assert own[0] > own[1] > own[2]
