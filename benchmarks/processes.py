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
    """One finished process: user and system seconds of all its threads, wall seconds, peak memory.

    `peak_bytes` is None where the system does not tell.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int | None
    output: str


def run_child(*command: str) -> Usage:
    """Runs a command to its end; raises ChildFailed unless it ends with 0 within ten minutes."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        peak = _PeakMemory(child.pid)
        guard = threading.Timer(_PATIENCE_S, child.kill)
        guard.start()
        output = child.stdout.read() if child.stdout else ""
        peak.stop()
        _, status, used = os.wait4(child.pid, 0)
        guard.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ChildFailed(f"{' '.join(command)} ended with {child.returncode}:\n{output}")
    cpu_s = used.ru_utime + used.ru_stime
    return Usage(cpu_s, time.perf_counter() - began, peak.size_bytes, output)


def service(role: str, config: Path, *options: str) -> Sequence[str]:
    """The command that runs a service."""
    return (str(COMMAND), "run", role, "--config", str(config), *options)


class _PeakMemory:
    """Looks at a process's own high-water mark: rusage's begins with the memory of its parent."""

    def __init__(self, pid: int) -> None:
        self.size_bytes: int | None = None
        self._status = Path(f"/proc/{pid}/status")
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops looking."""
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.1):
            try:
                lines = self._status.read_text(encoding="utf-8").splitlines()
            except OSError:
                return
            for line in lines:
                if line.startswith("VmHWM:"):
                    self.size_bytes = int(line.split()[1]) * 1_024
