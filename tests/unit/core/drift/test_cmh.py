from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal, stats

from stream_monitor.core.drift.cmh import stratified_chi_square, stratified_rate_change

Counts = NDArray[np.int64]
Convolve = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
RNG = np.random.default_rng(21)


def seasonal(slots: int = 24, cells: int = 6) -> NDArray[np.float64]:
    """Shares that move from cell to cell with the slot."""
    centre = cells / 2 + cells / 3 * np.sin(2 * np.pi * np.arange(slots) / slots)
    shares = np.exp(-0.5 * (np.arange(cells) - centre[:, None]) ** 2) + 1e-3
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def test_a_single_slot_is_the_plain_test_with_its_exact_variance() -> None:
    k, w = np.array([[400, 300, 300]]), np.array([[60, 20, 20]])
    score = stratified_chi_square(k, w, minimum_variance=0.0)
    plain = stats.chi2_contingency(np.concatenate([k, w]), correction=False)
    assert score is not None
    assert score.statistic == pytest.approx(plain.statistic * 1_099 / 1_100, rel=1e-9)
    assert score.p == pytest.approx(stats.chi2.sf(score.statistic, 2), rel=1e-9)


def test_moments_are_those_of_rows_that_change_sides_within_their_slot() -> None:
    k, w = np.array([[6, 3, 1], [1, 4, 5]]), np.array([[2, 1, 3], [0, 3, 1]])
    sums = np.zeros((20_000, 3))
    for mine, other in zip(w, k, strict=True):
        sums += RNG.multivariate_hypergeometric(mine + other, int(mine.sum()), size=20_000)
    off = w.sum(axis=0) - sums.mean(axis=0)
    expected = off @ np.linalg.pinv(np.cov(sums.T), rcond=1e-6) @ off
    score = stratified_chi_square(k, w, minimum_variance=0.0)
    assert score is not None
    assert score.statistic == pytest.approx(expected, rel=0.1)


def test_an_hour_like_itself_is_quiet_though_it_differs_from_the_day() -> None:
    shares = seasonal()
    k = RNG.multinomial(2_000, shares)
    w = np.zeros_like(k)
    w[3] = RNG.multinomial(500, shares[3])
    score, pooled = stratified_chi_square(k, w), stats.chi2_contingency([k.sum(0), w.sum(0)])
    assert score is not None
    assert score.p is not None
    assert pooled.pvalue < 1e-20
    assert score.p > 0.01
    assert score.effect < 0.05


def test_a_shift_within_every_slot_is_found_and_sized() -> None:
    shares = seasonal(cells=10)
    moved = 0.8 * shares
    moved[:, 0] += 0.2
    k, w = RNG.multinomial(2_000, shares), RNG.multinomial(100, moved)
    for ordered in (False, True):
        score = stratified_chi_square(k, w, ordered=ordered)
        assert score is not None
        assert score.p is not None
        assert score.p < 1e-20
        assert score.effect == pytest.approx(0.2, abs=0.04)


def test_rows_of_a_slot_without_reference_are_held_against_the_whole() -> None:
    k, w = np.array([[500, 500], [0, 0]]), np.array([[0, 0], [90, 10]])
    plain = stratified_chi_square(k[:1], w[1:])
    assert stratified_chi_square(k, w) == plain
    rate, plain_rate = (
        stratified_rate_change(a[:, 1], a.sum(1), b[:, 1], b.sum(1))
        for a, b in ((k, w), (k[:1], w[1:]))
    )
    assert rate == plain_rate
    assert rate is not None
    assert rate.effect == pytest.approx(0.4)


def test_what_is_constant_in_every_slot_has_not_changed() -> None:
    k, w = np.array([[40, 0], [0, 40]]), np.array([[5, 0], [0, 9]])
    score = stratified_chi_square(k, w)
    assert score is not None
    assert score.p == 1.0


def test_no_rows_or_too_few_of_them_cannot_be_measured() -> None:
    k = np.array([[500, 500]])
    assert stratified_chi_square(k, np.zeros_like(k)) is None
    assert stratified_chi_square(np.zeros_like(k), k) is None
    assert stratified_chi_square(k, np.array([[2, 1]])) is None
    zero, some = np.zeros(1, np.int64), np.ones(1, np.int64)
    assert stratified_rate_change(zero, zero, some, some) is None
    assert stratified_rate_change(some, some, zero, zero) is None


def test_cells_that_never_occur_cost_nothing() -> None:
    k, w = np.array([[50, 0, 50]]), np.array([[70, 0, 30]])
    assert stratified_chi_square(k, w) == stratified_chi_square(k[:, ::2], w[:, ::2])


def exact_by_brute_force(
    k: Counts, m: Counts, x: Counts, n: Counts, convolve: Convolve = np.convolve
) -> float:
    law = np.ones(1)
    for a, b, c, d in zip(k, m, x, n, strict=True):
        law = convolve(law, stats.hypergeom(b + d, a + c, d).pmf(np.arange(d + 1)))
    at = int(x.sum())
    return min(1.0, 2 * min(law[: at + 1].sum(), law[at:].sum()))


@pytest.mark.parametrize("seed", range(8))
def test_rates_have_the_exact_law_of_their_slots(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m, n = rng.integers(0, 60, 5) + (seed < 6), rng.integers(0, 12, 5)
    k, x = rng.binomial(m, 0.6 if seed % 2 else 0.1), rng.binomial(n, 0.4)
    used = (m > 0) & (n > 0)
    k, m, x, n = (side[used] for side in (k, m, x, n))
    score = stratified_rate_change(k, m, x, n)
    assert score is not None
    assert score.p == pytest.approx(exact_by_brute_force(k, m, x, n), rel=1e-9)


def test_a_rare_event_in_a_large_reference_keeps_its_exact_tail() -> None:
    m, n = np.full(24, 400_000), np.full(24, 20)
    k, x = np.full(24, 2_000), np.repeat([0, 1], [14, 10])
    score = stratified_rate_change(k, m, x, n)
    assert score is not None
    assert score.p == pytest.approx(exact_by_brute_force(k, m, x, n), rel=1e-7)


def test_very_many_rows_agree_with_the_exact_law() -> None:
    m, n = np.full(4, 500_000), np.full(4, 100_000)
    k, x = np.full(4, 100_000), np.full(4, 20_160)
    score = stratified_rate_change(k, m, x, n)
    assert score is not None
    expected = exact_by_brute_force(k, m, x, n, signal.fftconvolve)
    assert expected > 1e-6, "far above what is lost by the transform"
    assert score.p == pytest.approx(expected, rel=0.02)


def test_a_rate_far_off_has_a_p_next_to_nothing() -> None:
    m, n = np.full(4, 500), np.full(4, 500)
    for k, x in ((400, 10), (10, 400)):
        score = stratified_rate_change(np.full(4, k), m, np.full(4, x), n)
        assert score is not None
        assert score.p is not None
        assert 0.0 <= score.p < 1e-25


def test_rates_of_nothing_and_of_everything_have_not_changed() -> None:
    m, n = np.array([9, 0, 5]), np.array([3, 2, 0])
    for k, x in ((0 * m, 0 * n), (m, n)):
        score = stratified_rate_change(k, m, x, n)
        assert score is not None
        assert (score.p, score.effect) == (1.0, 0.0)


def test_a_rate_and_its_complement_have_one_p() -> None:
    k, m, x, n = (np.array(side) for side in ([3, 40], [50, 60], [6, 9], [20, 10]))
    rate, complement = (
        stratified_rate_change(k, m, x, n),
        stratified_rate_change(m - k, m, n - x, n),
    )
    assert rate is not None
    assert complement is not None
    assert (rate.p, rate.effect) == pytest.approx((complement.p, complement.effect))


@pytest.mark.parametrize(
    ("n", "m"), [(100, 5_000), (500, 5_000), (500, 50_000), (5_000, 5_000), (5_000, 50_000)]
)
def test_hours_of_a_week_that_are_as_ever_alarm_at_their_level(n: int, m: int) -> None:
    rng = np.random.default_rng(n + m)
    shares = np.tile(seasonal(24, 20), (7, 1))
    even = np.full(168, 1 / 168)
    ps = []
    for _ in range(1_500):
        k = rng.multinomial(rng.multinomial(m, even), shares)
        score = stratified_chi_square(k, rng.multinomial(rng.multinomial(n, even), shares))
        assert score is not None
        ps.append(score.p)
    assert 0.035 <= np.mean(np.array(ps, float) <= 0.05) <= 0.065
    assert np.mean(np.array(ps, float) <= 0.01) <= 0.016
