"""The windows that every library is measured on: those of the reference below 0, the judged ones from 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.detection.car_loan import (
    CATEGORICAL,
    NUMERIC,
    REFERENCE_ROWS,
    SHIFTED,
    SHIFTED_FROM_ROW,
    TABLE,
)
from stream_monitor.demo import flights

REFERENCE_WINDOWS: Final = 35
_FEATURES: Final = 10
_WINDOWS: Final = 10
_QUIET: Final = 0.01
_SEED: Final = 6


@dataclass(frozen=True)
class Case:
    """`rows` has a column `window` and the features; in `drifting` there is drift, or in no feature."""

    name: str
    rows: pa.Table
    n: int
    is_drift: bool
    counted: tuple[str, ...] = ()


def cases() -> list[Case]:
    """All of them."""
    rng = np.random.default_rng(_SEED)
    made = [_numbers(rng, f"null, n {n:,}", n) for n in (100, 1_000, 10_000)]
    made.append(_numbers(rng, "null, day effects of 0.3 sd", 1_000, effect=0.3))
    made += [_numbers(rng, f"mean + {by} sd", 5_000, by=by) for by in (0.1, 0.25)]
    made.append(_numbers(rng, "missing 0.2 % to 5.2 %", 5_000, missing=0.052))
    return [*made, _categories(rng), _quiet_flights(), *_loans()]


def _numbers(
    rng: Generator, name: str, n: int, effect: float = 0.0, by: float = 0.0, missing: float = 0.002
) -> Case:  # fmt: skip
    """Normal features; every judged window of every feature is one repetition."""
    is_drift = by > 0 or missing > 0.01
    windows = 5 if n > 5_000 else _WINDOWS
    window = np.repeat(np.arange(-REFERENCE_WINDOWS, windows), n)
    columns = {}
    for f in range(_FEATURES):
        level = effect * rng.normal(size=REFERENCE_WINDOWS + windows)
        values = rng.normal(size=len(window)) + np.repeat(level, n) + by * (window >= 0)
        rate = np.where(window >= 0, missing, 0.002)
        columns[f"f{f}"] = pa.array(values, mask=rng.random(len(window)) < rate)
    return Case(name, pa.table({"window": window, **columns}), n, is_drift)


def _categories(rng: Generator) -> Case:
    n = 5_000
    window = np.repeat(np.arange(-REFERENCE_WINDOWS, _WINDOWS), n)
    names = np.array(["a", "b", "c", "d", "e"])
    rest = np.array([0.2, 0.15, 0.1, 0.05]) / 0.5
    columns = {}
    for f in range(_FEATURES):
        first = rng.random(len(window)) < np.where(window >= 0, 0.55, 0.5)
        others = 1 + rng.choice(4, len(window), p=rest)
        columns[f"f{f}"] = pa.array(names[np.where(first, 0, others)])
    return Case("category 0.5 + 5 points", pa.table({"window": window, **columns}), n, True)


def _quiet_flights() -> Case:
    """Days of weeks in which hardly a flight was cancelled."""
    year = flights.load()
    days, code = np.unique(
        np.asarray(pc.utf8_slice_codeunits(year["prediction_id"], 0, 10).to_numpy(), str),
        return_inverse=True,
    )
    gone = np.bincount(code, np.asarray(year["dep_delay"].is_null()), len(days)) / np.bincount(code)
    quiet = {
        day
        for first in range(REFERENCE_WINDOWS, len(days) - 6)
        if gone[first : first + 7].max() < _QUIET
        for day in range(first, first + 7)
    }
    judged = sorted(quiet)[:28]
    number = np.full(len(days), 10**6)
    number[:REFERENCE_WINDOWS] = np.arange(-REFERENCE_WINDOWS, 0)
    number[judged] = np.arange(len(judged))
    columns = {name: year[name].cast(pa.float64()) for name in flights.NUMERIC_FEATURES}
    columns |= {name: year[name].cast(pa.string()) for name in flights.CATEGORICAL_FEATURES}
    return _kept("flights, days of quiet weeks", number[code], columns, 960, False)


def _loans() -> list[Case]:
    table = pq.read_table(TABLE)
    days = table["timestamp"].to_numpy().astype("datetime64[D]").astype(np.int64)
    spans = (days - days[0]) // 15
    start = spans[REFERENCE_ROWS] + 1
    shift = spans[SHIFTED_FROM_ROW] + 1
    columns = {name: table[name].cast(pa.float64()) for name in NUMERIC}
    columns |= {name: table[name].cast(pa.string()) for name in CATEGORICAL}
    rows = np.arange(len(spans))
    window = np.where(spans >= start, spans - start, 10**6)
    window = np.where(rows < REFERENCE_ROWS, spans - start, window)
    before = np.where(spans < shift - 1, window, 10**6)
    after = np.where(spans >= shift, spans - shift, np.where(window < 0, window, 10**6))
    return [
        _kept("car loan, before the shift", before, columns, 2_480, False),
        _kept("car loan, shifted features after it", after, columns, 2_480, True, SHIFTED),
    ]


def _kept(
    name: str, window: NDArray[np.int64], columns: dict[str, pa.ChunkedArray], n: int, is_drift: bool,
    counted: tuple[str, ...] = (),
) -> Case:  # fmt: skip
    kept = window < 10**6
    table = pa.table({"window": window, **columns}).filter(pa.array(kept)).sort_by("window")
    return Case(name, table, n, is_drift, counted)
