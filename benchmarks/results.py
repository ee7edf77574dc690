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


def keep(rows: Sequence[Row]) -> None:
    """Writes latest.json and the page."""
    date, here = datetime.now(UTC).date().isoformat(), machine()
    kept = {"date": date, "machine": here, "rows": [asdict(row) for row in rows]}
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(date, here, rows), encoding="utf-8")


def page(date: str, machine: dict[str, Any], rows: Sequence[Row]) -> str:
    """docs/benchmarks.md."""
    lines = ["# Benchmarks", "", _INTRODUCTION, ""]
    lines += [
        f"{date}, {machine['cores']} cores, {machine['cpu']}, Python {machine['python']}.",
        "",
    ]
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
`make bench` measures on the machine it runs on and writes this page. Compare figures of one page with
each other, not with those of another machine: every competitor ran in the same minutes on the same data.
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
    "judging": (
        "One closed window judged against one reference of 35 daily windows: every score, every test, every "
        "verdict. SciPy computes one p per feature from 10,000 raw values on each side."
    ),
    "pending join": (
        "Predictions that wait for labels, on disk, in batches of 25,000 as the profiler commits them. "
        "SQLite does the same with a primary key: INSERT OR IGNORE, and a join with the labels."
    ),
}
