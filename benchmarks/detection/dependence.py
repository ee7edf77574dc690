"""Streams whose rows are not independent, without drift: whole verdicts with the window-to-window null."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import signal

from benchmarks.detection.made_windows import Draw, judged, reference_of, spec_of, window_of
from benchmarks.detection.rows import Row, at_most, rate_row
from stream_monitor.core.results import FeatureResult
from stream_monitor.core.verdicts import VerdictState

NAME: Final = "dependence"
ALPHA: Final = 0.01
_ROWS: Final = 1_000
_WINDOWS: Final = 35
_FEATURES: Final = 200
_BATCHES: Final = 10
_SEED: Final = 4
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stream:
    """(rng, features, windows, rows) → consecutive values (features, windows, rows)."""

    name: str
    values: Callable[[Generator, int, int, int], Floats]


def _autoregressive(r: float) -> Callable[[Generator, int, int, int], Floats]:
    def values(rng: Generator, features: int, windows: int, rows: int) -> Floats:
        noise = rng.normal(size=(features, 2_000 + windows * rows))
        found = signal.lfilter([np.sqrt(1 - r * r)], [1.0, -r], noise, axis=1)[:, 2_000:]
        return np.asarray(found.reshape(features, windows, rows))

    return values


def _days(rng: Generator, features: int, windows: int, rows: int) -> Floats:
    level = 0.3 * rng.normal(size=(features, windows, 1))
    return np.asarray(level + rng.normal(size=(features, windows, rows)))


def _skewed_days(rng: Generator, features: int, windows: int, rows: int) -> Floats:
    return np.asarray(np.exp(_days(rng, features, windows, rows)))


def _missing_days(rng: Generator, features: int, windows: int, rows: int) -> Floats:
    rate = 0.02 * rng.gamma(2.0, 0.5, size=(features, windows, 1))
    is_lost = rng.random((features, windows, rows)) < rate
    return np.where(is_lost, np.nan, rng.normal(size=is_lost.shape))


STREAMS: Final = (
    Stream("independent rows", _autoregressive(0.0)),
    Stream("AR(0.9)", _autoregressive(0.9)),
    Stream("AR(0.99)", _autoregressive(0.99)),
    Stream("day effects of 0.3 sd", _days),
    Stream("day effects of 0.3 sd, lognormal values", _skewed_days),
    Stream("missing rate varies by day, gamma of shape 2", _missing_days),
)


def run(is_quick: bool) -> list[Row]:
    """All rows."""
    return [
        _row(which, stream, 1 if is_quick else _BATCHES) for which, stream in enumerate(STREAMS)
    ]


def _row(which: int, stream: Stream, batches: int) -> Row:
    found: list[FeatureResult] = []
    spec = spec_of(_FEATURES, True)
    for batch in range(batches):
        rng = np.random.default_rng([_SEED, which, batch])
        values = stream.values(rng, _FEATURES, _WINDOWS + 1, _ROWS)
        reference = reference_of(spec, [Draw(values[:, day]) for day in range(_WINDOWS)])
        window = window_of(spec, reference, Draw(np.ascontiguousarray(values[:, -1])), _WINDOWS)
        found += judged(spec, reference, window, ALPHA)
    hits = sum(result.state is VerdictState.DRIFT for result in found)
    alone = sum(map(_drifts_by_rows, found)) / len(found)
    return rate_row(
        NAME, stream.name, hits, len(found), at_most(0.02), alpha=ALPHA, floor="default", n=_ROWS,
        m=_WINDOWS * _ROWS, note=f"35 windows; by rows alone {alone:.3f}",
    )  # fmt: skip


def _drifts_by_rows(result: FeatureResult) -> bool:
    return any(
        v.measurement.p_iid <= ALPHA and v.measurement.effect >= v.floor for v in result.verdicts
    )
