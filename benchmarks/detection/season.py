"""Flights with their weekly season but without drift: against the same hours, and against all hours.

Rows change places within their hour of the week, so every week has the same season and nothing else.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.detection.rows import Row, Target, at_most, near, rate_row
from stream_monitor.core.binning import COARSE_BINS, GUARD_BINS, learn_numeric
from stream_monitor.core.drift.chi_square import chi_square
from stream_monitor.core.drift.cmh import stratified_chi_square
from stream_monitor.core.windows import DAY_S, hour_of_week
from stream_monitor.demo import flights

NAME: Final = "season"
ALPHA: Final = 0.01
WINDOWS: Final = (100, 500, 5_000)
_REFERENCE_DAYS: Final = 35
_DAYS: Final = 70
_SLOTS: Final = 168
_SEED: Final = 3
Codes = NDArray[np.int64]
Counts = Counter[tuple[int, str]]


@dataclass(frozen=True)
class Season:
    """Ten weeks of flights: the hour of the week of every row, and the cells (F, rows) of its features."""

    names: tuple[str, ...]
    slots: Codes
    codes: Codes
    cells: tuple[int, ...]
    ordered: tuple[bool, ...]
    reference: int

    def shuffled(self, rng: np.random.Generator) -> Codes:
        """The cells, rows changed within their slots; all features of a row together."""
        order = np.argsort(self.slots, kind="stable")
        drawn = np.lexsort((rng.random(len(self.slots)), self.slots))
        found = np.empty_like(self.codes)
        found[:, order] = self.codes[:, drawn]
        return found


def run(is_quick: bool) -> list[Row]:
    """Per window size and feature, both rates; shown are the worst feature and the features together."""
    times = 200 if is_quick else 10_000
    shares = os.cpu_count() or 1
    season = _season()
    with ProcessPoolExecutor(shares) as pool:
        parts = (range(i, times, shares) for i in range(shares))
        found = list(pool.map(_counted, repeat(season), parts))
    ours = sum((mine for mine, _ in found), Counter())
    theirs = sum((other for _, other in found), Counter())
    return [row for n in WINDOWS for row in _rows(season, n, ours, theirs, times)]


def _counted(season: Season, repetitions: range) -> tuple[Counts, Counts]:
    """Alarms by window size and feature, of the same hours and of all hours."""
    ours: Counts = Counter()
    theirs: Counts = Counter()
    for repetition in repetitions:
        rng = np.random.default_rng([_SEED, repetition])
        codes = season.shuffled(rng)
        for f, name in enumerate(season.names):
            k = _table(season, codes[f], f, slice(0, season.reference))
            for n in WINDOWS:
                first = int(rng.integers(season.reference, codes.shape[1] - n))
                w = _table(season, codes[f], f, slice(first, first + n))
                stratified = stratified_chi_square(k, w, ordered=season.ordered[f])
                whole = chi_square(k.sum(axis=0), w.sum(axis=0))
                ours[n, name] += _alarms(stratified)
                theirs[n, name] += _alarms(whole)
    return ours, theirs


def _alarms(score: Any) -> bool:
    return score is not None and score.p is not None and score.p <= ALPHA


def _rows(
    season: Season, n: int, ours: Counts, theirs: Counts, times: int
) -> list[Row]:  # fmt: skip
    m = season.reference
    rows = []
    for name in season.names:
        case, other = f"same hours, {name}", theirs[n, name] / times
        note = f"all hours: {other:.3f}"
        targets = {case: near(ALPHA, 1.3)}
        if other >= 0.1:
            targets[f"{case}, beside all hours"] = _tenth_of(other)
        rows += [
            rate_row(
                NAME, words, ours[n, name], times, target, alpha=ALPHA, floor="none", n=n, m=m,
                note=note, is_shown=False,
            )
            for words, target in targets.items()
        ]  # fmt: skip
    return [*_shown(rows, n, m, theirs, times, season), *rows]


def _tenth_of(rate: float) -> Target:
    return Target("≤ a tenth of all hours'", at_most(rate / 10).keeps)


def _shown(
    rows: list[Row], n: int, m: int, theirs: Counts, times: int, season: Season
) -> list[Row]:  # fmt: skip
    """The worst row of each target, and how often all hours alarm."""
    found = []
    for target in dict.fromkeys(row.target for row in rows):
        group = [row for row in rows if row.target == target]
        worst = max(group, key=lambda row: (not row.is_met, row.value))
        missed = sum(not row.is_met for row in group)
        words = f"{worst.note}; worst of {len(group)} features, {missed} of them miss"
        found.append(
            Row(
                worst.part, worst.case, worst.value, "", ALPHA, worst.floor, n, m, times,
                worst.interval, worst.target, worst.is_met, words,
            )
        )  # fmt: skip
    most = max(season.names, key=lambda name: theirs[n, name])
    hits = theirs[n, most]
    whole = rate_row(
        NAME, f"all hours, {most}", hits, times, alpha=ALPHA, floor="none", n=n, m=m,
        note="chi-square of one global reference, its worst feature",
    )  # fmt: skip
    return [*found, whole]


def _table(season: Season, codes: Codes, f: int, rows: slice) -> Codes:
    cells = season.cells[f]
    flat = season.slots[rows] * cells + codes[rows]
    return np.bincount(flat, minlength=_SLOTS * cells).reshape(_SLOTS, cells)


def _season() -> Season:
    year = flights.load()
    times = year["timestamp"].cast(pa.int64()).to_numpy() // 1_000_000
    start = int(times[0]) // 3_600 * 3_600
    kept = int(np.searchsorted(times, start + _DAYS * DAY_S))
    reference = int(np.searchsorted(times, start + _REFERENCE_DAYS * DAY_S))
    year = year.slice(0, kept)
    slots = np.array([hour_of_week(int(t), flights.TIME_ZONE) for t in times[:kept]])
    found = [_codes(year[name], reference) for name in flights.FEATURES]
    return Season(
        flights.FEATURES,
        slots,
        np.stack([codes for codes, _ in found]),
        tuple(cells for _, cells in found),
        tuple(name in flights.NUMERIC_FEATURES for name in flights.FEATURES),
        reference,
    )


def _codes(column: pa.ChunkedArray, reference: int) -> tuple[Codes, int]:
    """The coarse bin or the category of each row; what is missing is one more cell."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        values = column.cast(pa.float64()).to_numpy()
        binning = learn_numeric(values[:reference])
        bins = np.searchsorted(np.array(binning.edges), values, side="right") - GUARD_BINS
        coarse = np.searchsorted(np.array(binning.coarse), bins, side="right") - 1
        codes = np.where(np.isnan(values), COARSE_BINS, np.clip(coarse, 0, COARSE_BINS - 1))
        return codes.astype(np.int64), COARSE_BINS + 1
    _, inverse = np.unique(
        np.asarray(column.cast(pa.string()).to_numpy(), str), return_inverse=True
    )
    return inverse.astype(np.int64), int(inverse.max()) + 1
