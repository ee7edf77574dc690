"""Traffic of this moment for several models, with labels that follow."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from typing import Final

from confluent_kafka import Producer

from benchmarks.workload import Traffic, label_event

MODELS: Final = ("bench", "bench-b", "bench-c", "bench-d")
LABEL_DELAY_S: Final = 20.0


class Source:
    """Events of this moment at a steady rate, and labels for every third of them some seconds later."""

    def __init__(self, bootstrap: str, rate: int) -> None:
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap, "compression.type": "lz4", "linger.ms": 20,
                "partitioner": "murmur2_random", "queue.buffering.max.messages": 1_000_000,
            }
        )  # fmt: skip
        self._due: deque[tuple[float, bytes]] = deque()
        self._chunks = 0
        self.events = self.labels = 0

    def send_past(self, seconds: int) -> None:
        """The traffic of the last `seconds` at once, so that what is kept for so long is there."""
        now = time.time()
        for second in range(seconds):
            self._produce(now - seconds + second)
        self._drain()

    def send(self, until_s: float) -> None:
        """One second's worth of events and the labels that are due, then waits for the second to end."""
        begin = time.time()
        self._produce(begin)
        self._producer.poll(max(0.0, min(until_s, begin + 1.0) - time.time()))
        while time.time() < min(until_s, begin + 1.0):
            self._producer.poll(0.05)

    def _produce(self, begin: float) -> None:
        traffic = Traffic(self._rate, begin, 1.0, self._chunks, f"s{self._chunks:06d}")
        for i, (key, value) in enumerate(traffic.events()):
            name = MODELS[i % len(MODELS)]
            named = value.replace(b'"model":"bench"', f'"model":"{name}"'.encode(), 1)
            self._hand_over("inference", named, key)
            self.events += 1
            if i % 3 == 0:
                self._due.append((begin + LABEL_DELAY_S, key))
        self._chunks += 1
        self._send_labels(begin)

    def _hand_over(self, topic: str, value: bytes, key: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key)
                return
            except BufferError:
                self._producer.poll(0.1)

    def finish(self) -> None:
        """Sends the labels that are left."""
        self._send_labels(float("inf"))
        self._drain()

    def _drain(self) -> None:
        if self._producer.flush(120):
            raise RuntimeError("the broker did not take the events")

    def _send_labels(self, now_s: float) -> None:
        stamp = datetime.fromtimestamp(min(now_s, time.time()), UTC).isoformat()
        while self._due and self._due[0][0] <= now_s:
            _, key = self._due.popleft()
            self._hand_over("labels", label_event(key, "yes", stamp), key)
            self.labels += 1
