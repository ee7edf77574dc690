"""Folders that tests fetch once and keep outside the repository."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder of this name in the user's cache, filled on first use: whole, or not there at all.

    `fill` gets an empty folder, with a parent of its own that is thrown away.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stream-monitor"
    kept = cache / name
    if kept.is_dir():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=cache) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        fill(made)
        try:
            made.rename(kept)
        except OSError:
            # Another test run was faster; its folder is complete, because renaming is atomic.
            if not kept.is_dir():
                raise
    return kept
