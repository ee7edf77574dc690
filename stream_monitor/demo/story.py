"""What the demo tells: events as they are heard, and a table at the end."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from stream_monitor.core.profile.profile import ALL

_MARKS = {
    "opened": "[bold red]opened   [/]",
    "recovered": "[green]recovered[/]",
    "retracted": "[yellow]retracted[/]",
}


class Story:
    """Collects what was published, and prints what a person would want to see of it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.events: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []

    def hear(self, record: dict[str, Any]) -> None:
        """Takes a record of the results or alerts topic."""
        if record["type"] == "drift":
            self.events.append(record)
            self._tell(record)
        else:
            self.results.append(record)

    def _tell(self, event: dict[str, Any]) -> None:
        mark = _MARKS.get(event["status"])
        if mark is None or event["segment"] != ALL:
            return
        day = event["window"]["start"][:10]
        what = event.get("deciding") or ""
        if event["status"] == "opened":
            severity = event.get("severity") or ""
            hints = event.get("hints") or [{"text": ""}]
            self._console.print(
                f"  {day}  {mark} {event['feature']:<16} {what:<12} {severity:<8} {hints[0]['text']}",
                highlight=False,
            )
        else:
            self._console.print(f"  {day}  {mark} {event['feature']}", highlight=False)

    def print_table(self) -> None:
        """One row per feature: windows judged, windows that drifted, the worst day; then performance."""
        table = Table(title="features against the first 35 days", title_justify="left")
        for name in ("feature", "windows", "drift", "worst day", "deciding", "ratio"):
            table.add_column(name)
        rows: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        windows = [r for r in self.results if r["type"] == "window" and r["segment"] == "all"]
        for record in windows:
            for feature in record["features"]:
                if feature["reference"] == "validation":
                    day = record["window"]["start"][:10]
                    rows.setdefault(feature["feature"], []).append((day, feature))
        for name, found in sorted(rows.items()):
            drifts = [f for _, f in found if f["verdict"] == "drift"]
            day, worst = max(found, key=lambda pair: pair[1]["ratio"] or 0.0)
            table.add_row(
                name, str(len(found)), str(len(drifts)), day if drifts else "–",
                str(worst.get("deciding") or "–"), f"{worst['ratio'] or 0:.1f}",
            )  # fmt: skip
        self._console.print(table)
        self._print_performance()

    def _print_performance(self) -> None:
        found = [r for r in self.results if r["type"] == "performance" and r["segment"] == "all"]
        if not found:
            return
        first = [r for r in found if r["revision"] == 0]
        last = {r["window"]["start"]: r for r in sorted(found, key=lambda r: r["revision"])}
        at_close = sum(r["maturity"] for r in first) / len(first)
        labels = sum(r["labels"] for r in last.values())
        right = sum(r["labels"] * (r["metrics"]["accuracy"] or 0) for r in last.values())
        self._console.print(
            f"accuracy {right / max(labels, 1):.3f} over {labels:,} labels; a day's labels were "
            f"{at_close:.0%} complete when its window closed, and the figures were revised as flights landed"
        )
