"""A service's producer: one transaction at a time, made anew when it is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import structlog

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.ports import Producer, ProducerFenced, TransactionAborted, Unanswered
from stream_monitor.services.status import ServiceStatus

log = structlog.get_logger()

_ATTEMPTS = 20
"""Of making a producer, each of which waits for the brokers (half a minute)."""


class Transactions:
    """Runs transactions; `producer` is the one in use, initialised by `start` or by a loss."""

    def __init__(self, make_producer: Callable[[], Producer], status: ServiceStatus) -> None:
        self._make_producer = make_producer
        self._status = status
        self.producer = make_producer()

    def start(self) -> None:
        """Fences older producers of the same id."""
        try:
            self.producer.init_transactions()
        except ProducerFenced as error:
            self._replace(error)

    def attempt(self, transaction: Callable[[], None]) -> bool:
        """Runs `transaction`, which begins and commits; False when it was lost.

        Then nothing of it is in Kafka, or that cannot be known: the caller goes back to what is committed.
        Where it asked something and got no answer, it is aborted and Unanswered raised.
        """
        try:
            try:
                transaction()
                return True
            except TransactionAborted as error:
                log.info("transaction aborted", reason=str(error))
                self.producer.abort()
            except Unanswered:
                with suppress(TransactionAborted):  # none was open yet
                    self.producer.abort()
                raise
        except ProducerFenced as error:
            self._replace(error)
        self._status.counts["aborts",] += 1
        return False

    def close(self) -> None:
        """Gives the producer up."""
        self.producer.close()

    def _replace(self, error: StreamMonitorError) -> None:
        """A new producer: its initialisation fences the old one and ends what it left open.

        A service that has to stop needs none.
        """
        for attempt in range(_ATTEMPTS):
            if self._status.should_stop():
                log.warning("producer lost while stopping", reason=str(error))
                return
            log.warning("producer lost, making a new one", reason=str(error), attempt=attempt)
            self.producer.close()
            self.producer = self._make_producer()
            try:
                self.producer.init_transactions()
                return
            except ProducerFenced as again:
                error = again
        raise StreamMonitorError(f"no producer could be made in {_ATTEMPTS} attempts: {error}")
