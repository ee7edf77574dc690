import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.policy import (
    Aspect,
    FeaturePolicy,
    ReferenceKind,
    Severity,
)
from stream_monitor.core.results import FeatureResult, escalated
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.verdicts import Measurement, Verdict, VerdictState, judge
from tests.unit.core.builders import model_spec

ALPHA = 1e-4


def verdict(
    p: float, effect: float, p_window: float | None = None, smallest_p: float = 0.0,
    aspect: Aspect = Aspect.DISTRIBUTION, policy: FeaturePolicy | None = None,
    test: str = "ks",
) -> Verdict:  # fmt: skip
    measured = Measurement(aspect, test, effect, p, p_window, effect, smallest_p)
    return judge(measured, policy or FeaturePolicy(), ALPHA)


def test_an_improbable_change_below_the_floor_is_ok() -> None:
    assert verdict(1e-200, 0.0299).state is VerdictState.OK
    assert verdict(1e-200, 0.03).state is VerdictState.DRIFT


def test_a_large_change_that_chance_explains_is_ok() -> None:
    assert verdict(ALPHA * 1.01, 0.9).state is VerdictState.OK
    assert verdict(ALPHA, 0.9).state is VerdictState.DRIFT


def test_drift_must_be_unusual_for_windows_too() -> None:
    assert verdict(1e-200, 0.9, p_window=0.2).state is VerdictState.OK
    assert verdict(1e-200, 0.9, p_window=1e-9).state is VerdictState.DRIFT
    assert verdict(0.2, 0.9, p_window=1e-9).p == 0.2


def test_a_sample_that_could_never_reach_alpha_is_insufficient() -> None:
    found = verdict(0.5, 0.9, smallest_p=ALPHA * 1.01)
    assert found.state is VerdictState.INSUFFICIENT_DATA
    assert found.severity is None


@pytest.mark.parametrize(
    ("test", "aspect", "floor", "critical"),
    [
        ("ks", Aspect.DISTRIBUTION, 0.03, 0.15),
        ("chi_square", Aspect.DISTRIBUTION, 0.01, 0.10),
        ("two_proportion", Aspect.MISSING, 0.005, 0.05),
        ("good_turing", Aspect.NEW_CATEGORY, 0.002, 0.05),
    ],
)
def test_floors_and_severities(test: str, aspect: Aspect, floor: float, critical: float) -> None:
    below, at, loud = (
        verdict(1e-99, effect, aspect=aspect, test=test)
        for effect in (floor * 0.999, floor, critical)
    )
    assert below.state is VerdictState.OK
    assert (at.state, at.severity) == (VerdictState.DRIFT, Severity.WARNING)
    assert loud.severity is Severity.CRITICAL


def test_a_policy_moves_floors_and_forces_a_severity() -> None:
    policy = FeaturePolicy(floor=0.5, rate_floor=0.0, severity=Severity.WARNING)
    assert verdict(1e-99, 0.4, policy=policy).state is VerdictState.OK
    assert verdict(1e-99, 0.9, policy=policy).severity is Severity.WARNING
    rate = verdict(1e-99, 0.0, aspect=Aspect.ZERO, policy=policy)
    assert rate.state is VerdictState.DRIFT


@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.none() | st.floats(0, 1),
    st.sampled_from([0.0, ALPHA, 0.5]),
    st.sampled_from(list(Aspect)),
)
@settings(max_examples=100, deadline=None)
def test_the_ratio_reaches_one_exactly_where_it_drifts(
    p: float, effect: float, p_window: float | None, smallest_p: float, aspect: Aspect
) -> None:
    found = verdict(p, effect, p_window, smallest_p, aspect)
    assert (found.ratio >= 1) == (found.state is VerdictState.DRIFT)
    assert found.ratio >= 0
    assert math.isfinite(found.ratio)
    assert (found.severity is not None) == (found.state is VerdictState.DRIFT)


def result(name: str, state: VerdictState) -> FeatureResult:
    severity = Severity.WARNING if state is VerdictState.DRIFT else None
    kind, reference = FeatureKind.NUMERIC, ReferenceKind.VALIDATION
    return FeatureResult(name, kind, reference, state, severity, (), None)


@pytest.mark.parametrize(
    ("drifting", "importance", "critical"),
    [("ab", 1.0, True), ("a", 1.0, False), ("ab", 3.0, False), ("abc", 3.0, True), ("", 1.0, False)],
)  # fmt: skip
def test_half_of_the_features_by_importance_together_are_critical(
    drifting: str, importance: float, critical: bool
) -> None:
    schema = Schema(tuple(Feature(name, FeatureKind.NUMERIC) for name in "abcd"))
    spec = model_spec(schema=schema, policies={"d": FeaturePolicy(importance=importance)})
    states = {n: VerdictState.DRIFT if n in drifting else VerdictState.OK for n in "abcd"}
    found = escalated([result(n, state) for n, state in states.items()], spec)
    loud = {r.feature for r in found if r.severity is Severity.CRITICAL}
    assert loud == (set(drifting) if critical else set())
