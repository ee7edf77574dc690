"""A life of a service in a fault run: a process of its own, started anew or forked from one that is warm.

A fresh interpreter takes seconds of processor time to import everything. Forks of a server that has
imported it (and opened nothing) make a run with dozens of restarts short; they are processes like others.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]
_MODULE = "tests.integration.doomed"
_PRELOADED = [_MODULE, "stream_monitor.cli.commands", __name__]


class Life(Protocol):
    """A running process."""

    @property
    def pid(self) -> int: ...

    def code(self, timeout_s: float = 0.0) -> int | None:
        """The exit code (negative: the signal that ended it) within the time; None while it runs."""


class Fresh:
    """A process of a new interpreter."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, *arguments],
                stderr=stream, cwd=ROOT, env={**os.environ, **environ},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def code(self, timeout_s: float = 0.0) -> int | None:
        try:
            return self._process.wait(timeout_s) if timeout_s else self._process.poll()
        except subprocess.TimeoutExpired:
            return None


class Forked:
    """A fork of the server."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._process: ForkServerProcess = _server().Process(
            target=_work, args=(list(arguments), dict(environ), str(log)), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid or 0)

    def code(self, timeout_s: float = 0.0) -> int | None:
        if timeout_s:
            self._process.join(timeout_s)
        return self._process.exitcode


def finish(life: Life) -> None:
    """Ends a process, also one that is frozen."""
    for number in (signal.SIGCONT, signal.SIGKILL):
        if life.code() is None:
            os.kill(life.pid, number)
    life.code(30.0)


def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(arguments: list[str], environ: dict[str, str], log: str) -> None:
    from tests.integration.doomed import main

    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    os.environ.update(environ)
    with Path(log).open("ab") as stream:
        os.dup2(stream.fileno(), 2)
    main(arguments)
