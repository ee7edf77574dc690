"""Which of a model's first windows are whole, from what was read of its partitions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from stream_monitor.core.first_windows import WindowSurvey
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import Records
from stream_monitor.core.watermarks import partition_watermark_us
from stream_monitor.core.windows import Window, WindowSize
from tests.unit.core.builders import HOUR_S, MICRO, events, model_spec

T0 = 1_700_006_400
HOUR = WindowSize(HOUR_S)
OUT_OF_ORDER_S, LATENESS_S = 60, 300
SPEC = model_spec()


def survey(
    spec: ModelSpec = SPEC, since_s: float | None = None, cut: Sequence[int] = ()
) -> WindowSurvey:
    since_us = None if since_s is None else int(since_s * MICRO)
    return WindowSurvey(spec, HOUR, OUT_OF_ORDER_S * MICRO, since_us, cut)


def put(held: WindowSurvey, partition: int, *at_s: float, model: str = "flights") -> None:
    n = len(at_s)
    zeros = np.zeros(n, np.int64)
    batch = Records(
        "inference", np.full(n, partition, np.int32), zeros, zeros, [None] * n, [b""] * n
    )
    held.add(batch, [replace(events([T0 + at for at in at_s]), model=model)])


def hours(
    held: WindowSurvey, partitions: int = 1, idle_s: Mapping[int, float] | None = None
) -> list[int]:
    idle_us = {p: int((T0 + at) * MICRO) for p, at in (idle_s or {}).items()}
    found = held.complete(partitions, idle_us)
    assert all(w.end_s - w.start_s == HOUR_S for w in found)
    return [(w.start_s - T0) // HOUR_S for w in found]


def test_the_window_of_the_first_event_counts_only_if_it_begins_with_it() -> None:
    held = survey()
    put(held, 0, 30, HOUR_S + 1, 2 * HOUR_S + 500)
    assert hours(held) == [0, 1]
    held = survey()
    put(held, 0, 301, HOUR_S + 1, 2 * HOUR_S + 500)
    assert hours(held) == [1]
    put(held, 0, 5)
    assert hours(held) == [0, 1], "an earlier event came later"
    assert held.rows(Window(T0, T0 + HOUR_S)) == 2
    assert held.rows(Window(T0, T0 + 2 * HOUR_S)) == 3


def test_a_window_is_whole_when_lateness_has_passed_in_every_partition() -> None:
    held = survey()
    put(held, 0, 0, HOUR_S + LATENESS_S + OUT_OF_ORDER_S - 1)
    put(held, 1, 0, 5 * HOUR_S)
    assert hours(held, partitions=2) == []
    put(held, 0, HOUR_S + LATENESS_S + OUT_OF_ORDER_S)
    assert hours(held, partitions=2) == [0]
    assert hours(held, partitions=3) == [], "a partition was never seen"
    assert hours(held, partitions=3, idle_s={2: 9 * HOUR_S}) == [0]


def test_an_idle_partition_goes_by_broker_time_and_other_models_tell_time_too() -> None:
    held = survey()
    put(held, 0, 0, 3 * HOUR_S)
    put(held, 1, 10)
    assert hours(held, 2) == []
    assert hours(held, 2, {1: HOUR_S + LATENESS_S + OUT_OF_ORDER_S}) == []
    assert hours(held, 2, {1: HOUR_S + LATENESS_S + OUT_OF_ORDER_S + 1}) == [0]
    put(held, 1, 2 * HOUR_S, model="other")
    assert hours(held, 2) == [0]
    assert held.rows(Window(T0, T0 + 9 * HOUR_S)) == 3
    assert partition_watermark_us(None, None, 5) is None


def test_a_slow_partition_holds_windows_no_longer_than_the_model_allows() -> None:
    held = survey(replace(SPEC, max_hold_s=HOUR_S))
    put(held, 0, 0, 3 * HOUR_S)
    assert hours(held, 2) == [0]


def test_windows_without_events_are_no_windows() -> None:
    held = survey()
    put(held, 0, 0, 4 * HOUR_S + 1, 9 * HOUR_S)
    assert hours(held) == [0, 4]


@pytest.mark.parametrize(("since_s", "expected"), [(T0, [0, 1]), (T0 + 0.5, [1]), (T0 - 1, [0, 1])])
def test_a_chosen_start_replaces_the_first_event(since_s: float, expected: list[int]) -> None:
    held = survey(since_s=since_s)
    put(held, 0, 1_000, HOUR_S + 1, 2 * HOUR_S + 500)
    assert hours(held) == expected


def test_windows_of_records_that_are_lost_do_not_count() -> None:
    held = survey(cut=[1])
    put(held, 0, 0, HOUR_S + 1, 2 * HOUR_S + 1, 3 * HOUR_S, 4 * HOUR_S)
    put(held, 1, HOUR_S - OUT_OF_ORDER_S, 4 * HOUR_S)
    assert hours(held, 2) == [1, 2]
    held = survey(cut=[1])
    put(held, 0, 0, HOUR_S + 1, 2 * HOUR_S + 1, 3 * HOUR_S, 4 * HOUR_S)
    put(held, 1, HOUR_S - OUT_OF_ORDER_S + 1, 4 * HOUR_S)
    assert hours(held, 2) == [2]


def test_the_last_window_is_due_when_its_lateness_has_passed() -> None:
    held = survey()
    assert held.due_s([], 3) is None
    put(held, 0, 600)
    late_s = LATENESS_S + OUT_OF_ORDER_S
    assert held.due_s([], 3) == T0 + 4 * HOUR_S + late_s
    put(held, 0, HOUR_S, 2 * HOUR_S + late_s)
    assert held.due_s(held.complete(1, {}), 3) == T0 + 4 * HOUR_S + late_s
    assert survey(since_s=T0).due_s([], 1) == T0 + HOUR_S + late_s
