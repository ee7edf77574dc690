"""The crossing probability of a bridge on a grid against independent computations."""

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from stream_monitor.core.drift.brownian_bridge import grid_crossing_probability

Points = NDArray[np.float64]


def dense_recursion(d: float, points: Points, nodes: int = 1200) -> float:
    """The forward density of a bridge not yet across, on a plain Gauss–Legendre grid."""
    x, weights = np.polynomial.legendre.leggauss(nodes)
    x, weights = x * d, weights * d
    inside = stats.norm.pdf(x, scale=math.sqrt(points[0] * (1 - points[0])))
    lost = 2 * stats.norm.sf(d, scale=math.sqrt(points[0] * (1 - points[0])))
    for t0, t1 in pairwise(points.tolist()):
        a = (1 - t1) / (1 - t0)
        sd = math.sqrt((t1 - t0) * a)
        mass = inside * weights
        lost += mass @ (special.ndtr((-d + a * x) / sd) + special.ndtr((-d - a * x) / sd))
        inside = (
            np.exp(-0.5 * ((x[:, None] - a * x) / sd) ** 2) @ mass / (sd * math.sqrt(2 * np.pi))
        )
    return float(lost)


GRIDS = {
    "equal": np.arange(1, 21) / 21,
    "poisson": stats.poisson.cdf(np.arange(12), 3.0),
    "zipf": np.cumsum(1 / np.arange(1, 30) ** 2) / 1.64,
    "neighbours": np.array([0.2, 0.4, 0.4001, 0.7, 0.7005]),
    "early": np.array([0.001, 0.002, 0.3]),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("d", [0.5, 1.0, 1.4, 2.2])
def test_crossing_equals_a_dense_recursion(name: str, d: float) -> None:
    expected = dense_recursion(d, GRIDS[name])
    ours = grid_crossing_probability(d, GRIDS[name])
    assert ours == pytest.approx(expected, abs=1e-7)
    assert ours == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("d", [2.8, 3.1])
def test_crossing_keeps_relative_accuracy_down_to_1e_8(d: float) -> None:
    for points in (GRIDS["equal"], GRIDS["poisson"], np.arange(1, 80) / 80):
        expected = dense_recursion(d, points)
        assert grid_crossing_probability(d, points) == pytest.approx(expected, rel=1e-6)


def test_two_points_equal_the_bivariate_normal() -> None:
    s, t = 0.3, 0.6
    law = stats.multivariate_normal(cov=[[s * (1 - s), s * (1 - t)], [s * (1 - t), t * (1 - t)]])
    inside = law.cdf([0.9, 0.9], lower_limit=[-0.9, -0.9])
    assert grid_crossing_probability(0.9, np.array([s, t])) == pytest.approx(1 - inside, abs=1e-6)


def test_eighty_points_equal_a_simulation() -> None:
    rng = np.random.default_rng(3)
    steps = rng.standard_normal((60_000, 80)) / math.sqrt(80)
    walk = np.cumsum(steps, axis=1)
    bridge = walk - walk[:, -1:] * np.arange(1, 81) / 80
    hits = int((np.abs(bridge).max(axis=1) > 1.25).sum())
    interval = stats.binomtest(hits, len(bridge)).proportion_ci(0.999)
    p = grid_crossing_probability(1.25, np.arange(1, 80) / 80)
    assert interval.low < p < interval.high


def test_an_ever_finer_grid_approaches_kolmogorov() -> None:
    p = grid_crossing_probability(1.2, np.arange(1, 2000) / 2000)
    corrected = special.kolmogorov(1.2 + 0.5826 / math.sqrt(2000))
    assert p == pytest.approx(corrected, rel=1e-3)


def test_one_point_is_a_normal_tail() -> None:
    expected = 2 * stats.norm.sf(4.0 / 0.5)
    assert grid_crossing_probability(4.0, np.array([0.5])) == pytest.approx(expected, rel=1e-12)


def test_time_may_run_backwards() -> None:
    points = np.array([0.05, 0.3, 0.33, 0.8])
    there = grid_crossing_probability(1.1, points)
    back = grid_crossing_probability(1.1, 1.0 - points)
    assert there == pytest.approx(back, rel=1e-9)
