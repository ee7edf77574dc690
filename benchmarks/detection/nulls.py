"""The test of independent rows alone, when nothing has changed: how often is p ≤ α?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.continuous_nulls import CONTINUOUS, ps_of
from benchmarks.detection.discrete_nulls import CATEGORICAL, DISCRETE, categorical_ps, numeric_ps
from benchmarks.detection.rows import Row, near, rate_row

NAME: Final = "nulls"
WINDOWS: Final = (200, 1_000, 10_000, 1_000_000)
REFERENCES: Final = (1_000, 10_000, 100_000)
ALPHAS: Final = (0.05, 0.01, 0.001)
DEEP: Final = 1e-5
_SEED: Final = 1
_DEEP_CELLS: Final = ((1_000, 10_000), (10_000, 100_000), (1_000_000, 100_000))
_TIMES_OF_LEARNING: Final = {1_000: 6_000, 10_000: 3_000, 100_000: 800}

Cell = tuple[str, bool, int, int, NDArray[np.float64], tuple[float, ...]]
"""Marginal, whether it is continuous, n, m, the p of every repetition, and the α to look at."""


def run(is_quick: bool) -> list[Row]:
    """Every cell; shown are, per marginal and α, the one whose ratio is furthest above 1 (or below)."""
    share = 10 if is_quick else 1
    cells = [
        row
        for cells in (_continuous(share), _learned(share), _categorical(share), _deep(share))
        for cell in cells
        for row in _rows(cell)
    ]
    return _worst(cells) + cells


def _continuous(share: int) -> Iterator[Cell]:
    for which, marginal in enumerate(CONTINUOUS):
        rng = np.random.default_rng([_SEED, 0, which])
        for n in WINDOWS:
            for m in REFERENCES:
                yield marginal.name, True, n, m, ps_of(marginal, n, m, 15_000 // share, rng), ALPHAS


def _learned(share: int) -> Iterator[Cell]:
    for which, marginal in enumerate(DISCRETE):
        rng = np.random.default_rng([_SEED, 1, which])
        for m in REFERENCES:
            times = _TIMES_OF_LEARNING[m] // share
            for n, ps in numeric_ps(marginal, WINDOWS, m, times, rng).items():
                yield marginal.name, False, n, m, ps, ALPHAS


def _categorical(share: int) -> Iterator[Cell]:
    for which, marginal in enumerate(CATEGORICAL):
        rng = np.random.default_rng([_SEED, 2, which])
        times = (60_000 if len(marginal.shares) == 2 else 4_000) // share
        for n in WINDOWS:
            for m in REFERENCES:
                yield marginal.name, False, n, m, categorical_ps(marginal, n, m, times, rng), ALPHAS


def _deep(share: int) -> Iterator[Cell]:
    """Cells with very many repetitions, for the α that a real budget comes to."""
    rng = np.random.default_rng([_SEED, 3])
    for n, m in _DEEP_CELLS:
        ps = ps_of(CONTINUOUS[1], n, m, 300_000 // share, rng)
        yield CONTINUOUS[1].name, True, n, m, ps, (DEEP,)
        for marginal in CATEGORICAL[2:]:
            ps = categorical_ps(marginal, n, m, 1_000_000 // share, rng)
            yield marginal.name, False, n, m, ps, (DEEP,)


def _rows(cell: Cell) -> Iterator[Row]:
    marginal, is_continuous, n, m, ps, alphas = cell
    for alpha in alphas:
        hits = int((ps <= alpha).sum())
        most = 1.7 if alpha == DEEP else 1.3
        target = near(alpha, most, 0.5 if is_continuous else 0.0)
        note = f"ratio {hits / len(ps) / alpha:.2f}"
        yield rate_row(
            NAME, marginal, hits, len(ps), target, alpha=alpha, floor="none", n=n, m=m, note=note,
            is_shown=False,
        )  # fmt: skip


def _worst(cells: list[Row]) -> list[Row]:
    """One per marginal and α: a cell that misses before one that keeps its target, then the most eager."""
    groups: dict[tuple[str, float | None], list[Row]] = {}
    for cell in cells:
        groups.setdefault((cell.case, cell.alpha), []).append(cell)
    return [_shown(group) for group in groups.values()]


def _shown(group: list[Row]) -> Row:
    worst = max(group, key=lambda row: (not row.is_met, row.value))
    missed = sum(not row.is_met for row in group)
    least = min(row.value for row in group) / (worst.alpha or 1.0)
    words = f"{worst.note}, lowest {least:.2f}; worst of {len(group)} cells, {missed} of them miss"
    return Row(
        worst.part, worst.case, worst.value, worst.unit, worst.alpha, worst.floor, worst.n, worst.m,
        worst.repetitions, worst.interval, worst.target, worst.is_met, words,
    )  # fmt: skip
