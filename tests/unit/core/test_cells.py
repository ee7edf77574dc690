"""Rolling panes up into cells changes what is held, and nothing of what is published."""

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stream_monitor.core import model_state
from stream_monitor.core.cells import cell_at, held_at, places
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.published import to_json
from stream_monitor.core.schema import Outcome
from stream_monitor.core.windows import Window, WindowSize
from tests.unit.core.builders import HOUR_S
from tests.unit.core.one_model import put, state
from tests.unit.core.streams import T0

SIZES = (
    WindowSize(HOUR_S),
    WindowSize(5_400, origin=date(2000, 1, 1)),
    WindowSize(24 * HOUR_S, "Europe/Berlin"),
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


def test_a_year_of_small_panes_is_few_places() -> None:
    sizes = (WindowSize(HOUR_S), WindowSize(365 * 24 * HOUR_S))
    year = sizes[1].window_at(T0)
    assert len(list(places(year, 300, sizes, year.end_s))) == 365 * 24
    assert len(list(places(year, 300, sizes, None))) == 365 * 24 * 12


def published(seed: int, monkeypatch: pytest.MonkeyPatch | None) -> tuple[Any, ModelState]:
    """What a random stream of late events and labels publishes; with a patch, never rolled up."""
    if monkeypatch is not None:
        monkeypatch.setattr(model_state, "held_at", lambda pane_s, *_: pane_s)
        monkeypatch.setattr(
            model_state, "places", lambda window, pane_s, *_: range(*_span(window), pane_s)
        )
    rng = np.random.default_rng(seed)
    outcome = Outcome(classes=("late", "on_time"), horizon_s=8 * HOUR_S, absent_means="on_time")
    model = state(windows=SIZES, outcomes=(outcome,), pane_s=900)
    found = []
    for step in range(70):
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
    import tests.unit.core.one_model as one_model

    one_model.RNG = np.random.default_rng(seed)
    rolled, model = published(seed, None)
    with pytest.MonkeyPatch.context() as patch:
        one_model.RNG = np.random.default_rng(seed)
        whole, unrolled = published(seed, patch)
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
