"""One model's state, fed commit by commit; time goes where a test says."""

from dataclasses import replace
from typing import Any

import numpy as np

from stream_monitor.core.model_state import ModelState
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.results import DriftEvent, Output, WindowResult
from stream_monitor.core.windows import WindowSize
from tests.unit.core.builders import HOUR_S, deltas, events, matched_labels
from tests.unit.core.streams import SPEC, T0, catalogue

LAYOUT = catalogue().layout_for(SPEC, "1")
LATENESS_S, HORIZON_S = 300, HOUR_S
ONE_HOUR = replace(
    SPEC, windows=(WindowSize(HOUR_S, recover_after=1),), segment_keys=(),
    references=(ReferenceKind.VALIDATION,),
)  # fmt: skip
RNG = np.random.default_rng(8)


def state(**changed: Any) -> ModelState:
    return ModelState(replace(ONE_HOUR, **changed), "app", catalogue())


def put(
    model: ModelState, at_s: int, n: int = 200, shift: float = 0.0, version: str = "1",
    labels: int = 0, segment: list[str] | None = None,
) -> None:  # fmt: skip
    """One commit: `n` events from `at_s` on, and as many labels of events there."""
    carriers = RNG.choice(["UA", "AA", "B6"], n).tolist()
    found = events(
        [at_s] * n, RNG.normal(shift, 1, n), carriers, version, segment, label="late"
    )  # fmt: skip
    pairs = matched_labels([at_s] * labels, "late", "late", version, LAYOUT.profile_id)
    pairs = replace(pairs, segments=(pairs.label,) * len(model.spec.segment_keys))
    for delta in deltas(model.spec, LAYOUT, found if n else None, pairs if labels else None):
        model.add(delta)


def windows(outputs: list[Output]) -> list[WindowResult]:
    return [output for output in outputs if isinstance(output, WindowResult)]


def said(outputs: list[Output], feature: str = "amount") -> list[tuple[int, str, int, str]]:
    """(hour, status, revision, references) of one feature's drift events."""
    return [
        ((e.window.start_s - T0) // HOUR_S, e.status.value, e.revision, "+".join(e.references))
        for e in outputs
        if isinstance(e, DriftEvent) and e.feature == feature
    ]


def close(model: ModelState, hour: int, labels_s: int = 0) -> list[Output]:
    """Time goes to where the window of an hour closes."""
    return model.advance(T0 + (hour + 1) * HOUR_S + LATENESS_S, labels_s)
