"""Windows that are looked at while they are open, under faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from tests.simulation.scenarios import Scenario, drawn_scenario, lived
from tests.simulation.world import World
from tests.unit.services.made_references import reference_of
from tests.unit.services.watched import model

_WINDOWS = [{"size": "5m"}, {"size": "15m", "early": True, "recover_after": 1}]


@cache
def _models() -> Mapping[str, ModelSpec]:
    """A quarter of an hour is looked at after five and after ten minutes."""
    made = model("flights", "distance", "carrier", windows=_WINDOWS, correction_horizon="5m")
    return {"flights": made}


@cache
def _catalogue() -> ReferenceCatalogue:
    found = ReferenceCatalogue()
    found.add(reference_of(_models()["flights"], n=2_400))
    return found


def run_with_early_looks(seed: int) -> tuple[World, Scenario]:
    """No event is late: whoever looks at a part of a window sees all of it.

    For an hour all values are four standard deviations higher.
    """
    rng = np.random.default_rng([seed, 3])
    drawn = drawn_scenario(rng)
    scenario = replace(
        drawn, models=_models(), is_strict=True, absent=None,
        mixture=replace(drawn.mixture, events=120, hours=1.9, late=0.0, versions=("1",)),
    )  # fmt: skip
    return lived(rng, scenario, _catalogue()), scenario
