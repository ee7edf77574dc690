"""Child processes and the processor time that they took as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_PATIENCE_S: Final = 600.0
COMMAND: Final = Path(sys.executable).with_name("stream-monitor")


class ChildFailed(Exception):
    """A measured process ended with an error; the message holds its output."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One finished process: user and system seconds of all its threads, wall seconds, peak memory."""

    cpu_s: float
    wall_s: float
    peak_bytes: int
    output: str


def run_child(*command: str) -> Usage:
    """Runs a command to its end; raises ChildFailed unless it ends with 0 within ten minutes."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        guard = threading.Timer(_PATIENCE_S, child.kill)
        guard.start()
        output = child.stdout.read() if child.stdout else ""
        _, status, used = os.wait4(child.pid, 0)
        guard.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ChildFailed(f"{' '.join(command)} ended with {child.returncode}:\n{output}")
    kilobytes = used.ru_maxrss if sys.platform != "darwin" else used.ru_maxrss / 1_024
    return Usage(
        used.ru_utime + used.ru_stime, time.perf_counter() - began, int(kilobytes * 1_024), output
    )


def service(role: str, config: Path, *options: str) -> Sequence[str]:
    """The command that runs a service."""
    return (str(COMMAND), "run", role, "--config", str(config), *options)
