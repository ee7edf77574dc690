"""`python -m benchmarks.detection`: one table, results/detection.json and docs/detection.md."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from typing import Final

from benchmarks.detection.page import keep, part_of, show
from benchmarks.detection.rows import Row

PARTS: Final = (
    "nulls", "power", "season", "dependence", "budget", "flights_year", "car_loan", "speed",
)  # fmt: skip
COMPETITORS: Final = "competitors"


def main() -> int:
    """Measures the parts that are asked for, all but the competitors by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="NAME")
    parser.add_argument("--competitors", action="store_true", help="other libraries too")
    given = parser.parse_args()
    chosen = [*given.only] if given.only is not PARTS or not given.competitors else [*PARTS]
    if given.competitors:
        chosen = [COMPETITORS] if given.only is PARTS else [*chosen, COMPETITORS]
    rows: list[Row] = []
    for name in chosen:
        began = time.perf_counter()
        found = importlib.import_module(f"benchmarks.detection.{name}").run(given.quick)
        part = part_of(found, time.perf_counter() - began, given.quick)
        keep({name: part}, (*PARTS, COMPETITORS))
        rows += found
    show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
