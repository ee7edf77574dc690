"""What every score on two tables of counts promises, whatever the counts."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream_monitor.core.drift.chi_square import chi_square
from stream_monitor.core.drift.jensen_shannon import jensen_shannon
from stream_monitor.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from stream_monitor.core.drift.largest_share_change import largest_share_change
from stream_monitor.core.drift.population_stability import population_stability
from stream_monitor.core.drift.score import Score
from stream_monitor.core.drift.wasserstein import wasserstein

Counts = NDArray[np.int64]
Measure = Callable[[Counts, Counts], Score | None]


def positions(counts: Counts) -> NDArray[np.float64]:
    return np.arange(len(counts), dtype=np.float64)


SCORES: dict[str, Measure] = {
    "chi_square": chi_square,
    "chi_square_unmerged": lambda k, w: chi_square(k, w, minimum_expected=0.0),
    "jensen_shannon": jensen_shannon,
    "kolmogorov_smirnov": lambda k, w: kolmogorov_smirnov(k, w, discrete=False),
    "kolmogorov_smirnov_discrete": lambda k, w: kolmogorov_smirnov(k, w, discrete=True),
    "largest_share_change": largest_share_change,
    "population_stability": population_stability,
    "wasserstein": lambda k, w: wasserstein(k, w, positions(k), positions(w)),
}
HIGHEST = {"jensen_shannon": np.sqrt(np.log(2.0)), "population_stability": np.inf}
by_score = pytest.mark.parametrize("name", SCORES)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Counts, Counts]:
    cells = draw(st.integers(1, 12))
    counts = st.lists(st.integers(0, 500), min_size=cells, max_size=cells).filter(any)
    return np.array(draw(counts)), np.array(draw(counts))


@by_score
@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_swapping_sides_changes_nothing_but_the_sizes(
    name: str, table: tuple[Counts, Counts]
) -> None:
    there, back = SCORES[name](*table), SCORES[name](*reversed(table))
    if there is None or back is None:
        assert there is back
        return
    assert (there.n, there.m) == (back.m, back.n)
    assert there.statistic == pytest.approx(back.statistic, abs=1e-9)
    if there.p is not None:
        assert there.p == pytest.approx(back.p, rel=1e-6, abs=1e-12)


@by_score
@given(table=tables(), times=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_equal_shares_are_no_distance(name: str, table: tuple[Counts, Counts], times: int) -> None:
    score = SCORES[name](table[0], times * table[0])
    if score is not None:
        assert score.statistic == pytest.approx(0.0, abs=1e-7)
        assert score.p is None or score.p == pytest.approx(1.0)


@by_score
@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_figures_stay_in_their_range(name: str, table: tuple[Counts, Counts]) -> None:
    score = SCORES[name](*table)
    if score is None:
        return
    rows = int(table[0].sum() + table[1].sum())
    highest = (
        rows if name.startswith("chi_square") else HIGHEST.get(name, max(1, len(table[0]) - 1))
    )
    assert -1e-12 <= score.statistic <= highest * (1 + 1e-9)
    assert np.isfinite(score.effect)
    assert score.p is None or 0.0 <= score.p <= 1.0


@by_score
def test_an_empty_side_cannot_be_measured(name: str) -> None:
    some, none = np.array([3, 4]), np.array([0, 0])
    assert SCORES[name](some, none) is None
    assert SCORES[name](none, some) is None


@by_score
def test_a_feature_constant_on_both_sides_has_not_moved(name: str) -> None:
    score = SCORES[name](np.array([0, 70, 0]), np.array([0, 9, 0]))
    assert score is not None
    assert (score.statistic, score.effect) == (0.0, 0.0)
    assert score.p in (None, 1.0)


@by_score
def test_counts_are_not_changed_by_measuring(name: str) -> None:
    k, w = np.array([900, 2, 30, 0]), np.array([80, 4, 1, 0])
    SCORES[name](k, w)
    assert (k.tolist(), w.tolist()) == ([900, 2, 30, 0], [80, 4, 1, 0])


def test_all_rows_moved_is_the_largest_distance() -> None:
    k, w = np.array([400, 0]), np.array([0, 100])
    for name in ("kolmogorov_smirnov", "kolmogorov_smirnov_discrete", "largest_share_change"):
        score = SCORES[name](k, w)
        assert score is not None
        assert score.effect == 1.0
        assert score.p is not None
        assert score.p < 1e-12
