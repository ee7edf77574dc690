from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.history_references import can_fill, chosen_windows, one_history
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.window_sums import WindowSums
from stream_monitor.core.windows import DAY_S, MONTH_S, Window, WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events, model_spec
from tests.unit.core.streams import T0, catalogue

SPEC = model_spec(sliding_s=4 * HOUR_S, correction_horizon_s=2 * HOUR_S)
LAYOUT = catalogue().layout_for(SPEC, "1")


def profile(n: int = 1) -> Profile:
    return deltas(SPEC, LAYOUT, events([T0] * n))[0].profile


def hours(starts: range, counted: Profile) -> list[WindowProfile]:
    times = (T0 + hour * HOUR_S for hour in starts)
    return [WindowProfile(Window(at, at + HOUR_S), counted) for at in times]


def starts(
    kind: ReferenceKind, history: list[WindowProfile], judged: Window, spec: ModelSpec = SPEC
) -> list[int]:
    chosen = chosen_windows(kind, history, judged, WindowSize(HOUR_S), spec)
    return [(w.window.start_s - T0) // HOUR_S for w in chosen]


def test_the_sliding_reference_holds_final_windows_of_its_span_only() -> None:
    judged = Window(T0 + 9 * HOUR_S, T0 + 10 * HOUR_S)
    assert starts(ReferenceKind.SLIDING, hours(range(12), profile()), judged) == [5, 6, 7]


@pytest.mark.parametrize("spans", [[], [(-0.5, 0.5)], [(0, 1), (1, 2)]])
def test_without_a_final_window_there_is_nothing_to_compare_with(
    spans: list[tuple[float, float]],
) -> None:
    judged = Window(T0, T0 + HOUR_S)
    found = [
        WindowProfile(Window(T0 + int(a * HOUR_S), T0 + int(b * HOUR_S)), profile())
        for a, b in spans
    ]
    assert starts(ReferenceKind.SLIDING, found, judged) == []


def test_the_later_windows_of_a_history_do_not_change_an_earlier_reference() -> None:
    spec = replace(SPEC, correction_horizon_s=0)
    judged = Window(T0, T0 + HOUR_S)
    short, long = hours(range(-2, 0), profile()), hours(range(-2, 2), profile())
    for kind in (ReferenceKind.SLIDING, ReferenceKind.PREVIOUS, ReferenceKind.SEASONAL):
        found = starts(kind, short, judged, spec)
        assert found == starts(kind, long, judged, spec) == [-2, -1]


def test_year_ago_is_the_month_around_the_same_day() -> None:
    year = range(-400 * 24, 0, 24)
    counted = profile()
    days = [WindowProfile(Window(T0 + h * HOUR_S, T0 + (h + 24) * HOUR_S), counted) for h in year]
    judged, size = Window(T0, T0 + DAY_S), WindowSize(DAY_S)
    chosen = chosen_windows(ReferenceKind.YEAR_AGO, days, judged, size, SPEC)
    ages = [(T0 - w.window.start_s) // DAY_S for w in chosen]
    assert (max(ages), min(ages), len(ages)) == (380, 350, 31)


def test_windows_of_all_versions_are_one_and_seeds_stand_where_none_ran() -> None:
    one, two = profile(1), profile(2)
    sums = WindowSums()
    ran = [("1", hours(range(1, 2), one)[0]), ("2", hours(range(1, 2), two)[0])]
    found = one_history(ran, hours(range(2), one), sums)
    assert [w.profile.events for w in found] == [1, 3]
    assert one_history(ran, hours(range(2), one), sums)[1] is found[1]


def test_sums_by_days_are_sums_whatever_was_added_up_before() -> None:
    sums = WindowSums()
    windows = [w for n in (1, 2, 3) for w in hours(range(24 * n, 24 * n + 30), profile(n))]
    windows.sort(key=lambda w: w.window.start_s)
    for first in (0, 5, 40):
        chosen = windows[first:]
        total = sums.total(chosen)
        plain = chosen[0].profile
        for window in chosen[1:]:
            plain = plain.merge(window.profile)
        assert total.profile == plain
        assert total.window == Window(chosen[0].window.start_s, chosen[-1].window.end_s)


MONTH = WindowSize(MONTH_S, "Europe/Berlin")


def months(first_s: int, n: int) -> list[WindowProfile]:
    """Calendar months in a row, the one at `first_s` first."""
    counted, found, at_s = profile(), [], first_s
    for _ in range(n):
        found.append(WindowProfile(MONTH.window_at(at_s), counted))
        at_s = found[-1].window.end_s
    return found


@given(st.integers(0, 1_800_000_000))
@settings(max_examples=60, deadline=None)
def test_of_months_the_references_are_twelve_the_one_before_and_the_same_a_year_ago(
    at_s: int,
) -> None:
    *before, judged = months(at_s, 16)
    for horizon_s, kept in ((HOUR_S, 12), (35 * DAY_S, 11)):
        spec = model_spec(correction_horizon_s=horizon_s)
        sliding = chosen_windows(ReferenceKind.SLIDING, before, judged.window, MONTH, spec)
        assert list(sliding) == before[3 : 3 + kept]
        previous = chosen_windows(ReferenceKind.PREVIOUS, before, judged.window, MONTH, spec)
        assert previous[-1] is before[2 + kept]
        (ago,) = chosen_windows(ReferenceKind.YEAR_AGO, before, judged.window, MONTH, spec)
        assert ago is before[3]


@pytest.mark.parametrize(
    ("length_d", "size", "reach_d", "can_be_filled"),
    [
        (30, WindowSize(DAY_S), 30, True),
        (30, WindowSize(7 * DAY_S), 30, False),
        (30, MONTH, 372, False),
        (90, MONTH, 372, False),
        (400, MONTH, 400, False),
        (620, MONTH, 620, True),
        (30, WindowSize(60 * DAY_S), 720, False),
    ],
)
def test_a_length_that_holds_no_window_is_twelve(
    length_d: int, size: WindowSize, reach_d: int, can_be_filled: bool
) -> None:
    spec = model_spec(sliding_s=length_d * DAY_S)
    assert spec.reach_s(ReferenceKind.SLIDING, size) == reach_d * DAY_S
    assert can_fill(ReferenceKind.SLIDING, size, spec) == can_be_filled
    assert spec.history_s(size) >= reach_d * DAY_S
