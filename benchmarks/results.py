"""Figures as rows: printed as a table, kept as JSON, and written into docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.processes import ROOT

LATEST: Final = ROOT / "benchmarks" / "results" / "latest.json"
PENDING_JOIN: Final = LATEST.with_name("pending_join.json")
SOAK: Final = LATEST.with_name("soak.json")
_ALL: Final = (LATEST, PENDING_JOIN, SOAK)
PAGE: Final = ROOT / "docs" / "benchmarks.md"
_COLUMNS: Final = ("benchmark", "case", "value", "unit", "spread", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, the median of its repeats; `spread` is their lowest and highest."""

    benchmark: str
    case: str
    value: float
    unit: str
    spread: tuple[float, float] | None = None
    note: str = ""


def median_row(
    benchmark: str, case: str, values: Sequence[float], unit: str, note: str = ""
) -> Row:
    """The row of repeated measurements."""
    spread = (min(values), max(values)) if len(values) > 1 else None
    return Row(benchmark, case, statistics.median(values), unit, spread, note)


def repeated(action: Callable[[], object], times: int, clock: Callable[[], float]) -> list[float]:
    """Seconds of each call by a clock."""
    taken = []
    for _ in range(times):
        began = clock()
        action()
        taken.append(clock() - began)
    return taken


def machine() -> dict[str, Any]:
    """The class of the machine; nothing that names it."""
    return {"cores": os.cpu_count(), "cpu": _cpu_model(), "python": platform.python_version()}


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def show(rows: Sequence[Row]) -> None:
    """Prints the table."""
    table = Table(*_COLUMNS, title="benchmarks")
    for row in rows:
        table.add_row(*_cells(row))
    Console(width=None if Console().is_terminal else 160).print(table)


def keep(path: Path, rows: Sequence[Row]) -> None:
    """Writes one of the files of figures, and the page of them all."""
    kept = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    found = [json.loads(p.read_text(encoding="utf-8")) for p in _ALL if p.is_file()]
    PAGE.write_text(page(found), encoding="utf-8")


def page(results: Sequence[dict[str, Any]]) -> str:
    """docs/benchmarks.md of what was kept: date, machine and rows of each run."""
    lines = ["# Benchmarks", "", _INTRODUCTION, ""]
    for kept in results:
        date, here = kept["date"], kept["machine"]
        lines += [f"{date}, {here['cores']} cores, {here['cpu']}, Python {here['python']}.", ""]
        rows = [Row(**row) for row in kept["rows"]]
        for name in dict.fromkeys(row.benchmark for row in rows):
            lines += [f"## {name}", "", f"{_MEANINGS.get(name, '')}", ""]
            lines += ["| case | median | unit | lowest – highest | note |", "|---|--:|---|---|---|"]
            lines += [f"| {' | '.join(_cells(row)[1:])} |" for row in rows if row.benchmark == name]
            lines.append("")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    spread = " – ".join(map(_number, row.spread)) if row.spread else ""
    return row.benchmark, row.case, _number(row.value), row.unit, spread, row.note


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


_INTRODUCTION: Final = """\
`make bench`, `make bench-join` and `make soak` measure on the machine they run on and write this page.
Compare figures of one run with each other, not with those of another machine: every competitor ran in
the same minutes on the same data.
Values are medians. Times are processor time (user and system, all threads of the process) unless a row
says wall."""
_MEANINGS: Final = {
    "profiler": (
        "The installed command drains a topic of a real Kafka broker: 4 partitions, JSON events, one model "
        "with 12 numeric and 8 categorical features beside prediction class and score, and a reference. "
        "Start-up, measured by draining nothing, is taken off each process. The bare loop is the floor: it "
        "consumes and parses with the garbage collector off, and does nothing with what it parsed."
    ),
    "stages": (
        "The same drain inside one process: thread time spent below each step. Background is librdkafka's "
        "threads and every other thread of the process."
    ),
    "delivery": (
        "Records per second of one profiler from its first batch to the last, by the wall clock, in rounds "
        "that alternate: as it runs, with a producer that opens no transaction and commits offsets plainly, "
        "and on a topic where every hundredth record cannot be read. Ratios are taken within a round."
    ),
    "soak, faults": (
        "Three profilers and two detectors on 12 partitions read events and labels (late, duplicated, "
        "corrected, retracted, out of order, poisoned) of four models while they are killed at every step of "
        "their protocol and at random, frozen beyond their session and their transaction, and the broker is "
        "killed and stopped. Then everything is drained, and every window and outcome is compared with one "
        "offline pass over the same records."
    ),
    "soak, live": (
        "Two profilers and two detectors under traffic of this moment, with nothing killed: memory and lag."
    ),
    "judging": (
        "One closed window judged against one reference of 35 daily windows: every score, every test, every "
        "verdict. SciPy computes one p per feature from 10,000 raw values on each side."
    ),
    "pending join": (
        "Predictions that wait for labels, on disk, in batches of 25,000 as the profiler commits them. "
        "SQLite does the same with a primary key: INSERT OR IGNORE, and a join with the labels."
    ),
}
