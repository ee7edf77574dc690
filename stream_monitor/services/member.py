"""What profilers and detectors share: a member of a consumer group that works in steps."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import structlog

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import (
    Condition,
    Consumer,
    Producer,
    Topics,
    Unanswered,
    never,
)
from stream_monitor.services.references import ReferenceReader
from stream_monitor.services.status import ServiceStatus
from stream_monitor.services.transactions import Transactions

Result = TypeVar("Result")

log = structlog.get_logger()

_LONGEST_SILENCE_S = 600.0
_PAUSE_S = 0.2
"""After a question without an answer: most have waited for the brokers for half a minute already."""


class Member(ABC):
    """A member of a consumer group. `step` does at most one batch; `run` steps until told to stop.

    After every change of its partitions it restores what it keeps of them, before it works on.
    """

    def __init__(
        self,
        config: MonitorConfig,
        models: Mapping[str, ModelSpec],
        consumer: Consumer,
        make_producer: Callable[[], Producer],
        topics: Topics,
        references: ReferenceReader,
        status: ServiceStatus,
        clock: Callable[[], float],
    ) -> None:
        self.status = status
        self._config = config
        self._models = models
        self._consumer = consumer
        self._transactions = Transactions(make_producer, status)
        self._topics = topics
        self._references = references
        self._clock = clock
        self._assigned: list[TopicPartition] = []
        self._to_restore = False
        self._silent_since_s: float | None = None

    def run(self, should_stop: Condition, should_drain: Condition = never) -> None:
        """Works until told to stop, or told to drain until everything is worked off."""
        self.status.should_stop = should_stop
        self.start()
        name, models = self.status.role, sorted(self._models)
        log.info(f"{name} started", instance=self.status.instance, models=models)
        try:
            while not should_stop():
                self.step()
                if should_drain() and self._guarded(self._ends):
                    break
        finally:
            self.close()

    def step(self) -> None:
        """One batch, if there is something to read; raises StreamMonitorError for what people must mend.

        Where no broker answers, what was read is left and read again, for ten minutes.
        """
        self.status.last_step_s = time.time()
        self._guarded(self._step)

    def _step(self) -> None:
        is_restoring = self._to_restore
        self._references.look(self._clock())
        self._work()
        if not is_restoring and not self._to_restore:
            self._silent_since_s, self.status.is_answered = None, True

    def _ends(self) -> bool:
        return not self._to_restore and self._has_drained()

    def _guarded(self, work: Callable[[], Result]) -> Result | None:
        """Does it; None where no broker answered: then everything is restored before the next step."""
        try:
            return work()
        except Unanswered as error:
            now_s = self._clock()
            if self._silent_since_s is None:
                self._silent_since_s = now_s
            silence_s = now_s - self._silent_since_s
            if silence_s >= _LONGEST_SILENCE_S or self.status.should_stop():
                raise
            log.warning("no broker answers, trying again", reason=str(error))
        self.status.is_answered, self._to_restore = False, True
        time.sleep(_PAUSE_S)
        return None

    def close(self) -> None:
        """Leaves the group; what was not committed is read again by whoever comes next."""
        self.status.is_restored = False
        self._consumer.close()
        self._transactions.close()
        self._references.close()
        told = self.status.told()
        name = self.status.role
        log.info(
            f"{name} stopped", instance=self.status.instance, counts=told, **self._told_at_end()
        )

    @abstractmethod
    def start(self) -> None:
        """Checks the topics, loads the references, fences older selves and joins the group."""

    @abstractmethod
    def _work(self) -> None:
        """Restores what has to be restored; else reads for the commit interval and commits."""

    @abstractmethod
    def _has_drained(self) -> bool:
        """Whether everything is worked off; says so to whoever reads on."""

    def _told_at_end(self) -> dict[str, int]:
        """What the last log line says beside the counters."""
        return {}

    def _join(self, topics: Sequence[str]) -> None:
        self._references.load()
        self._transactions.start()
        self._consumer.subscribe(topics, self._on_assigned, self._on_revoked)

    def _on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._assigned = list(partitions)
        self._to_restore = True

    def _on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        gone = set(partitions)
        self._assigned = [tp for tp in self._assigned if tp not in gone]
        self._to_restore = True
