"""Whether a client still hears of the brokers, or has to be made anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaException

ASK_EVERY_S: Final = 10.0
LOST_AFTER_S: Final = 20.0
_WAIT_S: Final = 1.0


def close_aside(client: Consumer) -> None:
    """Closes a client that may take long to; nobody waits for it."""
    threading.Thread(target=client.close, name="closing", daemon=True).start()


class Liveness:
    """Silence of one client, and questions to the brokers where it lasts.

    librdkafka (from 2.10 to 2.16, its issue 5301) drops every broker it knows when one that has just
    started names none, and never connects again. Nothing tells that from an outage but that the brokers
    are there for a new client, so after an outage of `LOST_AFTER_S` a client is not waited for.
    """

    def __init__(self, topic: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._clock = clock
        self._heard_s = self._asked_s = clock()
        self._is_lost = False

    def heard(self) -> None:
        """The brokers answered."""
        self._heard_s = self._clock()
        self._is_lost = False

    def is_lost(self, client: Consumer) -> bool:
        """Whether no broker has answered for too long; asks for metadata where nothing was heard lately."""
        now = self._clock()
        if now - max(self._heard_s, self._asked_s) < ASK_EVERY_S:
            return self._is_lost
        self._asked_s = now
        try:
            client.list_topics(self._topic, timeout=_WAIT_S)
        except KafkaException:
            self._is_lost = now - self._heard_s >= LOST_AFTER_S
        else:
            self.heard()
        return self._is_lost
