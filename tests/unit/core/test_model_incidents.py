import pytest

from stream_monitor.core.binning import Binning
from stream_monitor.core.drift_events import open_incidents
from stream_monitor.core.incidents import Status
from stream_monitor.core.policy import FeaturePolicy
from stream_monitor.core.profile.profile import Layout
from stream_monitor.core.results import DriftEvent, Output
from stream_monitor.core.verdicts import VerdictState
from tests.unit.core.builders import HOUR_S, deltas, events
from tests.unit.core.one_model import close, put, said, state, windows
from tests.unit.core.streams import SPEC, T0


def test_drift_opens_goes_on_and_recovers_and_a_late_correction_retracts() -> None:
    model = state()
    found: list[Output] = []
    for hour, shift in enumerate((0, 4, 4, 0)):
        put(model, T0 + hour * HOUR_S, shift=shift)
        found += close(model, hour)
    validation = [event for event in said(found) if "validation" in event[3]]
    assert [event[:3] for event in validation] == [
        (1, "opened", 0), (2, "ongoing", 0), (3, "recovered", 0)
    ]  # fmt: skip
    put(model, T0 + 3 * HOUR_S, n=400, shift=8)
    revised = close(model, 3)
    assert (3, "ongoing", 1, "validation") in said(revised)
    events = [e for e in [*found, *revised] if isinstance(e, DriftEvent)]
    same = [e for e in events if e.window.start_s == T0 + 3 * HOUR_S and e.feature == "amount"]
    assert len({(e.event_id, e.opened_s) for e in same}) == len({e.opened_s for e in same})
    assert {e.status for e in same} >= {Status.RECOVERED, Status.ONGOING}


def test_muted_features_are_judged_and_open_nothing() -> None:
    model = state(policies={"amount": FeaturePolicy(mute=True)})
    put(model, T0, shift=9)
    outputs = close(model, 0)
    assert said(outputs) == []
    (result,) = windows(outputs)
    assert result.features[0].state is VerdictState.DRIFT


@pytest.mark.parametrize("step_s", [900, 4 * HOUR_S])
def test_a_new_version_goes_on_with_the_incident_of_the_last_one(step_s: int) -> None:
    model = state()
    put(model, T0, shift=9)
    outputs: list[Output] = close(model, 0)
    put(model, T0 + 3 * HOUR_S, shift=9, version="2")
    for time_s in range(T0 + HOUR_S, T0 + 9 * HOUR_S, step_s):
        outputs += model.advance(time_s, 0)
    shown = [e for e in said(outputs) if "validation" in e[3]]
    assert [event[:2] for event in shown] == [(0, "opened"), (3, "ongoing")]
    assert len({e.incident_id for e in outputs if isinstance(e, DriftEvent)
                and e.feature == "amount"}) == 1  # fmt: skip
    still_open = open_incidents(model.tracks, model.spec)
    assert [(where[0], i.opened_s) for where, i in still_open if where[3] == "amount"] == [
        ("2", T0)
    ]


@pytest.mark.parametrize("order", [("1", "2"), ("2", "1")])
def test_of_two_versions_that_end_together_the_later_named_one_is_gone_on_from(
    order: tuple[str, str],
) -> None:
    model = state()
    for version in order:
        put(model, T0, shift=9 if version == "2" else 0, version=version)
    outputs: list[Output] = close(model, 0)
    model.tracks = dict(sorted(model.tracks.items(), reverse=order == ("2", "1")))
    put(model, T0 + HOUR_S, shift=9, version="3")
    outputs += close(model, 1)
    third = [e for e in outputs if isinstance(e, DriftEvent) and e.key.version == "3"]
    shown = {e.status for e in third if e.feature == "amount"}
    assert shown == {Status.ONGOING}


@pytest.mark.parametrize("is_drift_first", [True, False])
def test_the_half_of_a_window_without_a_reference_takes_back_nothing(is_drift_first: bool) -> None:
    unlearned = Layout(Binning(SPEC.schema), SPEC.outcomes)
    model = state()
    outputs: list[Output] = []
    for is_drift in (is_drift_first, not is_drift_first):
        if is_drift:
            put(model, T0, shift=9)
        else:
            for delta in deltas(model.spec, unlearned, events([T0] * 50)):
                model.add(delta)
        outputs += close(model, 0)
    put(model, T0 + HOUR_S, shift=9)
    outputs += close(model, 1)
    shown = [event for event in said(outputs) if "validation" in event[3]]
    assert shown == [(0, "opened", 0, "validation"), (1, "ongoing", 0, "validation")]
    states = {r.features[0].state for r in windows(outputs)}
    assert VerdictState.NO_REFERENCE in states
