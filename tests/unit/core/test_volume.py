import numpy as np
import pytest

from stream_monitor.core.policy import Aspect, FeaturePolicy
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.verdicts import VerdictState, judge
from stream_monitor.core.volume import compare_volume
from stream_monitor.core.windows import DAY_S, Window, WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events, model_spec
from tests.unit.core.streams import T0, catalogue

SPEC = model_spec()
LAYOUT = catalogue().layout_for(SPEC, "1")
HOURLY = WindowSize(HOUR_S)
WEEKS = 4


def counted(n: int) -> Profile:
    return deltas(SPEC, LAYOUT, events([T0] * n))[0].profile


def usual(hour: int) -> int:
    """Busy at noon of workdays, quiet at night and at weekends."""
    at_noon = hour % 24 == 12 and hour // 24 % 7 < 5
    return 400 if at_noon else 40


def history(seed: int = 1) -> list[WindowProfile]:
    rng = np.random.default_rng(seed)
    found = []
    for hour in range(-WEEKS * 168, 0):
        at = T0 + hour * HOUR_S
        n = int(usual(hour) * rng.lognormal(0, 0.05))
        found.append(WindowProfile(Window(at, at + HOUR_S), counted(n)))
    return found


def verdict(n: int, hour: int, past: list[WindowProfile]) -> VerdictState:
    at = T0 + hour * HOUR_S
    found = compare_volume(WindowProfile(Window(at, at + HOUR_S), counted(n)), past, HOURLY)
    (measured,) = found.measurements
    assert measured.aspect is Aspect.VOLUME
    return judge(measured, FeaturePolicy(), 1e-4).state


@pytest.mark.parametrize(
    ("n", "hour", "state"),
    [(400, 12, "ok"), (40, 11, "ok"), (40, 12, "drift"), (400, 11, "drift"), (36, 11, "ok")],
)
def test_volume_is_judged_against_the_same_hour_of_the_week(n: int, hour: int, state: str) -> None:
    assert verdict(n, hour, history()) == state


def test_half_more_or_a_third_fewer_is_the_least_that_counts() -> None:
    past = history()
    assert verdict(57, 11, past) is VerdictState.OK
    assert verdict(66, 11, past) is VerdictState.DRIFT
    assert verdict(29, 11, past) is VerdictState.OK
    assert verdict(24, 11, past) is VerdictState.DRIFT


def test_without_weeks_of_history_nothing_is_judged() -> None:
    few = [w for w in history() if w.window.start_s >= T0 - 3 * DAY_S]
    for past in ([], few):
        assert verdict(4_000, 11, past) is VerdictState.INSUFFICIENT_DATA


def test_false_alarms_without_a_change_are_those_asked_for() -> None:
    rng = np.random.default_rng(5)
    past = history(7)
    found = []
    for i in range(400):
        at = T0 + (i % 168) * HOUR_S
        n = int(usual(i % 168) * rng.lognormal(0, 0.05))
        compared = compare_volume(WindowProfile(Window(at, at + HOUR_S), counted(n)), past, HOURLY)
        found.append(compared.measurements[0].p_iid <= 0.05)
    assert 0.02 <= np.mean(found) <= 0.08
