from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.windows import (
    DAY_S,
    WindowSize,
    check_pane,
    format_duration,
    parse_duration,
)

ZONES = [
    "UTC", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "Africa/Monrovia",
]  # fmt: skip


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("day", "hours"), [("2013-03-10", 23), ("2013-11-03", 25), ("2013-07-01", 24)]
)
def test_days_of_new_york_follow_its_clock_changes(day: str, hours: int) -> None:
    noon = at(f"{day}T12:00", "America/New_York")
    window = WindowSize(DAY_S, "America/New_York").window_at(noon)
    assert window.start_s == at(f"{day}T00:00", "America/New_York")
    assert window.end_s - window.start_s == hours * 3_600


def test_fifteen_day_windows_count_from_their_origin() -> None:
    size = WindowSize(15 * DAY_S, origin=date(2018, 1, 1))
    window = size.window_at(at("2018-01-31T23:59"))
    assert (window.start_s, window.end_s) == (at("2018-01-31"), at("2018-02-15"))
    before = size.window_at(at("2017-12-31T23:59"))
    assert (before.start_s, before.end_s) == (at("2017-12-17"), at("2018-01-01"))


def test_an_hour_is_an_exact_hour_also_across_a_clock_change() -> None:
    size = WindowSize(3_600, "America/New_York")
    change = at("2013-11-03T06:00")
    assert size.window_at(change - 1).end_s == change
    assert size.window_at(change).start_s == change


def test_days_in_half_hour_zones_begin_at_their_midnight() -> None:
    window = WindowSize(DAY_S, "Asia/Kolkata").window_at(at("2013-05-01T18:30"))
    assert window.start_s == at("2013-05-01T18:30")


@given(
    st.sampled_from(ZONES),
    st.sampled_from([1, 900, 3_600, 5_400, DAY_S, 7 * DAY_S, 15 * DAY_S]),
    st.sampled_from([date(1970, 1, 1), date(2018, 1, 1)]),
    st.integers(0, 4_000_000_000),
)
@settings(max_examples=150, deadline=None)
def test_every_instant_lies_in_one_window_and_windows_join(
    zone: str, size_s: int, origin: date, time_s: int
) -> None:
    size = WindowSize(size_s, zone, origin)
    window = size.window_at(time_s)
    assert window.start_s <= time_s < window.end_s
    assert size.window_at(window.start_s) == window
    assert size.window_at(window.end_s - 1) == window
    assert size.window_at(window.end_s).start_s == window.end_s
    assert size.window_at(window.start_s - 1).end_s == window.start_s


@pytest.mark.parametrize(
    ("pane_s", "size"),
    [
        (300, WindowSize(3_600)),
        (900, WindowSize(DAY_S, "Asia/Kathmandu")),
        (1_800, WindowSize(DAY_S, "Australia/Lord_Howe")),
        (3_600, WindowSize(15 * DAY_S, "America/New_York", date(2018, 1, 1))),
        (300, WindowSize(DAY_S, "Africa/Monrovia")),
    ],
)
def test_panes_that_divide_every_window_are_accepted(pane_s: int, size: WindowSize) -> None:
    check_pane(pane_s, (size,))


@pytest.mark.parametrize(
    ("pane_s", "size"),
    [
        (300, WindowSize(450)),
        (300, WindowSize(100)),
        (25_200, WindowSize(DAY_S)),
        (3_600, WindowSize(DAY_S, "Asia/Kolkata")),
        (1_800, WindowSize(DAY_S, "Asia/Kathmandu")),
        (3_600, WindowSize(DAY_S, "Australia/Lord_Howe")),
        (7_200, WindowSize(DAY_S, "America/New_York")),
        (2 * DAY_S, WindowSize(DAY_S)),
    ],
)
def test_panes_that_cut_a_window_are_refused(pane_s: int, size: WindowSize) -> None:
    with pytest.raises(InvalidSpecification, match="choose a pane that divides it"):
        check_pane(pane_s, (WindowSize(DAY_S), size))


@pytest.mark.parametrize("pane_s", [0, -300])
def test_a_pane_without_length_is_refused(pane_s: int) -> None:
    with pytest.raises(InvalidSpecification):
        check_pane(pane_s, (WindowSize(3_600),))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h", 3_600), ("15d", 1_296_000), ("2w", 1_209_600),
     ("1h30m", 5_400), (" 1 h 30 m ", 5_400), ("0s", 0)],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "-5m", "1.5h", "5 minutes", "5M", "1h-30m", "1hx"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidSpecification, match=r"is not a duration: write e\.g\. 30s"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    "wrong", [{"size_s": 0}, {"size_s": -1}, {"size_s": 60, "k": 0}, {"size_s": 60, "k": 3, "n": 2}]
)
def test_windows_that_cannot_run_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidSpecification):
        WindowSize(**wrong)


def test_windows_know_utc() -> None:
    start = datetime(2013, 2, 8, tzinfo=UTC)
    assert WindowSize(DAY_S).window_at(int(start.timestamp())).start_s == int(start.timestamp())
