"""Shuffled days: every event stays in its day and at its hour, and the days change places."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.day_shuffling import shuffled_days
from stream_monitor.core.tables import TableRows
from tests.unit.core.builders import MICRO, events, texts

NEW_YORK = "America/New_York"
START = int(datetime(2013, 1, 1, tzinfo=ZoneInfo(NEW_YORK)).timestamp())
DAYS = 120
N = 40 * DAYS


def history() -> TableRows:
    rng = np.random.default_rng(0)
    time_s = np.sort(START + rng.integers(0, DAYS * 86_400, N))
    found = events(
        time_s,
        np.arange(N),
        [f"c{i % 3}" for i in range(N)],
        segment=[f"s{i % 2}" for i in range(N)],
    )
    known = rng.random(N) < 0.8
    label = texts([f"l{i}" if ok else None for i, ok in enumerate(known)])
    return TableRows(found, label, np.where(known, (time_s + 60) * MICRO, -1))


ROWS = history()


def local(found: InferenceColumns) -> list[datetime]:
    zone = ZoneInfo(NEW_YORK)
    return [datetime.fromtimestamp(us / MICRO, zone) for us in found.timestamp_us.tolist()]


def test_days_change_places_as_a_whole_and_keep_weekday_and_hour() -> None:
    shuffled = shuffled_days(ROWS, NEW_YORK, seed=1)
    was = dict(zip(ROWS.events.numeric[0].tolist(), local(ROWS.events), strict=True))
    moves: dict[object, set[object]] = {}
    for amount, now in zip(
        shuffled.events.numeric[0].tolist(), local(shuffled.events), strict=True
    ):
        before = was[amount]
        assert (before.weekday(), before.timetz()) == (now.weekday(), now.timetz())
        moves.setdefault(before.date(), set()).add(now.date())
    assert all(len(targets) == 1 for targets in moves.values())
    targets = [day for found in moves.values() for day in found]
    assert sorted(targets, key=str) == sorted(moves, key=str)
    assert sum(day not in found for day, found in moves.items()) > DAYS / 2


def test_rows_are_sorted_and_whole() -> None:
    shuffled = shuffled_days(ROWS, NEW_YORK, seed=1)
    found = shuffled.events
    assert (np.diff(found.timestamp_us) >= 0).all()
    order = found.numeric[0].astype(np.int64)
    assert sorted(order.tolist()) == list(range(N))
    index = pa.array(order)
    assert found.prediction_id == ROWS.events.prediction_id.take(index)
    assert found.categorical[0].to_pylist() == ROWS.events.categorical[0].take(index).to_pylist()
    assert found.segments[0].to_pylist() == ROWS.events.segments[0].take(index).to_pylist()
    assert shuffled.label == ROWS.label.take(index)


def test_labels_take_as_long_as_before() -> None:
    shuffled = shuffled_days(ROWS, NEW_YORK, seed=1)
    known = np.asarray(shuffled.label.is_valid())
    delay = shuffled.label_time_us - shuffled.events.timestamp_us
    assert (delay[known] == 60 * MICRO).all()
    assert (shuffled.label_time_us[~known] == -1).all()


def test_sampled_rows_are_the_same_events() -> None:
    sampled = np.arange(0, N, 64)
    rows = replace(ROWS, events=replace(ROWS.events, sampled_row=sampled))
    found = shuffled_days(rows, NEW_YORK, seed=1).events
    ids = {rows.events.prediction_id[i].as_py() for i in sampled}
    assert {found.prediction_id[i].as_py() for i in found.sampled_row.tolist()} == ids


@pytest.mark.parametrize("seed", [0, 9])
def test_a_seed_gives_one_order(seed: int) -> None:
    one, same = (shuffled_days(ROWS, NEW_YORK, seed).events.numeric[0] for _ in range(2))
    other = shuffled_days(ROWS, NEW_YORK, seed + 1).events.numeric[0]
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_no_events_stay_none() -> None:
    nothing = events([], segment=[])
    rows = TableRows(nothing, texts([]), nothing.timestamp_us)
    assert shuffled_days(rows, NEW_YORK, 0) is rows
