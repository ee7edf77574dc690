"""What exactly-once and poison cost: one profiler with transactions and without, clean and poisoned."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.processes import run_child
from benchmarks.results import Row, median_row

NAME: Final = "delivery"
ROUNDS: Final = 5
LEAST_TRANSACTIONAL: Final = 0.9
LEAST_POISONED: Final = 0.8


def run(
    events: int, clean: Callable[[], Path], poisoned: Callable[[], Path], rounds: int = ROUNDS
) -> list[Row]:
    """`clean` and `poisoned` make configurations of installations that have read nothing yet.

    Rounds alternate, so that whatever else the machine does meets each case.
    """
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        rates["plain"].append(_rate(clean(), events, "plain"))
        rates["transactional"].append(_rate(clean(), events, "transactional"))
        rates["poisoned"].append(_rate(poisoned(), events, "transactional"))
    transactional = _shares(rates["transactional"], rates["plain"])
    bad = _shares(rates["poisoned"], rates["transactional"])
    unit = "records/s"
    return [
        median_row(NAME, "without transactions", rates["plain"], unit, "for comparison only"),
        median_row(NAME, "with transactions", rates["transactional"], unit, "as it runs"),
        median_row(NAME, "with 1 % poison", rates["poisoned"], unit, "eight kinds of it"),
        median_row(
            NAME, "with ÷ without transactions", transactional, "×",
            _verdict(transactional, LEAST_TRANSACTIONAL),
        ),
        median_row(NAME, "1 % poison ÷ clean", bad, "×", _verdict(bad, LEAST_POISONED)),
    ]  # fmt: skip


def _rate(config: Path, events: int, producer: str) -> float:
    command = (sys.executable, "-m", "benchmarks.timed_drain", str(config), str(events), producer)
    return float(run_child(*command).output.split()[-1])


def _shares(rates: list[float], others: list[float]) -> list[float]:
    return [rate / other for rate, other in zip(rates, others, strict=True)]


def _verdict(shares: list[float], least: float) -> str:
    met = "met" if statistics.median(shares) >= least else "not met"
    return f"target {least}: {met}"
