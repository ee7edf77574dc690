"""River's detectors with their defaults on the raw numbers of the first features and windows.

They see the last 2,000 rows of the reference, then the windows; a window alarms if a change was seen in it.
"""

import json
import math
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from river import drift

DETECTORS: dict[str, Any] = {
    "ADWIN": drift.ADWIN,
    "PageHinkley": drift.PageHinkley,
    "KSWIN": lambda: drift.KSWIN(seed=1),
}
BEFORE, FEATURES, ROWS = 2_000, 5, 10_000


def alarms(file: Path, name: str) -> dict[str, dict[str, bool]]:
    """Per window and column."""
    table = pq.read_table(file)
    windows = table["window"].to_pylist()
    first = max(0, sum(w < 0 for w in windows) - BEFORE)
    last = min(len(windows), first + BEFORE + ROWS)
    found: dict[str, dict[str, bool]] = {}
    numbers = [
        c for c in table.column_names if c != "window" and table.schema.field(c).type == "double"
    ]
    for column in numbers[:FEATURES]:
        detector = DETECTORS[name]()
        values = table[column].slice(first, last - first).to_pylist()
        for window, value in zip(windows[first:last], values, strict=True):
            if value is None or math.isnan(value):
                continue
            detector.update(value)
            if window >= 0:
                own = found.setdefault(str(window), {})
                own[column] = own.get(column, False) or bool(detector.drift_detected)
    return found


def main() -> None:
    files = sorted(Path(sys.argv[1]).glob("*.parquet"))
    for name in DETECTORS:
        found = {file.stem: alarms(file, name) for file in files}
        text = json.dumps({"version": version("river"), "alarms": found})
        path = Path(sys.argv[2])
        path.with_name(f"{path.stem}-{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
