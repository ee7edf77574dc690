"""How often each test alarms when nothing has changed. Seeded: the same run every time."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.random import Generator
from scipy import stats

from stream_monitor.core.drift.chi_square import chi_square
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.largest_share_change import largest_share_change
from stream_monitor.core.drift.new_category import new_category
from stream_monitor.core.drift.rates import rate_change
from stream_monitor.core.drift.score import Score
from stream_monitor.core.drift.window_null import arcsine_share, predictive_p


def alarm_rate(scores: Iterable[Score | None], alpha: float = 0.05) -> float:
    return float(np.mean([s is not None and s.p is not None and s.p <= alpha for s in scores]))


def repeat(times: int, seed: int, once: Callable[[Generator], Score | None]) -> list[Score | None]:
    rng = np.random.default_rng(seed)
    return [once(rng) for _ in range(times)]


def test_continuous_kolmogorov_smirnov_alarms_at_its_level() -> None:
    k = np.full(80, 50)  # quantile bins of the reference: their true shares are Dirichlet

    def once(rng: Generator) -> Score | None:
        return kolmogorov_smirnov(k, rng.multinomial(1_000, rng.dirichlet(k)), discrete=False)

    scores = repeat(6_000, 1, once)
    assert 0.04 <= alarm_rate(scores) <= 0.06
    assert 0.006 <= alarm_rate(scores, 0.01) <= 0.014


def test_discrete_kolmogorov_smirnov_alarms_below_its_level_and_not_far() -> None:
    p = np.append(stats.poisson.pmf(np.arange(12), 3.0), stats.poisson.sf(11, 3.0))

    def once(rng: Generator) -> Score | None:
        return kolmogorov_smirnov(rng.multinomial(2_000, p), rng.multinomial(500, p), discrete=True)

    assert 0.025 <= alarm_rate(repeat(4_000, 2, once)) <= 0.06


def test_chi_square_alarms_at_its_level() -> None:
    p = np.full(20, 0.05)

    def once(rng: Generator) -> Score | None:
        return chi_square(rng.multinomial(4_000, p), rng.multinomial(800, p))

    assert 0.04 <= alarm_rate(repeat(8_000, 3, once)) <= 0.06


def test_chi_square_of_many_rare_categories_alarms_at_its_level() -> None:
    p = 1.0 / np.arange(1, 501)
    p /= p.sum()

    def once(rng: Generator) -> Score | None:
        return chi_square(rng.multinomial(5_000, p), rng.multinomial(200, p))

    assert 0.03 <= alarm_rate(repeat(5_000, 4, once)) <= 0.06


def test_largest_share_change_never_exceeds_its_level() -> None:
    p = 1.0 / np.arange(1, 51)
    p /= p.sum()

    def once(rng: Generator) -> Score | None:
        return largest_share_change(rng.multinomial(5_000, p), rng.multinomial(1_000, p))

    assert 0.01 <= alarm_rate(repeat(2_500, 5, once)) <= 0.05


def test_rate_change_never_exceeds_its_level() -> None:
    def once(rng: Generator) -> Score | None:
        return rate_change(
            int(rng.binomial(5_000, 0.02)), 5_000, int(rng.binomial(1_000, 0.02)), 1_000
        )

    assert 0.02 <= alarm_rate(repeat(4_000, 6, once)) <= 0.05


def test_new_categories_of_a_long_tail_do_not_alarm() -> None:
    p = 1.0 / np.arange(1, 501)
    p /= p.sum()

    def once(rng: Generator) -> Score | None:
        k, w = rng.multinomial(5_000, p), rng.multinomial(200, p)
        once_seen, twice_seen = int((k == 1).sum()), int((k == 2).sum())
        return new_category(int(w[k == 0].sum()), 200, 5_000, once_seen, twice_seen)

    scores = repeat(20_000, 7, once)
    assert 0.003 <= alarm_rate(scores, 0.01) <= 0.011
    assert alarm_rate(scores, 0.001) <= 0.0015


def test_windows_that_differ_do_not_alarm_beyond_their_level() -> None:
    rng = np.random.default_rng(8)
    rates = np.clip(0.05 + 0.01 * rng.standard_normal((4_000, 36)), 0.0, 1.0)
    shares = np.vectorize(arcsine_share)(rng.binomial(1_000, rates), 1_000)
    ps = np.array([predictive_p(float(row[-1]), row[:-1]) for row in shares])
    assert 0.04 <= (ps <= 0.05).mean() <= 0.06
    assert 0.005 <= (ps <= 0.01).mean() <= 0.016
