from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stream_monitor.core.binning import learn_numeric
from stream_monitor.core.hints.feature_evidence import NumericEvidence
from stream_monitor.core.hints.mixture import mixture
from stream_monitor.core.hints.transforms import distance, has_few_values, noise, points_of
from tests.unit.core.hints.faults import NUMERIC, numeric


def evidence(name: str, change: float = 1.0, seed: int = 2) -> tuple[NumericEvidence, np.ndarray]:
    rng = np.random.default_rng(seed)
    reference, window = NUMERIC[name](rng, 10_000), NUMERIC[name](rng, 3_000)
    return numeric(reference, window * change), reference


@pytest.mark.parametrize("name", NUMERIC)
def test_points_have_the_shares_of_the_bins_and_the_mean_of_the_rows(name: str) -> None:
    found, reference = evidence(name)
    points = points_of(found.reference, found.binning)
    assert points.weights.sum() == pytest.approx(1)
    assert distance(points.histogram(found.binning), found.reference.counts) < 0.005
    assert points.values @ points.weights == pytest.approx(
        reference.mean(), abs=0.02 * reference.std()
    )


@pytest.mark.parametrize("name", ["normal", "lognormal", "uniform", "exponential", "two peaks"])
@pytest.mark.parametrize("factor", [0.3, -1.0, 2.0, 7.0])
def test_changed_points_lie_as_changed_rows_do(name: str, factor: float) -> None:
    found, reference = evidence(name)
    changed = points_of(found.reference, found.binning).moved(lambda x: factor * x)
    rows = np.searchsorted(found.binning.edges, factor * reference, side="right")
    counts = np.bincount(rows, minlength=found.binning.bins)
    assert distance(changed.histogram(found.binning), counts) < 0.01


def test_a_few_values_are_points_at_themselves() -> None:
    rng = np.random.default_rng(4)
    found = numeric(rng.choice([1.0, 2.5, 40.0], 5_000), np.ones(50))
    points = points_of(found.reference, found.binning)
    assert set(np.round(points.values, 6)) == {1.0, 2.5, 40.0}


@pytest.mark.parametrize(
    ("values", "is_few"),
    [
        (np.arange(80.0), True),
        (np.array([0.1, 0.7, 1e6]), True),
        (np.array([3.0]), True),
        (np.arange(81.0), False),
        (np.append(np.zeros(500), np.linspace(0.1, 9, 500)), False),
        (np.random.default_rng(0).normal(size=5_000), False),
    ],
)
def test_bins_that_were_made_for_single_values_are_recognised(
    values: np.ndarray, is_few: bool
) -> None:
    assert has_few_values(learn_numeric(values)) is is_few


def test_no_rows_are_no_points() -> None:
    found, _ = evidence("normal")
    empty = numeric(np.arange(500.0), np.zeros(0))
    assert len(points_of(empty.window, found.binning).values) == 0


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.integers(0, 30, 400), rng.integers(3, 33, 500)
    p = np.bincount(a, minlength=40) / 400
    expected = stats.ks_2samp(a, b).statistic
    assert distance(p, np.bincount(b, minlength=40)) == pytest.approx(expected)


def test_chance_rarely_exceeds_the_noise() -> None:
    rng = np.random.default_rng(9)
    binning = learn_numeric(rng.normal(size=50_000))
    d = []
    for _ in range(300):
        r, w = (
            np.bincount(np.searchsorted(binning.edges, rng.normal(size=n)), minlength=binning.bins)
            for n in (4_000, 500)
        )
        d.append(distance(r / 4_000, w))
    assert np.mean(np.array(d) > noise(500, 4_000)) < 0.01


@pytest.mark.parametrize("part", [0.03, 0.2, 0.6])
@pytest.mark.parametrize("name", ["normal", "lognormal", "two peaks"])
def test_the_part_of_changed_rows_is_found(name: str, part: float) -> None:
    rng = np.random.default_rng(6)
    reference, window = NUMERIC[name](rng, 10_000), NUMERIC[name](rng, 6_000)
    window[: int(part * 6_000)] *= 100
    found = numeric(reference, window)
    points = points_of(found.reference, found.binning)
    result = mixture(found, points, points.moved(lambda x: 100 * x))
    assert result.fits
    assert not result.is_whole
    assert result.part == pytest.approx(part, abs=0.02)


def test_a_whole_change_is_whole_and_the_reference_itself_is_no_change() -> None:
    changed, _ = evidence("lognormal", 10.0)
    points = points_of(changed.reference, changed.binning)
    whole = mixture(changed, points, points.moved(lambda x: 10 * x))
    assert (whole.is_whole, whole.fits) == (True, True)
    same, _ = evidence("lognormal")
    assert not mixture(same, points, points.moved(lambda x: 10 * x)).fits
    assert not mixture(same, points, points).fits
