"""A model whose windows of six hours are looked at hour by hour, with a reference of forty of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.random import Generator

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import AlarmBudget, ModelSpec
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import build_reference
from stream_monitor.core.results import DriftEvent, Output
from stream_monitor.core.windows import Window, WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events
from tests.unit.core.one_model import LATENESS_S, ONE_HOUR
from tests.unit.core.streams import T0

LONG = WindowSize(6 * HOUR_S, recover_after=1, early=True)
WINDOWS = 40
RATE = 100
"""Events an hour."""


def early_spec(**changed: Any) -> ModelSpec:
    """Six hours looked at early, and the hours that they are looked at by."""
    values: dict[str, Any] = {
        "windows": (WindowSize(HOUR_S, k=3, n=3), LONG), "pane_s": 900, "outcomes": (),
        "judges_joint": False, "judges_volume": False, "budget": AlarmBudget(),
    }  # fmt: skip
    return replace(ONE_HOUR, **{**values, **changed})


def rows(
    rng: Generator, start_s: int, hours: int, shift: Any = 0.0, season: float = 0.0,
    missing: float = 0.0, carriers: dict[str, float] | None = None,
) -> InferenceColumns:  # fmt: skip
    """Events from an instant on; `shift` by hour, hours of a window that differ by `season`."""
    n = hours * RATE
    time_s = np.sort(rng.integers(start_s, start_s + hours * HOUR_S, n))
    hour = (time_s - start_s) // HOUR_S
    amount = rng.normal(0, 1, n) + season * np.sin(hour % 6) + np.broadcast_to(shift, hours)[hour]
    amount[rng.random(n) < missing] = np.nan
    shares = carriers or dict.fromkeys(("UA", "AA", "B6"), 1 / 3)
    return events(time_s, amount, rng.choice([*shares], n, p=[*shares.values()]).tolist())


@cache
def held(season: float = 0.0, windows: int = WINDOWS) -> ReferenceCatalogue:
    """A reference of so many windows before T0."""
    start_s = T0 - windows * 6 * HOUR_S
    found = rows(np.random.default_rng(0), start_s, windows * 6, season=season)
    catalogue = ReferenceCatalogue()
    catalogue.add(build_reference(early_spec(), [found], "1", Window(start_s, T0)))
    return catalogue


def model(catalogue: ReferenceCatalogue | None = None, **changed: Any) -> ModelState:
    """An empty state."""
    return ModelState(early_spec(**changed), "app", catalogue or held())


def put(state: ModelState, found: InferenceColumns) -> None:
    """One commit with these events."""
    layout = state.catalogue.layout_for(state.spec, "1")
    for delta in deltas(state.spec, layout, found):
        state.add(delta)


def go(state: ModelState, hours: float) -> list[Output]:
    """Time goes to so many hours after T0, lateness included."""
    at_s = T0 + int(hours * HOUR_S) + LATENESS_S
    return state.advance(at_s, at_s)


def long_events(outputs: list[Output], feature: str = "amount") -> list[DriftEvent]:
    """Drift events of six-hour windows."""
    return [
        o
        for o in outputs
        if isinstance(o, DriftEvent) and o.feature == feature and o.size.name == LONG.name
    ]


def told(outputs: list[Output], feature: str = "amount") -> list[tuple[int, str, int]]:
    """(hours after T0 that were judged, status, revision)."""
    return [
        ((e.until_s - T0) // HOUR_S, e.status.value, e.revision)
        for e in long_events(outputs, feature)
    ]
