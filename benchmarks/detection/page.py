"""The rows as one table: printed, kept as results/detection.json, and written into docs/detection.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.detection.rows import Row
from benchmarks.processes import ROOT
from benchmarks.results import machine

KEPT: Final = ROOT / "benchmarks" / "results" / "detection.json"
PAGE: Final = ROOT / "docs" / "detection.md"
COLUMNS: Final = (
    "part", "case", "α", "floor", "n", "m", "repetitions", "rate", "99 % interval", "target", "met", "note",
)  # fmt: skip

Part = dict[str, Any]
"""When a part ran, how long it took, whether quickly, and its rows."""


def part_of(rows: Sequence[Row], seconds: float, is_quick: bool) -> Part:
    """What is kept of one part."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(seconds, 1),
        "is_quick": is_quick,
        "rows": [asdict(row) for row in rows],
    }


def keep(parts: Mapping[str, Part], order: Sequence[str]) -> None:
    """Adds parts to those kept before, in the suite's order, and writes the page anew."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))["parts"] if KEPT.is_file() else {}
    kept |= dict(parts)
    together = {name: kept[name] for name in order if name in kept}
    KEPT.parent.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), "parts": together}, indent=1, ensure_ascii=False)
    KEPT.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(page(machine(), together), encoding="utf-8")


def show(rows: Sequence[Row]) -> None:
    """Prints the table."""
    table = Table(*COLUMNS, title="detection")
    for row in rows:
        if row.is_shown:
            table.add_row(*cells(row))
    Console(width=None if Console().is_terminal else 220).print(table)


def page(here: Mapping[str, Any], parts: Mapping[str, Part]) -> str:
    """docs/detection.md."""
    rows = [row_of(row) for part in parts.values() for row in part["rows"]]
    shown, cells_only = (
        [row for row in rows if row.is_met is not None and row.is_shown is is_shown]
        for is_shown in (True, False)
    )
    lines = ["# Detection", "", INTRODUCTION, "", "## Configuration", "", CONFIGURATION, ""]
    lines += ["## Result", ""]
    lines += [
        f"{len(shown)} rows have a target, {_missed(shown)} of them miss it; of the {len(cells_only)} cells "
        f"that only the JSON shows, {_missed(cells_only)} do.",
        "",
    ]
    lines += _table([row for row in rows if row.is_shown])
    lines += _incidents(rows)
    lines += [
        "",
        "## Runs",
        "",
        f"{here['cores']} cores, {here['cpu']}, Python {here['python']}.",
        "",
    ]
    lines += ["| part | date | seconds | how |", "|---|---|--:|---|"]
    for name, part in parts.items():
        how = "quick" if part["is_quick"] else "full"
        lines.append(f"| {name} | {part['date']} | {part['seconds']:.0f} | {how} |")
    return "\n".join([*lines, ""])


def _missed(rows: Sequence[Row]) -> int:
    return sum(not row.is_met for row in rows)


def _incidents(rows: Sequence[Row]) -> list[str]:
    """The flights' year, one line each."""
    listed = [row.case for row in rows if row.unit == "incident"]
    if not listed:
        return []
    head = ["", "## Incidents of the flights' year", ""]
    table = [
        "| opened | feature | aspect | references | pattern | hint |",
        "|---|---|---|---|---|---|",
    ]
    return [*head, *table, *[f"| {line} |" for line in listed]]


def row_of(kept: Mapping[str, Any]) -> Row:
    """A row as it was kept."""
    interval = kept["interval"]
    return Row(**{**kept, "interval": tuple(interval) if interval else None})


def _table(rows: Sequence[Row]) -> list[str]:
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|--:|---|--:|--:|--:|--:|---|---|---|---|"]
    return lines + [f"| {' | '.join(cells(row))} |" for row in rows]


def cells(row: Row) -> tuple[str, ...]:
    """The texts of a row's columns."""
    met = {True: "yes", False: "**missed**", None: ""}[row.is_met]
    ends = " – ".join(map(_figure, row.interval)) if row.interval else ""
    value = f"{_figure(row.value)} {row.unit}".strip()
    return (
        row.part, row.case, "" if row.alpha is None else f"{row.alpha:g}", row.floor,
        _count(row.n), _count(row.m), _count(row.repetitions), value, ends, row.target, met, row.note,
    )  # fmt: skip


def _figure(value: float) -> str:
    if value and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


INTRODUCTION: Final = """\
How often verdicts are wrong, and what they find. `python -m benchmarks.detection` writes this page and
`benchmarks/results/detection.json`; `--quick` takes a tenth of the repetitions (four weeks for 52 of the
budget), `--only nulls power` runs some parts and leaves the others' rows as they were, `--competitors`
measures other libraries on the same windows. Seeds are fixed: a part gives the same rows each time on the
same versions.

A rate is alarms ÷ repetitions, with the exact (Clopper–Pearson) 99 % interval. A rate has to keep its
target itself; where the target speaks of a ratio (actual ÷ nominal), the interval has to reach it, because
so small a rate is not known better: few repetitions keep such a target easily, and the interval says how
much they are worth. A row that misses says so. The nulls' and the season's tables show the
worst case of each kind; all of them are in the JSON. Rows without a target are there to compare with."""

CONFIGURATION: Final = """\
One for all rows: the defaults of a model file. Numeric features are decided by KS on 80 fine bins,
categorical ones by chi-square and the largest share change, rates by Fisher's exact test, new categories
by Good–Turing. Floors: D 0.03, a share 1 point, a rate 0.5 point, a new category 0.2 point, a correlation
0.1; critical from 0.15, 10, 5, 5 points and 0.3. With 20 reference windows or more the p that counts is
the larger of rows' and windows'. An incident opens with the first window that drifts and ends after seven
quiet ones (weeks: hourly windows 2 of 3, six quiet ones). The budget is one false alarm a week and α at
most 0.001; where a row states an α, that one is used instead. Nothing is set for a row."""
