"""The installed `stream-monitor` command as a user's shell would run it."""

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("stream-monitor")
LONGEST_S = 120


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of stream_monitor or of a terminal."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("STREAM_MONITOR")}
    return {k: v for k, v in mine.items() if k not in ("COLUMNS", "FORCE_COLOR")} | more


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a folder to its end."""
    return subprocess.run(
        [COMMAND, *words], cwd=folder, env=environment(), capture_output=True, text=True,
        timeout=LONGEST_S, check=False,
    )  # fmt: skip
