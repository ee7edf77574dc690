"""References that move, in a model's state: what each says of steps, seasons and years."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.published import to_json
from stream_monitor.core.results import FeatureResult, WindowResult
from stream_monitor.core.state_records import StateRecords
from stream_monitor.core.windows import DAY_S, WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events
from tests.unit.core.one_model import ONE_HOUR
from tests.unit.core.streams import T0, catalogue
from tests.unit.core.test_bounded_state import partition_of

MONDAY = T0 - 4 * DAY_S
DAYS = replace(
    ONE_HOUR, windows=(WindowSize(DAY_S),), pane_s=HOUR_S, outcomes=(), judges_volume=False
)
RNG = np.random.default_rng(11)


def spec(*kinds: ReferenceKind, **changed: Any) -> ModelSpec:
    return replace(DAYS, references=kinds, sliding_s=40 * DAY_S, **changed)


def put(model: ModelState, day: int, shift: float = 0.0, season: float = 0.0, n: int = 240) -> None:
    """One day: values follow the hour by `season`, carriers are the same three."""
    hours = RNG.integers(0, 24, n)
    weekend = day % 7 >= 5
    amount = RNG.normal(0, 1, n) + shift + season * (np.sin(hours / 24 * 2 * np.pi) + 2 * weekend)
    times = MONDAY + day * DAY_S + hours * HOUR_S
    layout = model.catalogue.layout_for(model.spec, "1")
    for delta in deltas(
        model.spec, layout, events(times, amount, RNG.choice(["UA", "AA"], n).tolist())
    ):
        model.add(delta)


def ran(model: ModelState, days: range, **how: Any) -> dict[int, dict[str, FeatureResult]]:
    """By day and reference what is said of `amount`."""
    found: dict[int, dict[str, FeatureResult]] = {}
    for day in days:
        put(model, day, **how)
        end = MONDAY + (day + 1) * DAY_S + model.spec.allowed_lateness_s
        for output in model.advance(end, end):
            if isinstance(output, WindowResult):
                mine = {r.reference.value: r for r in output.features if r.feature == "amount"}
                found[day] = mine
    return found


def verdicts(found: dict[int, dict[str, FeatureResult]], kind: str) -> list[str]:
    return [by[kind].state.value for by in found.values()]


def test_moving_references_wait_for_twenty_windows() -> None:
    kinds = (ReferenceKind.SLIDING, ReferenceKind.PREVIOUS, ReferenceKind.SEASONAL)
    found = ran(ModelState(spec(*kinds), "app", catalogue()), range(30))
    for kind in ("sliding", "previous", "seasonal"):
        said = verdicts(found, kind)
        assert set(said[:20]) <= {"no_reference", "insufficient_data"}
        assert said[-1] == "ok"


def test_a_step_moves_sliding_and_previous_and_previous_is_quiet_the_day_after() -> None:
    model = ModelState(spec(ReferenceKind.SLIDING, ReferenceKind.PREVIOUS), "app", catalogue())
    ran(model, range(40))
    found = ran(model, range(40, 42), shift=2.0)
    assert verdicts(found, "sliding") == ["drift", "drift"]
    assert verdicts(found, "previous") == ["drift", "ok"]


def test_a_season_is_drift_for_sliding_rows_and_none_for_seasonal() -> None:
    model = ModelState(spec(ReferenceKind.SEASONAL), "app", catalogue())
    found = ran(model, range(63), season=1.0)
    said = verdicts(found, "seasonal")
    assert said.count("drift") == 0
    assert said[28:] == ["ok"] * 35
    changed = ran(model, range(63, 64), season=1.0, shift=1.5)
    assert verdicts(changed, "seasonal") == ["drift"]
    (measured,) = [
        v.measurement for v in changed[63]["seasonal"].verdicts
        if v.measurement.aspect == "distribution"
    ]  # fmt: skip
    assert measured.test == "cmh_ordered"


def test_a_day_that_is_measured_at_other_hours_is_no_drift_for_seasonal() -> None:
    model = ModelState(spec(ReferenceKind.SEASONAL), "app", catalogue())
    ran(model, range(56), season=1.0)
    n, hours = 200, RNG.integers(8, 12, 200)
    amount = RNG.normal(0, 1, n) + np.sin(hours / 24 * 2 * np.pi)
    layout = model.catalogue.layout_for(model.spec, "1")
    times = MONDAY + 56 * DAY_S + hours * HOUR_S
    for delta in deltas(model.spec, layout, events(times, amount, "UA")):
        model.add(delta)
    outputs = model.advance(MONDAY + 58 * DAY_S, MONDAY + 58 * DAY_S)
    (result,) = [o for o in outputs if isinstance(o, WindowResult)]
    by = {v.measurement.aspect.value: v for v in result.features[0].verdicts}
    assert by["distribution"].measurement.p_iid > 1e-3


def test_year_ago_compares_with_the_same_month_a_year_before() -> None:
    model = ModelState(spec(ReferenceKind.YEAR_AGO), "app", catalogue())
    said = verdicts(ran(model, range(40), shift=5.0), "year_ago")
    assert set(said) == {"no_reference"}
    later = ran(model, range(366, 369), shift=5.0)
    assert set(verdicts(later, "year_ago")) == {"ok"}
    changed = ran(model, range(369, 371), shift=7.0)
    assert set(verdicts(changed, "year_ago")) == {"drift"}


def test_windows_in_alarm_do_not_teach_where_that_is_asked_for() -> None:
    kinds = (ReferenceKind.VALIDATION, ReferenceKind.SLIDING)
    for skips, expected in ((True, "drift"), (False, "ok")):
        model = ModelState(spec(*kinds, skips_alarms=skips), "app", catalogue())
        ran(model, range(30))
        found = ran(model, range(30, 45), shift=2.0)
        assert found[30]["sliding"].state == "drift"
        assert found[44]["sliding"].state == expected


@pytest.mark.parametrize("kind", [ReferenceKind.SEASONAL, ReferenceKind.YEAR_AGO])
def test_history_comes_back_after_a_restart(kind: ReferenceKind) -> None:
    model = ModelState(spec(kind, skips_alarms=True), "app", catalogue())
    ran(model, range(40))
    topic = StateRecords().changes(partition_of(model))
    again = ModelState(model.spec, "app", model.catalogue)
    assert StateRecords().restore(partition_of(again), topic) == 0
    assert again.history == {k: v for k, v in model.history.items() if v}


def test_a_frozen_reference_is_obsolete_once_it_is_older_than_allowed() -> None:
    model = ModelState(
        spec(ReferenceKind.VALIDATION, max_age_s=6 * DAY_S), "app", catalogue()
    )  # it ends at T0, four days after MONDAY
    said = {}
    for day in range(12):
        put(model, day)
        end = MONDAY + (day + 1) * DAY_S + model.spec.allowed_lateness_s
        for output in model.advance(end, end):
            if isinstance(output, WindowResult):
                said[day] = to_json(output, "flights")["obsolete_references"]
    assert [day for day, kinds in said.items() if kinds] == [10, 11]
    assert said[11] == ["validation"]
