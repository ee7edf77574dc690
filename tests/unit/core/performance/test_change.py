import numpy as np
import pytest

from stream_monitor.core.performance.change import compare_performance
from stream_monitor.core.performance.tally import Tally, tally_from_json, tally_of, tally_to_json
from stream_monitor.core.policy import Aspect, FeaturePolicy
from stream_monitor.core.profile.outcome import OutcomePart
from stream_monitor.core.schema import Outcome, OutcomeKind
from stream_monitor.core.verdicts import Measurement, VerdictState, judge

RNG = np.random.default_rng(3)
ALPHA = 1e-3


def shares(right: int, n: int) -> Tally:
    return Tally(shares=((Aspect.ACCURACY, right, n),))


def errors(values: np.ndarray) -> Tally:
    q = np.rint(values).astype(np.int64)
    n, s, a, ss = len(q), int(q.sum()), int(np.abs(q).sum()), int((q * q).sum())
    return Tally(means=((Aspect.MAE, n, a, ss), (Aspect.BIAS, n, s, ss)))


def windows_of_shares(k: int = 30, p: float = 0.9, n: int = 1_000, sd: float = 0.0) -> list[Tally]:
    levels = np.clip(p + sd * RNG.normal(size=k), 0, 1)
    return [shares(int(RNG.binomial(n, level)), n) for level in levels]


def state(measured: Measurement) -> VerdictState:
    return judge(measured, FeaturePolicy(), ALPHA).state


def only(tally: Tally, windows: list[Tally], needs_windows: bool = False) -> Measurement:
    return compare_performance("label", tally, windows, needs_windows).measurements[0]


def test_five_points_worse_drift_and_one_point_does_not() -> None:
    earlier = windows_of_shares()
    assert state(only(shares(850, 1_000), earlier)) is VerdictState.DRIFT
    assert state(only(shares(890, 1_000), earlier)) is VerdictState.OK
    assert state(only(shares(8_850, 10_000), windows_of_shares(n=10_000))) is VerdictState.OK


def test_what_improved_is_no_drift() -> None:
    found = only(shares(990, 1_000), windows_of_shares())
    assert found.p_iid < 1e-6
    assert (found.effect, state(found)) == (0.0, VerdictState.OK)


def test_days_that_differ_without_a_change_do_not_alarm() -> None:
    earlier = windows_of_shares(sd=0.03)
    found = only(shares(845, 1_000), earlier)
    assert found.p_iid < ALPHA < found.p_window
    assert state(found) is VerdictState.OK


def test_with_few_windows_rows_decide_unless_windows_are_needed() -> None:
    few = windows_of_shares(k=5)
    assert state(only(shares(800, 1_000), few)) is VerdictState.DRIFT
    assert state(only(shares(800, 1_000), few, True)) is VerdictState.INSUFFICIENT_DATA
    assert state(only(shares(800, 1_000), windows_of_shares(), True)) is VerdictState.DRIFT


def test_without_labels_or_reference_nothing_is_measured() -> None:
    assert compare_performance("label", shares(0, 0), windows_of_shares()).measurements == ()
    assert compare_performance("label", shares(5, 9), []).measurements == ()


@pytest.mark.parametrize(
    ("shift", "spread", "drifting"),
    [(0, 1.0, set()), (0, 1.3, {"mae"}), (60, 1.0, {"mae", "bias"}), (0, 0.7, set())],
)
def test_errors_of_numbers_are_judged_by_their_size_and_their_bias(
    shift: float, spread: float, drifting: set[str]
) -> None:
    earlier = [errors(RNG.normal(0, 100, 400)) for _ in range(25)]
    found = compare_performance("price", errors(RNG.normal(shift, 100 * spread, 2_000)), earlier)
    judged = {m.aspect.value for m in found.measurements if state(m) is VerdictState.DRIFT}
    assert judged == drifting


def test_false_alarms_without_a_change_are_at_most_those_asked_for() -> None:
    alarms = []
    for _ in range(300):
        earlier = windows_of_shares(k=25, n=300)
        found = only(shares(int(RNG.binomial(300, 0.9)), 300), earlier)
        alarms.append(max(found.p_iid, found.p_window or 0.0) <= 0.05)
    assert np.mean(alarms) <= 0.08


def test_tallies_add_up_and_come_back_from_json() -> None:
    one, two = errors(RNG.normal(0, 9, 50)), errors(RNG.normal(0, 9, 70))
    both = Tally.sum([one, two])
    assert both.means[0][1] == 120
    assert both.means[1][2] == one.means[1][2] + two.means[1][2]
    assert Tally.sum([]) == Tally()
    for tally in (one, shares(3, 9), Tally()):
        assert tally_from_json(tally_to_json(tally)) == tally


def test_a_tally_is_taken_from_the_confusion_matrix() -> None:
    part = OutcomePart.empty(Outcome(classes=("no", "yes"), positive="yes"))
    part.arrays["confusion"][0] = [[50, 10, 0], [5, 30, 0], [0, 0, 2]]
    found = {aspect.value: (x, n) for aspect, x, n in tally_of(part).shares}
    assert found == {"accuracy": (80, 97), "precision": (30, 40), "recall": (30, 35)}
    number = OutcomePart.empty(Outcome(kind=OutcomeKind.NUMBER))
    assert tally_of(number).means == ((Aspect.MAE, 0, 0, 0), (Aspect.BIAS, 0, 0, 0))
