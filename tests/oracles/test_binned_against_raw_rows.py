"""What 80 quantile bins of the reference lose against the raw rows."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.score import Score
from stream_monitor.core.drift.wasserstein import wasserstein

Floats = NDArray[np.float64]


def binned(reference: Floats, window: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    edges = np.quantile(reference, np.arange(1, 80) / 80)
    k, w = (np.searchsorted(edges, values) for values in (reference, window))
    return np.bincount(k, minlength=80), np.bincount(w, minlength=80)


def own_bin_means(reference: Floats, values: Floats) -> Floats:
    edges = np.quantile(reference, np.arange(1, 80) / 80)
    bins = np.searchsorted(edges, values)
    counts = np.bincount(bins, minlength=80)
    sums = np.bincount(bins, weights=values, minlength=80)
    means: Floats = np.divide(sums, counts, out=np.full(80, np.nan), where=counts > 0)
    return means


SHIFTS: dict[str, Callable[[Floats], Floats]] = {
    "mean": lambda z: z + 0.15,
    "small mean": lambda z: z + 0.04,
    "scale": lambda z: 1.2 * z,
    "both": lambda z: 0.9 * z - 0.1,
}


@pytest.mark.parametrize("shift", SHIFTS)
def test_binned_distance_is_just_below_the_exact_one(shift: str) -> None:
    rng = np.random.default_rng(12)
    for _ in range(10):
        reference = rng.standard_normal(40_000)
        window = SHIFTS[shift](rng.standard_normal(40_000))
        score = kolmogorov_smirnov(*binned(reference, window), discrete=False)
        exact = stats.ks_2samp(reference, window, method="asymp").statistic
        assert score is not None
        assert exact - 0.002 <= score.statistic <= exact + 1e-12


def measured(reference: Floats, window: Floats) -> Score:
    score = wasserstein(
        *binned(reference, window),
        own_bin_means(reference, reference),
        own_bin_means(reference, window),
    )
    assert score is not None
    return score


@pytest.mark.parametrize("move", [0.2, 0.5, 2.0])
def test_carrying_distance_of_normal_values_is_kept_within_two_percent(move: float) -> None:
    rng = np.random.default_rng(13)
    reference, window = rng.standard_normal(20_000), rng.standard_normal(20_000) + move
    exact = stats.wasserstein_distance(reference, window)
    assert measured(reference, window).effect == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("factor", [1.2, 1.5, 3.0])
def test_carrying_distance_of_heavy_tails_is_kept_within_fifteen_percent(factor: float) -> None:
    rng = np.random.default_rng(14)
    reference = rng.lognormal(sigma=2.0, size=20_000)
    window = factor * rng.lognormal(sigma=2.0, size=20_000)
    exact = stats.wasserstein_distance(reference, window)
    assert measured(reference, window).effect == pytest.approx(exact, rel=0.15)
