from datetime import UTC, date, datetime

import pytest

from stream_monitor.core.calendar import Calendar, CalendarEntry, EntryKind, whole_days
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.windows import Window, WindowSize

DAY_S = 86_400


def entry(
    start_s: int, end_s: int, name: str = "e", models: tuple[str, ...] = (), mute: bool = False
) -> CalendarEntry:
    return CalendarEntry(name, EntryKind.EVENT, start_s, end_s, frozenset(models), mute)


@pytest.mark.parametrize(
    ("start", "end", "is_covered"),
    [
        (0, 100, False),
        (0, 101, True),
        (100, 200, True),
        (150, 160, True),
        (199, 300, True),
        (200, 300, False),
        (100, 100, True),
        (150, 150, True),
        (200, 200, False),
    ],
)
def test_an_entry_covers_a_window_that_shares_an_instant_with_it(
    start: int, end: int, is_covered: bool
) -> None:
    assert entry(start, end).covers(Window(100, 200)) is is_covered


def test_an_entry_without_models_concerns_all_and_one_with_models_only_these() -> None:
    calendar = Calendar.of([entry(0, 9, "all"), entry(0, 9, "one", ("flights",))])
    assert [e.name for e in calendar.covering(Window(0, 5), "flights")] == ["all", "one"]
    assert [e.name for e in calendar.covering(Window(0, 5), "loans")] == ["all"]


def test_entries_come_in_the_order_of_their_start() -> None:
    calendar = Calendar.of([entry(7, 9, "late"), entry(1, 9, "early")])
    assert [e.name for e in calendar.covering(Window(0, 10), "m")] == ["early", "late"]


def test_a_muted_day_mutes_its_hours_and_itself_but_not_its_week() -> None:
    calendar = Calendar.of([entry(0, DAY_S, mute=True)])
    assert calendar.mutes(Window(3_600, 7_200), "m")
    assert calendar.mutes(Window(0, DAY_S), "m")
    assert not calendar.mutes(Window(0, 7 * DAY_S), "m")
    assert not calendar.mutes(Window(DAY_S, 2 * DAY_S), "m")


def test_overlapping_muted_entries_are_not_counted_twice() -> None:
    calendar = Calendar.of([entry(0, 40, mute=True), entry(10, 45, "f", mute=True)])
    assert not calendar.mutes(Window(0, 100), "m")
    assert Calendar.of([*calendar.entries, entry(60, 65, mute=True)]).mutes(Window(0, 100), "m")


def test_entries_that_do_not_mute_or_concern_another_model_mute_nothing() -> None:
    calendar = Calendar.of([entry(0, 100), entry(0, 100, "o", ("other",), mute=True)])
    assert not calendar.mutes(Window(0, 100), "m")
    assert calendar.mutes(Window(0, 100), "other")


def test_an_instant_is_covered_but_mutes_nothing() -> None:
    calendar = Calendar.of([entry(50, 50, mute=True)])
    assert calendar.covering(Window(0, 100), "m")
    assert not calendar.mutes(Window(0, 100), "m")


def test_an_entry_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidSpecification, match="before it starts"):
        entry(2, 1)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", date(2026, 11, 1), 24),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/New_York", date(2026, 3, 8), 23),
    ],
)
def test_whole_days_are_those_of_windows_in_the_same_zone(zone: str, day: date, hours: int) -> None:
    noon = int(datetime(day.year, day.month, day.day, 17, tzinfo=UTC).timestamp())
    window = WindowSize(DAY_S, zone).window_at(noon)
    assert whole_days(day, day, zone) == (window.start_s, window.end_s)
    assert window.end_s - window.start_s == hours * 3_600
