"""Calibration over a made history: it counts what the monitor publishes, and its floors keep the budget."""

from dataclasses import replace

import pytest

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import Aspect, FeaturePolicy, ModelSpec
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.replaying import replay_rows
from stream_monitor.core.results import DriftEvent
from stream_monitor.core.tables import TableRows
from stream_monitor.core.windows import WindowSize
from stream_monitor.services.calibration import (
    Calibration,
    calibrate,
    floors_by_subject,
    key_path,
)
from stream_monitor.services.history import ReferencePeriod, reference_of, table_rows
from stream_monitor.services.null_runs import after_reference, null_run
from stream_monitor.services.size_trials import candidate_sizes
from tests.unit.services.histories import (
    DAY_S,
    DAYS,
    PER_DAY,
    PERIOD,
    REFERENCE_DAYS,
    made,
    model,
    spec,
)

LOUD_DAYS = (32, 41, 50, 59)
SPEC = spec(alarms_per_week=0.4)


def rows_of(shift: float = 7.0) -> TableRows:
    return table_rows(made(LOUD_DAYS, shift).table, model(), SPEC)


ROWS = rows_of()


@pytest.fixture(scope="module")
def result() -> Calibration:
    return calibrate(ROWS, SPEC, PERIOD)


def opened(rows: TableRows, of: ModelSpec) -> dict[str, int]:
    """Incidents that the monitor publishes, by subject; those retracted do not count."""
    catalogue = ReferenceCatalogue()
    reference = reference_of(rows, of, PERIOD)
    catalogue.add(reference)
    last: dict[str, DriftEvent] = {}
    for output in replay_rows(after_reference(rows, reference, of), of, catalogue):
        if isinstance(output, DriftEvent):
            last[output.event_id] = output
    counts: dict[str, int] = {}
    for event in last.values():
        if event.status.value == "opened":
            counts[event.feature] = counts.get(event.feature, 0) + 1
    return counts


def counted(rows: TableRows, of: ModelSpec) -> dict[str, int]:
    counts: dict[str, int] = {}
    for course in null_run(rows, of, PERIOD).courses:
        counts[course.subject] = counts.get(course.subject, 0) + course.incidents({})
    return {name: count for name, count in counts.items() if count}


def test_incidents_are_those_that_the_monitor_publishes() -> None:
    found = counted(ROWS, SPEC)
    assert found == opened(ROWS, SPEC)
    assert found["amount"] == len(LOUD_DAYS)


def test_what_is_said_of_an_open_window_and_taken_back_is_told() -> None:
    """On one day all of Germany comes first, so that only the whole day is as ever."""
    early = replace(SPEC, windows=(WindowSize(DAY_S // 4), WindowSize(DAY_S, early=True)))
    table = made().table
    at = slice(50 * PER_DAY, 51 * PER_DAY)
    countries = table["country"].to_pylist()
    countries[at] = sorted(countries[at], key=lambda name: name != "DE")
    place = table.schema.get_field_index("country")
    sorted_day = table_rows(table.set_column(place, "country", [countries]), model(), early)
    assert null_run(table_rows(table, model(), early), early, PERIOD).taken_back == 0
    found = null_run(sorted_day, early, PERIOD)
    assert found.taken_back == 1
    assert found.add(found).taken_back == 2


def test_only_what_comes_after_the_reference_is_judged(result: Calibration) -> None:
    days = DAYS - REFERENCE_DAYS
    assert result.as_it_ran.windows == days
    assert result.as_it_ran.weeks == days / 7
    starts = {m.window.start_s for c in result.as_it_ran.courses for m in c.moments}
    assert len(starts) == days


def test_the_loud_feature_gets_a_floor_and_the_monitor_is_quieter_with_it(
    result: Calibration,
) -> None:
    floors = floors_by_subject(result.advice)
    assert "floor" in floors["amount"]
    assert "country" not in floors
    policies = {
        **SPEC.policies,
        **{name: FeaturePolicy(**own) for name, own in floors.items()},
    }
    quieter = opened(ROWS, replace(SPEC, policies=policies))
    assert sum(quieter.values()) == result.after
    assert result.after <= result.budget * result.null.weeks < result.before


def test_rows_tell_tests_incidents_and_the_largest_effect(result: Calibration) -> None:
    row = next(
        r
        for r in result.rows
        if (r.subject, r.reference, r.aspect) == ("amount", "validation", Aspect.DISTRIBUTION)
    )
    assert row.tests == DAYS - REFERENCE_DAYS
    assert row.incidents == len(LOUD_DAYS)
    assert row.largest > 0.15
    assert row.floor == 0.03
    assert row.recommended == floors_by_subject(result.advice)["amount"]["floor"]


def test_a_history_within_the_budget_needs_no_floors() -> None:
    found = calibrate(rows_of(shift=0.0), spec(), PERIOD)
    assert found.is_quiet
    assert found.advice == ()
    assert found.quiet_budget is None
    assert found.before == found.after


def test_the_quiet_budget_makes_the_run_quiet(result: Calibration) -> None:
    assert result.quiet_budget is not None
    budget = replace(SPEC.budget, alarms_per_week=result.quiet_budget)
    total = sum(opened(ROWS, replace(SPEC, budget=budget)).values())
    assert total <= result.budget * result.null.weeks


def test_muted_subjects_are_left_out() -> None:
    policies = {**SPEC.policies, "amount": FeaturePolicy(mute=True)}
    run = null_run(ROWS, replace(SPEC, policies=policies), PERIOD)
    assert "amount" not in {course.subject for course in run.courses}


def test_shuffled_days_hide_a_trend_that_the_history_has() -> None:
    trend = tuple(range(REFERENCE_DAYS, DAYS))
    rows = table_rows(made(trend, 8.0).table, model(), SPEC)
    found = calibrate(rows, SPEC, PERIOD, shuffles=2, seed=3)
    assert found.seeds == (3, 4)
    assert found.shuffled is not None
    assert found.null.weeks == 2 * found.as_it_ran.weeks

    def drifting(courses: object) -> int:
        return sum(len(c.drifting({})) for c in courses if c.subject == "amount")

    assert drifting(found.as_it_ran.courses) > 30
    assert drifting(found.shuffled.courses) == 0


def test_sizes_are_tried_alone_with_the_whole_budget() -> None:
    sizes = candidate_sizes(SPEC, (3_600, DAY_S // 2, DAY_S))
    assert [size.name for size in sizes] == ["1h", "12h", "1d"]
    assert [(size.k, size.n) for size in sizes] == [(2, 3), (2, 3), (1, 1)]
    found = calibrate(ROWS, SPEC, PERIOD, sizes=sizes[1:])
    half, day = found.sizes
    assert (half.size, half.windows, day.windows) == ("12h", 2 * 40, 40)
    assert half.alpha < day.alpha
    assert half.by_rows is not None
    assert day.by_rows is not None
    assert half.by_rows > day.by_rows
    assert day.incidents == found.before


def test_sizes_that_the_pane_does_not_divide_are_left_out() -> None:
    assert [s.name for s in candidate_sizes(SPEC, (5_400, 7 * DAY_S))] == ["7d"]
    own = replace(SPEC, windows=(WindowSize(DAY_S, k=2, n=4),))
    assert candidate_sizes(own, (DAY_S,)) == list(own.windows)


@pytest.mark.parametrize(
    "period", [ReferencePeriod(rows=DAYS * 200), ReferencePeriod(until="2024-05-13")]
)
def test_a_reference_that_leaves_nothing_says_what_to_do(period: ReferencePeriod) -> None:
    with pytest.raises(InvalidSpecification, match="end the reference earlier"):
        null_run(ROWS, SPEC, period)


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("amount", "features amount floor"),
        ("prediction.score", "prediction score floor"),
        ("traffic.volume", "volume floor"),
        ("features.joint", "joint floor"),
        ("performance.label", "outcomes label performance floor"),
    ],
)
def test_every_subject_has_its_place_in_the_file(subject: str, path: str) -> None:
    assert key_path(SPEC, subject, "floor") == tuple(path.split())
