from dataclasses import replace

import pytest

from stream_monitor.core.budget import alpha_of, count_tests
from stream_monitor.core.policy import AlarmBudget, ReferenceKind
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.windows import DAY_S, MONTH_S, WindowSize
from tests.unit.core.builders import model_spec

HOUR, DAY = WindowSize(3_600), WindowSize(DAY_S)
SPEC = model_spec(windows=(HOUR, DAY))
TESTS = (6 + 4) * 2 + 2 * 2 + 3 * 2 + 1
"""Aspects of both features, and two of pairs, by two references; three of the outcome by two; volume."""


def test_alpha_is_the_budget_s_share_of_one_test() -> None:
    assert count_tests(SPEC, HOUR, ALL) == TESTS
    assert alpha_of(SPEC, HOUR, ALL, 0) == pytest.approx(1 / 2 / 168 / TESTS)
    assert alpha_of(SPEC, DAY, ALL, 0) == pytest.approx(1e-3)
    strict = replace(SPEC, budget=AlarmBudget(0.1, 1e-6))
    assert alpha_of(strict, DAY, ALL, 0) == 1e-6


def test_segments_share_a_part_of_the_budget_of_their_own() -> None:
    whole = alpha_of(SPEC, HOUR, ALL, 0)
    assert alpha_of(SPEC, HOUR, ALL, 9) == alpha_of(SPEC, HOUR, ALL, 90) == whole / 2
    of_one = 1 / 2 / 168 / 2 / 9 / (TESTS - 4)  # pairs are judged of all events only
    assert alpha_of(SPEC, HOUR, "origin=JFK", 9) == pytest.approx(of_one)
    spec = replace(SPEC, budget=replace(SPEC.budget, segments_share=0.2))
    assert alpha_of(spec, HOUR, ALL, 9) == pytest.approx(whole * 0.8)


def test_all_count_tests_a_week_together_spend_the_budget() -> None:
    spec = replace(SPEC, windows=(HOUR,))
    spent = 168 * (
        count_tests(spec, HOUR, ALL) * alpha_of(spec, HOUR, ALL, 4)
        + 4 * count_tests(spec, HOUR, "k=v") * alpha_of(spec, HOUR, "k=v", 4)
    )
    assert spent == pytest.approx(spec.budget.alarms_per_week)


def test_early_looks_take_one_test_per_aspect_and_frozen_reference() -> None:
    early = replace(DAY, early=True)
    assert count_tests(SPEC, early, ALL) == TESTS + 10
    kinds = (ReferenceKind.VALIDATION, ReferenceKind.TRAINING, ReferenceKind.SLIDING)
    both = replace(SPEC, references=kinds)
    assert count_tests(both, early, "k=v") == count_tests(both, DAY, "k=v") + 2 * 10


def test_joint_tests_and_references_of_long_windows_count() -> None:
    kinds = (ReferenceKind.VALIDATION, ReferenceKind.YEAR_AGO)
    spec = replace(SPEC, references=kinds, judges_joint=True, outcomes=())
    assert count_tests(spec, HOUR, ALL) == 10 + 2 + 1
    assert count_tests(spec, DAY, ALL) == 2 * (10 + 2) + 1
    assert count_tests(spec, DAY, "k=v") == 2 * 10 + 1


def test_months_spend_as_much_as_so_many_mean_months_do() -> None:
    month = WindowSize(MONTH_S, "Europe/Berlin")
    spec = replace(SPEC, windows=(month,), budget=AlarmBudget(1e-3))
    a_year = 12 * count_tests(spec, month, ALL) * alpha_of(spec, month, ALL, 0)
    assert a_year == pytest.approx(1e-3 * 365.2425 / 7)
