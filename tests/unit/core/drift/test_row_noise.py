"""Windows of other sizes than the reference's: what their rows' noise explains is told apart."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats

from stream_monitor.core.binning import Binning, learn_numeric
from stream_monitor.core.drift.distance_null import predictive_p_of_distances
from stream_monitor.core.drift.window_null import (
    RowNoise,
    log_shape,
    predictive_p_among,
    predictive_p_among_skewed,
)
from stream_monitor.core.placing import Placing
from stream_monitor.core.profile.numeric import NumericPart
from stream_monitor.core.profile.profile import Layout, Profile
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.summaries import SPREAD, NumericWindows
from stream_monitor.core.window_tables import NumericTable, WindowTables

K = 35
FEATURES = 20_000
Floats = NDArray[np.float64]


def constant(window: float, windows: float, features: int = 1) -> RowNoise:
    return RowNoise(np.full(features, window), np.full(features, windows))


def integral(distance: float, sd: float, k: int, own: float, theirs: float) -> float:
    """The same expectation, over the chi-square density itself."""

    def tail(w: float) -> float:
        possible = (k - 1) * sd**2 / w
        variance = max(0.0, possible - theirs) + own + possible / k
        return float(stats.chi2.pdf(w, k - 1) * 2 * stats.norm.sf(distance / math.sqrt(variance)))

    kink = (k - 1) * sd**2 / theirs if theirs else k
    parts = [(0.0, kink), (kink, 10 * k + kink)]
    return sum(integrate.quad(tail, *part, limit=500, epsrel=1e-10)[0] for part in parts)


@pytest.mark.parametrize("own", [0.001, 0.02, 0.2, 1.0, 5.0])
@pytest.mark.parametrize("theirs", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("distance", [0.5, 2.0, 4.0])
def test_p_is_the_expectation_over_the_spreads_that_are_possible(
    own: float, theirs: float, distance: float
) -> None:
    reference = np.random.default_rng(1).standard_normal((20, 1))
    reference = (reference - reference.mean()) / reference.std(ddof=1)
    p = predictive_p_among(np.array([distance]), reference, noise=constant(own, theirs))[0]
    expected = integral(distance, 1.0, 20, own, theirs)
    # Wilson and Hilferty's approximation errs to the careful side, with few windows and far out.
    assert 0.995 * expected <= p <= 1.25 * expected


def test_among_windows_of_its_size_that_vary_it_is_the_t() -> None:
    reference = np.random.default_rng(2).standard_normal((K, 1))
    for c in (0.5, 2.0, 4.0, 6.0):
        value = np.array([c])
        plain = predictive_p_among(value, reference)[0]
        assert predictive_p_among(value, reference, noise=constant(0.05, 0.05))[0] == pytest.approx(
            plain, rel=0.05
        )


def test_noise_of_nobody_changes_nothing() -> None:
    reference = np.random.default_rng(3).standard_normal((K, 3))
    c = np.array([0.1, 1.0, 5.0])
    for p_among in (predictive_p_among, predictive_p_among_skewed):
        assert (p_among(c, reference) == p_among(c, reference, noise=constant(0, 0, 3))).all()


def shares(rng: np.random.Generator, rows: int, windows: int, effect: float) -> Floats:
    """arcsin √ of shares of one half, with an effect of each window in radians."""
    angle = math.pi / 4 + effect * rng.standard_normal((windows, FEATURES))
    return np.asarray(np.arcsin(np.sqrt(rng.binomial(rows, np.sin(angle) ** 2) / rows)))


@pytest.mark.parametrize(("few", "many"), [(285, 285), (285, 1_000), (285, 5_000), (1_000, 200)])
@pytest.mark.parametrize("effect", [0.0, 0.01, 0.03])
def test_a_window_of_any_size_keeps_the_level(few: int, many: int, effect: float) -> None:
    rng = np.random.default_rng(few + many)
    reference, c = shares(rng, few, K, effect), shares(rng, many, 1, effect)[0]
    p = predictive_p_among(c, reference, noise=constant(0.25 / many, 0.25 / few, FEATURES))
    # 99 % of a binomial share lie below this, were the true ratio 1.3.
    assert (p <= 0.01).sum() < stats.binom.ppf(0.99, FEATURES, 0.013)
    assert (p <= 0.001).sum() < stats.binom.ppf(0.99, FEATURES, 0.0013)


def test_a_small_window_among_large_ones_is_too_eager_without_its_noise() -> None:
    rng = np.random.default_rng(5)
    reference, c = shares(rng, 1_000, K, 0.01), shares(rng, 200, 1, 0.01)[0]
    assert (predictive_p_among(c, reference) <= 0.001).mean() > 0.03


def test_a_large_window_among_small_ones_is_seen_to_change() -> None:
    rng = np.random.default_rng(6)
    reference, c = shares(rng, 285, K, 0.0), shares(rng, 5_000, 1, 0.0)[0] + 0.08
    noise = constant(0.25 / 5_000, 0.25 / 285, FEATURES)
    assert (predictive_p_among(c, reference) <= 0.001).mean() < 0.05
    assert (predictive_p_among(c, reference, noise=noise) <= 0.001).mean() > 0.5


def shapes_of(earlier: NDArray[np.int64]) -> Floats:
    """The shape of each window, (K, cells), beside the others."""
    total = earlier.sum(axis=0)
    return np.array([[log_shape(total - w, w)] for w in earlier], np.float64)


def p_of_shape(earlier: NDArray[np.int64], window: NDArray[np.int64]) -> float:
    """p of a window's shape among those of K windows of as many rows each."""
    total, few, many = earlier.sum(axis=0), int(earlier[0].sum()), int(window.sum())
    m = int(total.sum())
    ratio = (m * many / (m + many)) / (few * (m - few) / m)
    c, noise = np.array([log_shape(total, window)], np.float64), np.array([len(window) - 1.0])
    return float(predictive_p_of_distances(c, shapes_of(earlier), noise, np.array([ratio]))[0])


def histograms(
    rng: np.random.Generator, rows: int, windows: int, effect: float
) -> NDArray[np.int64]:
    weights = np.exp(effect * rng.standard_normal((windows, 8)))
    return np.array([rng.multinomial(rows, w / w.sum()) for w in weights])


@pytest.mark.parametrize(
    ("few", "many"), [(300, 300), (300, 1_500), (300, 6_000), (1_500, 300), (6_000, 300)]
)
@pytest.mark.parametrize("effect", [0.0, 0.1, 0.3])
def test_a_shape_of_any_number_of_rows_keeps_the_level(few: int, many: int, effect: float) -> None:
    rng = np.random.default_rng(few + many)
    alarms = trials = 0
    for _ in range(1_500):
        earlier = histograms(rng, few, K, effect)
        alarms += int(p_of_shape(earlier, histograms(rng, many, 1, effect)[0]) <= 0.01)
        trials += 1
    assert alarms <= stats.binom.ppf(0.99, trials, 0.013)


def spreads(rng: np.random.Generator, rows: int, windows: int, effect: float) -> NDArray[np.int64]:
    """Cells of a normal variable whose log variance differs between windows: one direction of twenty."""
    z = stats.norm.ppf((np.arange(20) + 0.5) / 20)
    direction = (z * z - 1) / (z * z - 1).std()
    weights = np.exp(effect * rng.standard_normal((windows, 1)) * direction)
    return np.array([rng.multinomial(rows, w / w.sum()) for w in weights])


@pytest.mark.parametrize(("few", "many"), [(285, 285), (285, 1_000), (285, 5_000), (5_000, 285)])
@pytest.mark.parametrize("effect", [0.07, 0.12, 0.2])
def test_a_shape_that_varies_in_one_direction_keeps_the_level(
    few: int, many: int, effect: float
) -> None:
    rng = np.random.default_rng(few + many)
    alarms = trials = 0
    for _ in range(1_000):
        earlier = spreads(rng, few, K, effect)
        alarms += int(p_of_shape(earlier, spreads(rng, many, 1, effect)[0]) <= 0.01)
        trials += 1
    # Squares of few directions have a heavier tail than the t: twice the level is held.
    assert alarms <= stats.binom.ppf(0.99, trials, 0.02)


def test_a_shape_nearer_than_the_windows_is_no_change() -> None:
    shapes = np.log(np.array([[90.0], [100.0], [110.0]]))
    noise, one = np.array([7.0]), np.array([1.0])
    near, far = np.log(np.array([5.0])), np.log(np.array([1_000.0]))
    assert predictive_p_among_skewed(near, shapes)[0] < 0.01
    assert predictive_p_of_distances(near, shapes, noise, one)[0] == 1.0
    p = predictive_p_among_skewed(far, shapes)[0]
    assert predictive_p_of_distances(far, shapes, noise, one)[0] == p


def test_a_distance_that_rows_explain_grows_and_is_none() -> None:
    rng = np.random.default_rng(8)
    shapes = np.log(rng.chisquare(7, (K, 1)))
    noise = np.array([7.0])
    far = np.log(np.array([40.0]))
    ps = [predictive_p_of_distances(far, shapes, noise, np.array([r]))[0] for r in (1, 2, 8, 64)]
    assert ps == sorted(ps)
    assert ps[0] < 0.01 < ps[-1]
    assert np.isnan(predictive_p_of_distances(far, shapes[:1], noise, noise)).all()
    assert np.isnan(predictive_p_of_distances(far, shapes[:0], noise, noise)).all()


@pytest.mark.parametrize(
    ("few", "many", "height"),
    [(285, 285, 3.5), (1_000, 1_010, 2.1), (285, 5_000, 2.2), (1_000, 300, 3.5)],
)
def test_another_shape_is_found_in_a_window_of_any_size(few: int, many: int, height: float) -> None:
    rng = np.random.default_rng(few + many)
    uneven = np.array([height, 1.0] * 10)
    found = 0
    for _ in range(200):
        earlier = spreads(rng, few, K, 0.05)
        window = rng.multinomial(many, uneven / uneven.sum())
        found += int(p_of_shape(earlier, window) <= 0.001)
    assert found >= 180


@pytest.mark.parametrize("effect", [0.0, 0.1, 0.3])
def test_one_row_more_changes_no_verdict(effect: float) -> None:
    rng = np.random.default_rng(9)
    for _ in range(50):
        shapes = shapes_of(histograms(rng, 1_000, K, effect))
        for sds in (3.0, 4.0, 5.0):
            c = shapes.mean(axis=0) + sds * shapes.std(axis=0, ddof=1)
            equal, more = (
                predictive_p_of_distances(c, shapes, np.array([7.0]), np.array([r]))[0]
                for r in (1.0, 1.001)
            )
            assert equal <= more <= 1.05 * equal
            assert sds < 5.0 or more < 0.01


def table(rng: np.random.Generator, rows: int, effect: float) -> NumericTable:
    """Normal values, and values in two groups, the second of which varies within."""
    inner = np.clip(0.5 + effect * rng.standard_normal(), 0.0, 1.0)
    groups = 100.0 * (rng.random(rows) < 0.5) + (rng.random(rows) < inner)
    values = np.stack([rng.standard_normal(rows), groups])
    part = NumericPart.empty(TWO)
    part.update(values, np.zeros(values.shape, np.uint8), np.zeros(rows, np.int64))
    return WindowTables.of(Profile(LAYOUT, {"numeric": part})).numeric


TWO = tuple(
    learn_numeric(values)
    for values in (
        np.random.default_rng(1).standard_normal(5_000),
        np.repeat([0.0, 1.0, 100.0, 101.0], 1_250)
        + np.random.default_rng(1).normal(0, 0.01, 5_000),
    )
)
LAYOUT = Layout(
    Binning(Schema(tuple(Feature(name, FeatureKind.NUMERIC) for name in ("one", "two"))), TWO, ())
)


@pytest.mark.parametrize("effect", [0.0, 0.05, 0.15])
def test_values_in_two_groups_have_a_location_and_no_spread(effect: float) -> None:
    rng = np.random.default_rng(3)
    alarms = trials = 0
    for _ in range(15):
        windows = [table(rng, 300, effect) for _ in range(K)]
        total = table(rng, 300 * K, effect)
        known = NumericWindows.of(windows, total, Placing(), None)
        assert np.isnan(known.moments[:, SPREAD]).all(axis=0).tolist() == [False, True]
        for _ in range(20):
            alarms += int(known.p(table(rng, 3_000, effect))[1] <= 0.01)
            trials += 1
    assert alarms <= stats.binom.ppf(0.99, trials, 0.013)
