"""Looks at open windows alarm no oftener than one test may, however their windows and hours differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from stream_monitor.core.columns import InferenceColumns
from stream_monitor.core.drift.e_process import dirichlet_evidence
from stream_monitor.core.early_judging import judge_part, part_reference
from stream_monitor.core.policy import AlarmBudget, FeaturePolicy, ModelSpec, ReferenceKind
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import ALL, Layout, Profile
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import WindowProfile, build_reference
from stream_monitor.core.results import WindowKey
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import Window
from tests.unit.core.builders import HOUR_S, events
from tests.unit.core.early_model import LONG, RATE, early_spec
from tests.unit.core.streams import T0

HOURS, REFERENCE_WINDOWS, REFERENCES, WINDOWS = 6, 40, 8, 75
NO_FLOORS = dict.fromkeys(("amount", "carrier"), FeaturePolicy(floor=1e-9, rate_floor=1e-9))


@dataclass(frozen=True)
class Stream:
    """Hours of a window differ by `season`, windows by `effects`, and values are moved by `shift`."""

    effects: Callable[[Generator, int], NDArray[Any]] = lambda rng, n: np.zeros(n)
    season: float = 0.0
    categories: int = 3
    shift: float = 0.0

    def rows(self, rng: Generator, start_s: int, windows: int, shift: float) -> InferenceColumns:
        """Windows of six hours."""
        n = windows * HOURS * RATE
        time_s = np.sort(rng.integers(start_s, start_s + windows * HOURS * HOUR_S, n))
        hour = (time_s - start_s) // HOUR_S
        amount = rng.normal(shift, 1, n) + self.effects(rng, windows)[hour // HOURS]
        zipf = 1 / np.arange(1, self.categories + 1)
        carriers = [f"c{i}" for i in rng.choice(self.categories, n, p=zipf / zipf.sum())]
        return events(time_s, amount + self.season * np.sin(hour % HOURS), carriers)

    def alarms(self, alpha: float, policies: dict[str, FeaturePolicy]) -> dict[str, list[int]]:
        """Per finding at what hour it came first: distributions by feature, `plain` by rows alone."""
        spec = early_spec(budget=AlarmBudget(1e9, alpha), policies=policies)
        found: dict[str, list[int]] = {"amount": [], "carrier": [], "plain": []}
        for seed in range(REFERENCES):
            rng = np.random.default_rng(seed)
            start_s = T0 - REFERENCE_WINDOWS * HOURS * HOUR_S
            known = self.rows(rng, start_s, REFERENCE_WINDOWS, 0.0)
            catalogue = ReferenceCatalogue()
            catalogue.add(build_reference(spec, [known], "1", Window(start_s, T0)))
            looks = _Looks(spec, catalogue, alpha)
            for _ in range(WINDOWS):
                for name, hour in looks.first(self.rows(rng, T0, 1, self.shift)).items():
                    found[name].append(hour)
        return found


class _Looks:
    """Looks at windows after each of their hours but the last."""

    def __init__(self, spec: ModelSpec, catalogue: ReferenceCatalogue, alpha: float) -> None:
        self._layout = catalogue.layout_for(spec, "1")
        key = WindowKey("1", ALL, LONG.name, T0, self._layout.profile_id)
        kind = ReferenceKind.VALIDATION
        self._parts = [
            part_reference(kind, hour * HOUR_S, key, LONG, spec, catalogue)
            for hour in range(1, HOURS)
        ]
        self._judged = (key, LONG, spec, catalogue)
        self._alpha = alpha

    def first(self, found: InferenceColumns) -> dict[str, int]:
        """The hour of each finding of one window."""
        first: dict[str, int] = {}
        parts = zip(self._parts, _growing(found, self._layout), strict=True)
        for hour, (reference, part) in enumerate(parts, 1):
            assert reference is not None
            results = judge_part(ReferenceKind.VALIDATION, reference, part, *self._judged)
            said = {r.feature for r in results if r.verdicts[0].state is VerdictState.DRIFT}
            tables = reference.whole.tables.numeric, part.tables.numeric
            evidence = dirichlet_evidence(*(table.coarse[0] for table in tables))
            if evidence is not None and evidence.p <= self._alpha:
                said.add("plain")
            first = dict.fromkeys(said, hour) | first
        return first


def _growing(found: InferenceColumns, layout: Layout) -> Iterator[WindowProfile]:
    """A window after each of its hours but the last."""
    counter = ProfileCounter("flights", (), HOUR_S)
    counter.count(found, layout)
    hours = sorted(counter.drain(), key=lambda delta: delta.key.pane_s)
    sums = accumulate((delta.profile for delta in hours[:-1]), Profile.merge)
    for hour, profile in enumerate(sums, 1):
        yield WindowProfile(Window(T0, T0 + hour * HOUR_S), profile.without_outcomes())


def share(found: dict[str, list[int]]) -> Counter[str]:
    return Counter({name: len(hours) / (REFERENCES * WINDOWS) for name, hours in found.items()})


STREAMS = {
    "rows alone": Stream(),
    "windows differ": Stream(lambda rng, n: rng.normal(0, 0.3, n)),
    "windows and hours differ": Stream(lambda rng, n: rng.normal(0, 0.3, n), season=1.0),
    "windows differ, skewed": Stream(lambda rng, n: 0.3 * np.exp(rng.normal(0, 0.5, n))),
    "500 categories": Stream(categories=500),
}


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("rows alone", 0.0), ("windows differ", 0.4), ("windows and hours differ", 0.8),
        ("windows differ, skewed", 0.1), ("500 categories", 0.0),
    ],
)  # fmt: skip
def test_looks_at_windows_without_drift_alarm_below_their_level_where_rows_alone_would_not(
    name: str, plain: float
) -> None:
    found = share(STREAMS[name].alarms(0.05, NO_FLOORS))
    print(f"{name}: {dict(found)}")
    assert found["amount"] <= 0.02
    assert found["carrier"] <= 0.02
    assert plain <= found["plain"] <= plain + 0.2


@pytest.mark.parametrize(("shift", "least", "hour"), [(0.3, 0.6, 4), (0.5, 0.99, 2), (1.0, 1.0, 1)])
def test_a_shift_is_found_before_the_window_is_over(shift: float, least: float, hour: int) -> None:
    hours = Stream(shift=shift).alarms(0.001, {})["amount"]
    print(f"{shift}: {len(hours) / REFERENCES / WINDOWS}, hours {sorted(Counter(hours).items())}")
    assert len(hours) >= least * REFERENCES * WINDOWS
    assert np.median(hours) == hour
