from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from stream_monitor.config.calendar import CalendarConfig, load_calendar, parse_calendar
from stream_monitor.config.errors import ConfigError
from stream_monitor.core.calendar import Calendar, EntryKind, whole_days
from stream_monitor.core.windows import Window

ZONE = "America/New_York"
FILE = """
timezone: America/New_York
entries:
  - {name: release 3.2, kind: deployment, start: 2026-05-04T14:00, end: 2026-05-04T15:00}
  - {name: restart, kind: deployment, start: "2026-05-05T14:00Z"}
  - {name: strike, start: 2026-03-01, end: 2026-03-07, models: [flights], mute: true}
  - {name: sale, start: 2026-06-01, days: 3}
  - {name: Christmas, kind: holiday, every: 12-25, days: 2}
  - {name: leap day, every: 02-29}
holidays:
  - {country: US, subdivision: NY}
  - {country: US, names: [thanksgiving day], name: Black Friday, days_after: 1, mute: true}
"""


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return parse_calendar(FILE, "calendar.yaml")


def names(calendar: Calendar, day: date, model: str = "flights") -> set[str]:
    return {e.name for e in calendar.covering(Window(*whole_days(day, day, ZONE)), model)}


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_times_are_in_the_calendars_zone_unless_they_name_their_own(calendar: Calendar) -> None:
    found = {e.name: e for e in calendar.entries}
    release, restart = found["release 3.2"], found["restart"]
    assert (release.start_s, release.end_s) == (
        moment("2026-05-04T18:00"),
        moment("2026-05-04T19:00"),
    )
    assert restart.start_s == restart.end_s == moment("2026-05-05T14:00")
    assert release.kind is EntryKind.DEPLOYMENT


def test_days_run_to_the_end_of_the_last_one(calendar: Calendar) -> None:
    assert "strike" in names(calendar, date(2026, 3, 7))
    assert "strike" not in names(calendar, date(2026, 3, 8))
    assert "strike" not in names(calendar, date(2026, 3, 7), "loans")
    assert "sale" in names(calendar, date(2026, 6, 3))
    assert "sale" not in names(calendar, date(2026, 6, 4))


@pytest.mark.parametrize("year", [2013, 2026, 2040])
def test_yearly_days_come_back(calendar: Calendar, year: int) -> None:
    assert "Christmas" in names(calendar, date(year, 12, 25))
    assert "Christmas" in names(calendar, date(year, 12, 26))
    assert "Christmas" not in names(calendar, date(year, 12, 27))


def test_a_29th_of_february_comes_in_leap_years_only(calendar: Calendar) -> None:
    starts = [e.start_s for e in calendar.entries if e.name == "leap day"]
    years = [datetime.fromtimestamp(s, UTC).year for s in starts]
    assert years == list(range(2000, 2061, 4))


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2013, 11, 28), "Thanksgiving Day"),
        (date(2026, 11, 26), "Thanksgiving Day"),
        (date(2026, 11, 27), "Black Friday"),
        (date(2026, 2, 12), "Lincoln's Birthday"),
    ],
)
def test_holidays_of_a_country_and_its_subdivision_are_known(
    calendar: Calendar, day: date, name: str
) -> None:
    assert name in names(calendar, day)


def test_a_rule_with_names_brings_only_these() -> None:
    text = "holidays:\n  - {country: US, names: [Halloween]}"
    assert {e.name for e in parse_calendar(text, "c").entries} == {"Halloween"}


def test_names_are_english_where_there_are_any() -> None:
    text = "holidays:\n  - {country: DE, names: [German Unity Day]}"
    days = {
        datetime.fromtimestamp(e.start_s + 43_200, UTC).date()
        for e in parse_calendar(text, "c").entries
    }
    assert date(2026, 10, 3) in days


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("entris: []", "entris is not known: did you mean entries"),
        ("entries:\n  - {start: 2026-01-01}", r"entries\[0\].name is missing"),
        ("entries:\n  - {name: a}", "either start or every"),
        ("entries:\n  - {name: a, start: 2026-01-01, every: 01-01}", "either start or every"),
        ("entries:\n  - {name: a, start: soon}", "a day such as 2026-11-27"),
        ("entries:\n  - {name: a, every: 13-01}", "a month and a day such as 12-25"),
        ("entries:\n  - {name: a, every: 02-30}", "a month and a day such as 12-25"),
        ("entries:\n  - {name: a, start: 2026-01-01, kind: party}", "must be 'holiday', 'event'"),
        ("entries:\n  - {name: a, start: 2026-01-02, end: 2026-01-01}", "not be before start"),
        (
            "entries:\n  - {name: a, start: 2026-01-02T03:00, end: 2026-01-02T02:00}",
            "not be before start",
        ),
        ("entries:\n  - {name: a, start: 2026-01-02, end: 2026-01-02T02:00}", "must be a day"),
        (
            "entries:\n  - {name: a, start: 2026-01-02, end: 2026-01-03, days: 2}",
            "every or days",
        ),
        ("entries:\n  - {name: a, start: 2026-01-02, days: 0}", "at least 1"),
        ("holidays:\n  - {country: XX}", "'XX' is not known: write a country's two letters"),
        ("holidays:\n  - {country: US, subdivision: QQ}", "no such subdivision. Allowed: AK"),
        (
            "holidays:\n  - {country: US, names: [Tanksgiving Day]}",
            "no holiday of US: did you mean Thanksgiving Day",
        ),
        ("timezone: Mars", "must be a time zone such as"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_calendar(text, "calendar.yaml")


def test_an_empty_calendar_names_nothing() -> None:
    assert parse_calendar("", "calendar.yaml") == Calendar() == CalendarConfig().calendar()


def test_a_file_is_read_and_one_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "calendar.yaml"
    with pytest.raises(ConfigError, match="cannot be read"):
        load_calendar(path)
    path.write_text("entries:\n  - {name: a, start: 2026-01-01}")
    assert [e.name for e in load_calendar(path).entries] == ["a"]
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_calendar(path)
