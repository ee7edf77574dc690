import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.drift.new_category import new_category
from stream_monitor.core.drift.rates import rate_change


def test_no_rows_on_a_side_cannot_be_measured() -> None:
    assert rate_change(0, 0, 1, 5) is None
    assert rate_change(1, 5, 0, 0) is None


@given(st.integers(0, 300), st.integers(1, 300), st.integers(0, 300), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_counting_the_other_rows_gives_the_same_p(k: int, m: int, x: int, n: int) -> None:
    k, x = min(k, m), min(x, n)
    score, other = rate_change(k, m, x, n), rate_change(m - k, m, n - x, n)
    assert score is not None
    assert other is not None
    assert score.p == pytest.approx(other.p, rel=1e-9)
    assert score.p is not None
    assert 0.0 < score.p <= 1.0


def test_a_rate_of_nothing_or_everything_on_both_sides_has_not_changed() -> None:
    for k, x in ((0, 0), (90, 30)):
        score = rate_change(k, 90, x, 30)
        assert score is not None
        assert (score.effect, score.p) == (0.0, 1.0)


def test_a_first_missing_value_among_many_rows_is_no_surprise() -> None:
    score = rate_change(0, 10_000, 1, 10_000)
    assert score is not None
    assert score.p == 1.0


def test_many_rows_are_judged_without_overflow() -> None:
    score = rate_change(10**8, 10**10, 10**8 + 200_000, 10**10)
    assert score is not None
    assert score.p is not None
    assert 0.0 < score.p < 1e-20


def test_new_rows_are_judged_by_what_rare_categories_predict() -> None:
    quiet = new_category(new=5, n=1_000, m=10_000, n1=50, n2=20)
    loud = new_category(new=40, n=1_000, m=10_000, n1=50, n2=20)
    assert quiet is not None
    assert loud is not None
    assert (quiet.effect, round(loud.effect, 6)) == (0.0, 0.035)
    assert quiet.p is not None
    assert loud.p is not None
    assert quiet.p > 0.4
    assert loud.p < 1e-6


def test_a_reference_without_rare_categories_still_allows_one_row() -> None:
    one = new_category(new=1, n=100, m=10_000, n1=0, n2=0)
    many = new_category(new=8, n=100, m=10_000, n1=0, n2=0)
    assert one is not None
    assert many is not None
    assert one.p == pytest.approx(0.01, rel=0.02)
    assert many.p is not None
    assert many.p < 1e-12


def test_no_new_row_is_no_evidence() -> None:
    score = new_category(new=0, n=100, m=10_000, n1=0, n2=0)
    assert score is not None
    assert (score.p, score.effect) == (1.0, 0.0)


def test_a_reference_of_singletons_expects_only_new_rows() -> None:
    score = new_category(new=30, n=30, m=40, n1=40, n2=0)
    assert score is not None
    assert score.p is not None
    assert score.p > 0.3


def test_new_categories_need_rows_on_both_sides() -> None:
    assert new_category(0, 0, 10, 1, 1) is None
    assert new_category(1, 10, 0, 0, 0) is None
