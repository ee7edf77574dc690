"""Writes the dashboards as JSON files: python -m stream_monitor.dashboards FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from stream_monitor.dashboards.catalogue import as_json, dashboards

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, built in dashboards().items():
        (folder / f"{name}.json").write_text(as_json(built), encoding="utf-8")
