"""Errors that librdkafka reports aside: logged, and raised when they are why nothing ever worked."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError

from stream_monitor.connectors.kafka.failures import failure, is_fatal, refusal, told


class Refusals:
    """Remembers the first refusal (credentials, TLS, rights) until the brokers have once answered.

    Later refusals, as during a broker's restart, are only logged.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._log = logger
        self._first: KafkaError | None = None
        self._is_answered = False

    def note(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        self._log.warning("%s: %s", error.name(), told(error))
        if self._first is None and refusal(error) is not None:
            self._first = error

    def meet(self, action: str, error: KafkaError) -> None:
        """A consumed message's error: raises StreamMonitorError where waiting cannot mend it, or logs."""
        if is_fatal(error) or refusal(error):
            raise failure(action, error)
        self._log.warning("%s: %s", error.name(), told(error))

    def answered(self) -> None:
        """The brokers do talk to us."""
        self._is_answered = True

    def check(self, action: str) -> None:
        """Raises StreamMonitorError if the action cannot work."""
        if self._first is not None and not self._is_answered:
            raise failure(action, self._first)
