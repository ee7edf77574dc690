"""References of the watched models, from shortly before the streams."""

from __future__ import annotations

from functools import cache

import numpy as np

from stream_monitor.core.decoding.inference import InferenceDecoder
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import Records
from stream_monitor.core.references import Reference, build_reference
from stream_monitor.core.windows import Window
from tests.unit.services.source_stream import event
from tests.unit.services.watched import CARRIERS, CLASSES, DAY_S, ORIGINS, T0, watched


def reference_of(spec: ModelSpec, seed: int = 0, version: str = "1", n: int = 480) -> Reference:
    """A reference from six hours of events in order."""
    rng = np.random.default_rng(seed)
    start_s = T0 - 2 * DAY_S
    values = [
        event(
            f"r{i}", spec.name, float(time_s), amount=round(rng.normal(100, 10), 1),
            carrier=str(rng.choice(CARRIERS)), origin=str(rng.choice(ORIGINS)),
            label=str(rng.choice(CLASSES)), version=version,
        ).value
        for i, time_s in enumerate(np.linspace(start_s, start_s + DAY_S // 4, n, endpoint=False))
    ]  # fmt: skip
    zeros = np.zeros(n, np.int64)
    records = Records("inference", zeros.astype(np.int32), np.arange(n), zeros, [None] * n, values)
    [columns] = InferenceDecoder({spec.name: spec}, 10**6, 10**14).decode(records).columns
    return build_reference(spec, [columns], version, Window(start_s, start_s + DAY_S // 4))


@cache
def references() -> tuple[Reference, ...]:
    """One of each watched model."""
    return tuple(reference_of(spec, i) for i, spec in enumerate(watched().values()))
