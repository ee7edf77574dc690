"""One place in a group during the fault run: a service process, its faults, and its next life."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.integration.fault_plan import Fault
from tests.integration.fault_process import Forked, Fresh, Life, finish

UNREACHED_S = 120.0
"""A place that is not reached for so long after the process was ready is given up."""
FENCED_S = 60.0
STALLED_S = 300.0
"""A process that is not ready for so long after its start has stalled."""
_OUTAGE = ("group.instance.id", "_TRANSPORT", "_TIMED_OUT", "_ALL_BROKERS_DOWN")


@dataclass
class Log:
    """What happened to all members: for each kill its place, and seconds until ready again.

    `outlasted` ended with an error that names an outage: nobody answered at their start, or the group gave
    their name away, as it does where the broker was gone for longer than a session. `unexpected` ended
    otherwise, did not end, or never became ready.
    """

    reached: list[tuple[str, str]] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    outlasted: list[str] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)
    terminated_s: list[float] = field(default_factory=list)


@dataclass
class Member:
    """A service under one instance name. `look` does whatever is due, and must be called often."""

    config: Path
    folder: Path
    instance: str
    port: int
    faults: deque[Fault]
    log: Log
    is_forked: bool = True
    environ: Mapping[str, str] = field(default_factory=dict)
    life: Life | None = None
    fault: Fault | None = None
    started_s: float = 0.0
    ready_s: float | None = None
    died_s: float | None = None
    frozen_s: float | None = None
    lives: int = 0
    replacement: Life | None = None

    @property
    def role(self) -> str:
        return self.instance.rpartition("-")[0]

    @property
    def is_done(self) -> bool:
        """Whether it has met all its faults and is ready."""
        return not self.faults and self.fault is None and self.ready_s is not None

    @property
    def log_path(self) -> Path:
        return self.folder / f"{self.instance}.log"

    @property
    def store(self) -> Path:
        return self.folder / f"store-{self.instance}"

    def start(self, *options: str) -> None:
        """The next life, with the next fault."""
        self.fault = self.faults.popleft() if self.faults else None
        if self.fault is not None:
            self._prepare_store(self.fault)
        self._mark.unlink(missing_ok=True)
        self.lives += 1
        self.ready_s = self.frozen_s = None
        self.started_s = time.monotonic()
        self.life = self._launch(self.fault, self.store, self.port, options)

    def look(self) -> None:
        life = self.life
        if life is None:
            return
        code = life.code()
        if code is not None:
            self._ended(code)
            self.start()
            return
        if self.frozen_s is None:
            self._note_ready()
        if self.ready_s is None and time.monotonic() - self.started_s > STALLED_S:
            self._give_up(life, f"was not ready in {STALLED_S:.0f} s")
            if self.fault is not None:
                self.faults.appendleft(self.fault)
            self.start()
            return
        if self.fault is not None:
            self._meet(life, self.fault)

    def leave(self) -> None:
        """Ends its process by SIGTERM, which must go well; `start` brings it back."""
        assert self.life is not None, f"{self.instance} does not run"
        self._terminate(self.life)
        self.life = None

    def end(self) -> None:
        """Ends the processes, whatever they do."""
        for life in (self.life, self.replacement):
            if life is not None:
                finish(life)
        self.life = self.replacement = None

    @property
    def _mark(self) -> Path:
        return self.folder / f"mark-{self.instance}"

    def _launch(
        self, fault: Fault | None, store: Path, port: int, options: Iterable[str] = ()
    ) -> Life:
        command = ["run", self.role, *options, "--config", str(self.config)]
        doom = ["none", "1", "kill"]
        if fault is not None and fault.place:
            doom = [fault.place, str(fault.visit), "kill" if fault.action == "kill" else "stop"]
        environ = {
            f"STREAM_MONITOR__{self.role.upper()}__INSTANCE": self.instance,
            "STREAM_MONITOR__PROFILER__STORE": str(store),
            "STREAM_MONITOR__METRICS__PORT": str(port),
            **self.environ,
        }
        kind = Forked if self.is_forked else Fresh
        return kind([*doom, str(self._mark), *command], environ, self.log_path)

    def _prepare_store(self, fault: Fault) -> None:
        older = self.folder / f"older-{self.instance}"
        if fault.store == "keep":
            if self.store.exists() and self.lives % 2:
                shutil.rmtree(older, ignore_errors=True)
                shutil.copytree(self.store, older)
            return
        shutil.rmtree(self.store, ignore_errors=True)
        if fault.store == "older" and older.exists():
            shutil.copytree(older, self.store)

    def _note_ready(self) -> None:
        if self.ready_s is None and is_ready(self.port):
            self.ready_s = time.monotonic()
            if self.died_s is not None:
                self.log.recovery_s.append(self.ready_s - self.died_s)
                self.died_s = None

    def _meet(self, life: Life, fault: Fault) -> None:
        now = time.monotonic()
        if fault.action in ("random", "terminate"):
            if self.ready_s is not None and now - self.ready_s >= fault.hold_s:
                self._signal(life, fault)
        elif self.frozen_s is not None:
            if now - self.frozen_s >= fault.hold_s:
                self._thaw(life, fault)
        elif self._mark.exists():
            if fault.action != "kill":
                self._freeze(fault)
        elif self.ready_s is not None and now - self.ready_s >= UNREACHED_S:
            self.log.unreached.append(f"{self.instance}: {fault}")
            self.fault = Fault("random")

    def _signal(self, life: Life, fault: Fault) -> None:
        if fault.action == "random":
            os.kill(life.pid, signal.SIGKILL)
            life.code(FENCED_S)
        else:
            self._terminate(life)

    def _terminate(self, life: Life) -> None:
        began = time.monotonic()
        os.kill(life.pid, signal.SIGTERM)
        code = life.code(FENCED_S)
        self.log.terminated_s.append(time.monotonic() - began)
        if code is None:
            self._give_up(life, "did not end after SIGTERM")
        elif code != 0:
            self.log.unexpected.append(f"{self.instance} ended with {code} after SIGTERM")

    def _freeze(self, fault: Fault) -> None:
        self.frozen_s = time.monotonic()
        if fault.action == "replace":
            other = self.folder / f"other-store-{self.instance}"
            self.replacement = self._launch(None, other, 0)

    def _thaw(self, life: Life, fault: Fault) -> None:
        os.kill(life.pid, signal.SIGCONT)
        self.frozen_s = None
        self.log.reached.append((self.role, f"{fault.action} {fault.hold_s:.0f} s: {fault.place}"))
        if self.replacement is not None:
            if life.code(FENCED_S) is None:  # its name belongs to another now: it cannot go on
                self.log.unexpected.append(f"{self.instance} goes on though another has its name")
                finish(life)
            finish(self.replacement)
            self.replacement = None
        else:
            self.fault = self.faults.popleft() if self._has_outside_fault() else None
            if self.fault is None and self.faults:
                self.fault = Fault("random", hold_s=3.0)
            self.ready_s = time.monotonic()

    def _has_outside_fault(self) -> bool:
        return bool(self.faults) and self.faults[0].action in ("random", "terminate")

    def _give_up(self, life: Life, why: str) -> None:
        """Ends a process that hangs, and notes where."""
        os.kill(life.pid, signal.SIGUSR1)
        life.code(1.0)
        told = self.log_path.read_text(errors="replace")[-4_000:]
        self.log.unexpected.append(f"{self.instance} {why}:\n{told}")
        finish(life)

    def _ended(self, code: int) -> None:
        self.died_s = time.monotonic()
        fault = self.fault
        if fault is None or not self._is_meant(fault, code):
            told = self.log_path.read_text(errors="replace")[-2_000:].splitlines()
            last = next((line for line in reversed(told) if line.startswith("error: ")), "")
            names_outage = any(word in last for word in _OUTAGE)
            kind = self.log.outlasted if names_outage and code == 1 else self.log.unexpected
            kind.append(f"{self.instance} ended with {code} in life {self.lives}: {last}")
            if fault is not None:
                self.faults.appendleft(fault)
            return
        if fault.action != "replace":
            self.log.reached.append((self.role, fault.place or fault.action))

    def _is_meant(self, fault: Fault, code: int) -> bool:
        """Whether the fault ended the life, and not the service by itself."""
        if fault.action == "kill":
            return code == -signal.SIGKILL and self._mark.exists()
        meant = {"random": -signal.SIGKILL, "terminate": 0}
        return fault.action == "replace" or meant.get(fault.action) == code


def is_ready(port: int) -> bool:
    """Whether a service says that it is ready; False where nobody answers."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=0.5) as answer:
            return bool(answer.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False
