"""How long it takes to judge 10,000 features (see benchmarks.judging)."""

from __future__ import annotations

from typing import Final

from benchmarks import judging
from benchmarks.detection.rows import Row, fact_row

NAME: Final = "speed"
MOST_S: Final = 1.0


def run(is_quick: bool) -> list[Row]:
    """The row of the wide model."""
    found = judging.run(3 if is_quick else 9)
    wide = next(row for row in found if row.case.startswith("10,000"))
    low, high = wide.spread or (wide.value, wide.value)
    note = f"median; {low:.2f} – {high:.2f} s; {wide.note}"
    return [
        fact_row(NAME, wide.case, wide.value, "s", f"< {MOST_S:g} s", wide.value < MOST_S, note)
    ]
