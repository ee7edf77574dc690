"""The alarm budget over a year of traffic (weeks.py): false incidents per week."""

from __future__ import annotations

from typing import Final

from benchmarks.detection.rows import Row, weekly_row
from benchmarks.detection.weeks import VARIANTS, incidents_per_week

NAME: Final = "budget"
MOST: Final = 1.3
_SEED: Final = 5
_WEEKS: Final = 52
_QUICK_WEEKS: Final = 4


def run(is_quick: bool) -> list[Row]:
    """One row per variant."""
    weeks = _QUICK_WEEKS if is_quick else _WEEKS
    rows = []
    for variant in VARIANTS:
        false, true = incidents_per_week(variant, weeks, _SEED)
        note = "false incidents; budget 1 a week, 20 features, 3 segments, 2 sizes, 2 references"
        if variant.drifting:
            note += f"; {true} true ones"
        rows.append(weekly_row(NAME, variant.name, round(false * weeks), weeks, MOST, note))
    return rows
