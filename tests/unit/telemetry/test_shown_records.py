from __future__ import annotations

from datetime import UTC, datetime

from stream_monitor.telemetry.shown_records import shown_performance, shown_windows
from stream_monitor.telemetry.snapshot import Record

HOUR_S = 3_600


def window(hour: int, version: str = "1", revision: int = 0, hours: int = 1) -> Record:
    start = datetime.fromtimestamp(hour * HOUR_S, UTC)
    end = datetime.fromtimestamp((hour + hours) * HOUR_S, UTC)
    return {
        "type": "window", "model": "m", "version": version, "segment": "all",
        "window": {"size": f"{hours}h", "start": start.isoformat(), "end": end.isoformat()},
        "revision": revision,
    }  # fmt: skip


def performance(hour: int, maturity: float, revision: int = 0) -> Record:
    extra = {"type": "performance", "outcome": "label", "maturity": maturity}
    return window(hour, revision=revision) | extra


def test_the_newest_window_and_revision_is_shown() -> None:
    records = [window(5), window(6, revision=1), window(6), window(4, revision=3)]
    assert shown_windows(records) == [records[1]]


def test_a_version_a_day_behind_has_ended() -> None:
    old, new = window(0, "1"), window(24, "2")
    assert shown_windows([old, new]) == [new]
    assert shown_windows([window(1, "1"), new]) == [window(1, "1"), new]


def test_a_version_three_long_windows_behind_has_ended() -> None:
    old, late = window(0, "1", hours=24), window(24, "1", hours=24)
    new = window(72, "2", hours=24)
    assert shown_windows([old, new]) == [new]
    assert shown_windows([late, new]) == [late, new]


def test_window_sizes_end_by_themselves() -> None:
    short, long = window(48), window(0, hours=24)
    assert shown_windows([short, long]) == [short, long]


def test_mature_performance_is_preferred_to_newer() -> None:
    records = [performance(3, 0.9), performance(4, 0.8), performance(5, 0.1)]
    assert shown_performance(records, [window(5)]) == [records[1]]


def test_without_mature_performance_the_newest_is_shown() -> None:
    records = [performance(3, 0.1), performance(4, 0.3), performance(4, 0.5, revision=1)]
    assert shown_performance(records, [window(5)]) == [records[2]]


def test_performance_ends_with_its_window() -> None:
    assert shown_performance([performance(3, 1.0)], [window(5, version="2")]) == []
