"""The alarm budget over a year of traffic (weeks.py): false incidents per week."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from typing import Final

from benchmarks.detection.rows import Row, weekly_row
from benchmarks.detection.weeks import VARIANTS, incidents_per_week

NAME: Final = "budget"
MOST: Final = 1.3
_SEED: Final = 5
_WEEKS: Final = 52
_QUICK_WEEKS: Final = 4


def run(is_quick: bool) -> list[Row]:
    """One row per variant, each in a process of its own."""
    weeks = _QUICK_WEEKS if is_quick else _WEEKS
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(incidents_per_week, VARIANTS, repeat(weeks), repeat(_SEED)))
    rows = []
    for variant, (false, true) in zip(VARIANTS, found, strict=True):
        note = "false incidents; budget 1 a week, 20 features, 3 segments, 2 sizes, 2 references"
        if variant.drifting:
            note += f"; {true} true ones"
        rows.append(weekly_row(NAME, variant.name, round(false * weeks), weeks, MOST, note))
    return rows
