"""Calendar months and weeks as window sizes: their borders, beside a walk through the calendar."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.cells import cell_at
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.watermarks import FLUSHED_US
from stream_monitor.core.windows import (
    DAY_S,
    MONTH_S,
    WEEK_S,
    WindowSize,
    check_pane,
    format_window_size,
    parse_window_size,
)
from tests.unit.core.test_windows import ZONES, at

MORE_ZONES = [*ZONES, "Europe/Berlin", "Asia/Beirut", "America/Asuncion", "Asia/Amman"]


@pytest.mark.parametrize(
    ("month", "days", "hours"),
    [("2024-02", 29, 0), ("2023-02", 28, 0), ("2024-03", 31, -1), ("2024-10", 31, 1),
     ("2024-04", 30, 0)],
)  # fmt: skip
def test_a_month_is_that_of_its_time_zone(month: str, days: int, hours: int) -> None:
    noon = at(f"{month}-15T12:00", "Europe/Berlin")
    window = WindowSize(MONTH_S, "Europe/Berlin").window_at(noon)
    assert window.start_s == at(f"{month}-01T00:00", "Europe/Berlin")
    assert window.end_s - window.start_s == days * DAY_S + hours * 3_600


def months_between(first: int, last: int, zone: str, step: int, day: int = 1) -> list[int]:
    """Every border of windows of `step` months from one year to another, by a walk through the calendar."""
    zoned = ZoneInfo(zone)
    days = (date(year, month, day) for year in range(first, last) for month in range(1, 13))
    borders = [d for d in days if ((d.year - 1970) * 12 + d.month - 1) % step == 0]
    return [int(datetime(d.year, d.month, d.day, tzinfo=zoned).timestamp()) for d in borders]


@pytest.mark.parametrize("zone", MORE_ZONES)
@pytest.mark.parametrize(("step", "day"), [(1, 1), (3, 1), (12, 1), (1, 15), (2, 28)])
def test_months_tile_time_in_every_zone(zone: str, step: int, day: int) -> None:
    size = WindowSize(step * MONTH_S, zone, date(1970, 1, day))
    for start, end in pairwise(months_between(1972, 2038, zone, step, day)):
        for instant in (start, (start + end) // 2, end - 1):
            window = size.window_at(instant)
            assert (window.start_s, window.end_s) == (start, end)
        assert end - start <= size.longest_s + 3_600


@given(
    st.sampled_from(MORE_ZONES),
    st.sampled_from([1, 2, 3, 5, 12]),
    st.sampled_from([None, date(1970, 1, 1), date(2018, 4, 28), date(2040, 12, 15)]),
    st.integers(-2_000_000_000, 8_000_000_000),
)
@settings(max_examples=300, deadline=None)
def test_every_instant_lies_in_one_window_of_months_and_they_join(
    zone: str, months: int, origin: date | None, time_s: int
) -> None:
    size = WindowSize(months * MONTH_S, zone, origin)
    window = size.window_at(time_s)
    assert window.start_s <= time_s < window.end_s
    assert size.window_at(window.start_s) == size.window_at(window.end_s - 1) == window
    assert size.window_at(window.end_s).start_s == window.end_s
    assert size.window_at(window.start_s - 1).end_s == window.start_s
    first = datetime.fromtimestamp(window.start_s, UTC).astimezone(ZoneInfo(zone))
    assert first.day == (origin.day if origin else 1)


@given(st.sampled_from(MORE_ZONES), st.integers(1, 6), st.integers(0, 4_000_000_000))
@settings(max_examples=200, deadline=None)
def test_weeks_begin_on_mondays_of_their_time_zone(zone: str, weeks: int, time_s: int) -> None:
    window = WindowSize(weeks * WEEK_S, zone).window_at(time_s)
    first, after = (
        datetime.fromtimestamp(t, UTC).astimezone(ZoneInfo(zone))
        for t in (window.start_s, window.end_s)
    )
    assert (first.weekday(), after.weekday()) == (0, 0)
    assert after.date() - first.date() == timedelta(weeks=weeks)
    assert window.start_s <= time_s < window.end_s


def test_an_origin_gives_weeks_another_day() -> None:
    sunday = WindowSize(WEEK_S, origin=date(2024, 1, 7)).window_at(at("2024-05-15"))
    assert sunday.start_s == at("2024-05-12")


@given(st.integers(at("2024-01-15"), at("2025-01-15")), st.sampled_from(["UTC", "Europe/Berlin"]))
@settings(max_examples=60, deadline=None)
def test_hours_days_weeks_and_months_are_runs_of_whole_cells(time_s: int, zone: str) -> None:
    lengths = (3_600, DAY_S, WEEK_S, MONTH_S)
    for sizes in (tuple(WindowSize(s, zone) for s in lengths[i:]) for i in range(3)):
        for size in sizes:
            window = size.window_at(time_s)
            at_s = window.start_s
            while at_s < window.end_s:
                cell = cell_at(at_s, sizes)
                assert cell.start_s == at_s < cell.end_s
                at_s = cell.end_s
            assert at_s == window.end_s


def test_lengths_read_back_and_months_are_no_minutes() -> None:
    assert [parse_window_size(t) for t in ("1mo", " 3 mo ", "1m", "1w")] == [
        MONTH_S, 3 * MONTH_S, 60, WEEK_S,
    ]  # fmt: skip
    for size_s in (60, 3_600, DAY_S, WEEK_S, MONTH_S, 12 * MONTH_S):
        assert parse_window_size(format_window_size(size_s)) == size_s
    assert WindowSize(MONTH_S).name == "1mo"
    assert (WindowSize(MONTH_S).months, WindowSize(30 * DAY_S).months) == (1, 0)
    assert WindowSize(MONTH_S).longest_s == 31 * DAY_S
    assert WindowSize(WEEK_S).longest_s == WEEK_S


@pytest.mark.parametrize("text", ["mo", "1mo1d", "-1mo", "1.5mo", "1 month"])
def test_what_is_no_number_of_months_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpecification):
        parse_window_size(text)


def test_months_begin_on_a_day_that_every_month_has() -> None:
    with pytest.raises(InvalidSpecification, match="1 to 28"):
        WindowSize(MONTH_S, origin=date(2024, 1, 29))
    WindowSize(DAY_S, origin=date(2024, 1, 29))


def test_panes_are_checked_against_every_month_of_a_year() -> None:
    check_pane(3_600, (WindowSize(MONTH_S, "Europe/Berlin"),))
    check_pane(900, (WindowSize(MONTH_S, "Asia/Kathmandu"),))
    for zone in ("Asia/Kolkata", "Australia/Lord_Howe"):
        with pytest.raises(InvalidSpecification, match="window 1mo in"):
            check_pane(3_600, (WindowSize(MONTH_S, zone),))


def test_the_end_of_a_stream_lies_in_a_month() -> None:
    flushed_s = FLUSHED_US // 1_000_000
    assert WindowSize(1_200 * MONTH_S, "Europe/Berlin").window_at(flushed_s).end_s > flushed_s
