"""What a running installation is put under for a while: changing members, a broker that is gone, slowness."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle

from tests.brokers.kafka_process import KafkaProcess
from tests.integration.fault_member import Member
from tests.integration.fault_memory import Memory
from tests.integration.fault_report import committed_offsets, lag
from tests.integration.fault_run import Running

AHEAD = 40_000
"""Records that wait in the source topics while throughput is measured."""
WAIT_S = 180.0
_LOOK_S = 1.0


def all_ready(running: Running) -> None:
    """Waits until every member is ready."""
    deadline = time.monotonic() + WAIT_S
    while not all(member.ready_s for member in running.members):
        assert time.monotonic() < deadline, "not all members are ready"
        for member in running.members:
            member.look()


def caught_up(
    running: Running, meanwhile: Callable[[], None], role: str = "profiler", most: int = 0
) -> None:
    """Waits until a group has committed everything that was written, but for so many records."""
    deadline = time.monotonic() + WAIT_S
    while (left := lag(running.installation, role)) > most:
        assert time.monotonic() < deadline, f"{left} records are left"
        running.writer.write(0.0, 0.5)
        meanwhile()


def burst(running: Running, share: float) -> None:
    """Writes up to a share of all records at once."""
    writer = running.writer
    while writer.written < int(share * writer.total):
        writer.write(share, 0.0)


def paced(
    running: Running, seconds: float, share: float, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Writes up to a share of all records evenly over so many seconds."""
    began, first = time.monotonic(), running.writer.share
    while (passed := (time.monotonic() - began) / seconds) < 1.0:
        running.writer.write(first + (share - first) * passed, 0.1)
        meanwhile()
    running.writer.write(share, 0.0)


@dataclass
class Throughput:
    """Records that the profilers commit while there is always more to read."""

    running: Running
    _committed: int = 0
    _looked_s: float = 0.0

    def look(self) -> None:
        """Keeps the profilers supplied; raises AssertionError when nothing is left to write."""
        if time.monotonic() - self._looked_s >= _LOOK_S:
            self._looked_s = time.monotonic()
            self._committed = sum(committed_offsets(self.running.installation).values())
        writer = self.running.writer
        wanted = self._committed + AHEAD
        assert wanted < writer.total, "everything is written: the load must be larger"
        writer.write(wanted / writer.total, 0.1)

    def measure(self, seconds: float, each: Callable[[], None] = lambda: None) -> float:
        """Records per second over about so many seconds, in which `each` is called often."""
        began, first = time.monotonic(), self._now()
        while time.monotonic() - began < seconds:
            self.look()
            each()
        return (self._now() - first) / (time.monotonic() - began)

    def _now(self) -> int:
        return sum(committed_offsets(self.running.installation).values())


@dataclass
class Storm:
    """Every `every_s` a member leaves or comes back, of the two groups in turn, all of them in turn."""

    running: Running
    every_s: float
    changes: Counter[str] = field(default_factory=Counter)
    _due_s: float = field(default_factory=time.monotonic)
    _absent: dict[str, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._next = {role: cycle(self.running.of(role)) for role in ("profiler", "detector")}
        self._roles = cycle(self._next)

    def blow(self) -> None:
        """Does what is due."""
        for member in self.running.members:
            member.look()
        if time.monotonic() >= self._due_s:
            self._due_s += self.every_s
            self._change(next(self._roles))

    def pass_over(self) -> None:
        """Everyone comes back."""
        for member in self._absent.values():
            member.start()
        self._absent.clear()

    def _change(self, role: str) -> None:
        if role in self._absent:
            self._absent.pop(role).start()
            self.changes[role] += 1
            return
        member = next(self._next[role])
        if member.ready_s is not None:
            member.leave()
            self.changes[role] += 1
            self._absent[role] = member


def outage(
    running: Running, broker: KafkaProcess, seconds: float, meanwhile: Callable[[], None]
) -> float:
    """The broker is away for at least so long; returns for how long it was."""
    broker.stop()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        running.writer.write(0.0, 0.2)
        meanwhile()
    away_s = time.monotonic() - began
    broker.start()
    return away_s


@dataclass
class Slowness:
    """Members that are stopped for nine tenths of the time."""

    members: list[Member]
    period_s: float = 4.0
    running_share: float = 0.1
    _is_stopped: bool = False

    def look(self, meanwhile: Callable[[], None]) -> None:
        """Stops or continues them as the time says."""
        meanwhile()
        place = time.monotonic() % self.period_s / self.period_s
        if (place >= self.running_share) is not self._is_stopped:
            self._signal(not self._is_stopped)

    def end(self) -> None:
        """They run freely again."""
        self._signal(False)

    def _signal(self, is_stop: bool) -> None:
        self._is_stopped = is_stop
        for member in self.members:
            if member.life is not None:
                os.kill(member.life.pid, signal.SIGSTOP if is_stop else signal.SIGCONT)


def looked_at(running: Running, memory: Memory, phase: str) -> Callable[[], None]:
    """Lets every member do what is due, and looks at their memory."""

    def look() -> None:
        for member in running.members:
            member.look()
        memory.look(running.members, phase)

    return look
