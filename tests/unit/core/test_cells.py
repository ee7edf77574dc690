"""Rolling panes up into cells changes what is held, and nothing of what is published."""

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stream_monitor.core import forgetting, model_state
from stream_monitor.core.cells import cell_at, held_at, places, settled_at
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.published import to_json
from stream_monitor.core.state_records import StateRecord, StateRecords
from stream_monitor.core.windows import DAY_S, MONTH_S, WEEK_S, Window, WindowSize
from tests.unit.core import one_model
from tests.unit.core.builders import HOUR_S, LABEL
from tests.unit.core.one_model import put, state
from tests.unit.core.streams import T0
from tests.unit.core.test_bounded_state import partition_of

SIZES = (
    WindowSize(HOUR_S),
    WindowSize(5_400, origin=date(2000, 1, 1)),
    WindowSize(24 * HOUR_S, "Europe/Berlin"),
    WindowSize(4 * HOUR_S),
)
LATE_MARCH_S = 1_364_601_600
"""2013-03-30: the next day has 23 hours in Berlin."""


@given(st.integers(LATE_MARCH_S, LATE_MARCH_S + 3 * 86_400), st.sampled_from(SIZES))
def test_every_window_is_a_run_of_whole_cells(time_s: int, size: WindowSize) -> None:
    window = size.window_at(time_s)
    at, cells = window.start_s, []
    while at < window.end_s:
        cells.append(cell_at(at, SIZES))
        at = cells[-1].end_s
    assert (cells[0].start_s, at) == (window.start_s, window.end_s)
    assert all(before.end_s == after.start_s for before, after in pairwise(cells))


@given(st.integers(0, 60), st.integers(0, 60))
def test_counts_are_looked_for_where_they_are_kept(pane: int, rolled: int) -> None:
    pane_s, rolled_s = T0 + pane * 900, T0 + rolled * 900
    window = SIZES[2].window_at(pane_s)
    kept = held_at(pane_s, SIZES, rolled_s)
    assert kept in set(places(window, 900, SIZES, rolled_s))
    assert cell_at(kept, SIZES) == cell_at(pane_s, SIZES)


CALENDAR = tuple(WindowSize(s, "Europe/Berlin") for s in (HOUR_S, DAY_S, WEEK_S, MONTH_S))


@given(st.sampled_from([CALENDAR, SIZES]), st.integers(0, 80 * 24), st.integers(0, 120 * 24))
@settings(max_examples=400)
def test_what_longer_windows_still_need_is_kept_where_they_look(
    sizes: tuple[WindowSize, ...], at: int, done: int
) -> None:
    pane_s, done_s = LATE_MARCH_S + at * 1_800, LATE_MARCH_S + done * 1_800
    held_s = held_at(pane_s, sizes, done_s)
    kept_s = settled_at(held_s, sizes, done_s)
    assert settled_at(kept_s, sizes, done_s) == kept_s <= held_s
    for size in sizes:
        window = size.window_at(pane_s)
        if window.end_s > done_s:
            assert window.start_s <= kept_s
            assert kept_s in set(places(window, 1_800, sizes, done_s))


@pytest.mark.parametrize(
    ("lengths", "most"),
    [((HOUR_S, DAY_S, WEEK_S, MONTH_S), 6 + 7 + 24 + 14), ((MONTH_S,), 31 + 24 + 2),
     ((HOUR_S, MONTH_S), 31 + 24 + 24), ((DAY_S, MONTH_S), 31 + 24 + 2)],
)  # fmt: skip
def test_a_month_under_way_is_few_panes(lengths: tuple[int, ...], most: int) -> None:
    sizes = tuple(WindowSize(s, "Europe/Berlin") for s in lengths)
    model = state(windows=sizes, outcomes=(), pane_s=HOUR_S, judges_volume=False, references=())
    start_s = sizes[-1].window_at(T0).start_s
    held = []
    for hour in range(30 * 24):
        put(model, start_s + hour * HOUR_S, n=1)
        model.advance(start_s + hour * HOUR_S, start_s + hour * HOUR_S)
        held.append(len(model.panes))
    assert max(held) <= most


def test_a_year_of_small_panes_is_few_places() -> None:
    sizes = (WindowSize(HOUR_S), WindowSize(365 * 24 * HOUR_S))
    year = sizes[1].window_at(T0)
    assert len(list(places(year, 300, sizes, year.end_s))) == 365 * 24
    assert len(list(places(year, 300, sizes, None))) == 365 * 24 * 12


def published(
    seed: int, monkeypatch: pytest.MonkeyPatch, is_rolled: bool
) -> tuple[Any, ModelState]:
    """What a random stream of late events and labels, and restarts, publishes."""
    monkeypatch.setattr(one_model, "RNG", np.random.default_rng(seed))
    if not is_rolled:
        monkeypatch.setattr(model_state, "held_at", lambda pane_s, *_: pane_s)
        monkeypatch.setattr(
            model_state, "places", lambda window, pane_s, *_: range(*_span(window), pane_s)
        )
        monkeypatch.setattr(forgetting, "settled_at", lambda pane_s, *_: pane_s)
    rng = np.random.default_rng(seed)
    outcome = replace(LABEL, horizon_s=8 * HOUR_S, absent_means="on_time")
    model = state(windows=SIZES, outcomes=(outcome,), pane_s=900)
    monkeypatch.setattr(one_model, "LAYOUT", model.catalogue.layout_for(model.spec, "1"))
    found: list[bytes] = []
    topic: list[StateRecord] = []
    records = StateRecords()
    for step in range(70):
        topic += records.changes(partition_of(model))
        if step % 9 == 8:
            model, records = ModelState(model.spec, "app", model.catalogue), StateRecords()
            assert records.restore(partition_of(model), topic) == 0
        now_s = T0 + step * 1_800
        at_s = now_s - int(rng.choice([0, 1_000, 6_000, 20_000]))
        put(model, at_s, n=int(rng.integers(0, 4)), labels=0, segment=None)
        put(model, at_s - 7_000, n=0, labels=int(rng.integers(0, 3)))
        for output in model.advance(now_s, now_s - 3_600):
            found.append(orjson.dumps(to_json(output, "flights")))
    return found, model


def _span(window: Window) -> tuple[int, int]:
    return window.start_s, window.end_s


@given(st.integers(0, 2**32))
@settings(max_examples=6, deadline=None, phases=[Phase.generate])
def test_rolled_up_state_publishes_what_unrolled_state_does(seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        rolled, model = published(seed, patch, True)
    with pytest.MonkeyPatch.context() as patch:
        whole, unrolled = published(seed, patch, False)
    assert rolled == whole
    assert len(rolled) > 40
    assert len(model.panes) < len(unrolled.panes)


def test_the_records_of_panes_that_are_rolled_up_are_deleted() -> None:
    day = WindowSize(24 * HOUR_S)
    model = state(windows=(WindowSize(HOUR_S), day), pane_s=300)
    for pane in range(12):
        put(model, T0 + pane * 300, n=2)
    assert len(model.panes) == 12
    model.changed.clear()
    model.advance(T0 + HOUR_S + model.spec.settling_s, 0)
    (key,) = model.panes
    assert (key.pane_s, model.panes[key].events) == (T0, 24)
    assert len([what for kind, what in model.changed if kind == "pane"]) == 12
    put(model, T0 + 1_500, n=3)
    assert [profile.events for profile in model.panes.values()] == [27]
