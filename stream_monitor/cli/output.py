"""What commands print: tables and JSON lines on stdout, progress and errors on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_HAS_OWN_WIDTH = sys.stdout.isatty() or "COLUMNS" in os.environ
STDOUT = Console(width=None if _HAS_OWN_WIDTH else 200)  # files and pipes have no 80 columns
STDERR = Console(stderr=True)
VERDICT_STYLES = {
    "drift": "bold red", "ok": "green", "insufficient_data": "yellow", "no_reference": "dim",
}  # fmt: skip


def print_json(records: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object per line."""
    for record in records:
        sys.stdout.buffer.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; a cell that is a verdict gets its colour."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        cells = [_cell(value) for value in row]
        table.add_row(*cells)
    STDOUT.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value).replace("[", r"\[")
    style = VERDICT_STYLES.get(text)
    return f"[{style}]{text}[/]" if style else text


def progress_bar() -> Progress:
    """A progress bar on stderr, shown only on a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=STDERR,
        disable=not STDERR.is_terminal,
        transient=True,
    )


def report_error(message: str) -> None:
    """An error on stderr."""
    STDERR.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)


def note(message: str) -> None:
    """A remark on stderr."""
    STDERR.print(escape(message), highlight=False, soft_wrap=True)
