"""A folder with a monitor.yaml and model files, written by the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes monitor.yaml and `models/<name>.yaml`; returns the path of monitor.yaml."""

    def write_files(monitor: str = "", **models: str) -> Path:
        folder = tmp_path / "models"
        folder.mkdir(exist_ok=True)
        for name, text in models.items():
            (folder / f"{name}.yaml").write_text(text)
        path = tmp_path / "monitor.yaml"
        path.write_text(monitor)
        return path

    return write_files
