"""The references topic: services follow it, `reference build` writes it."""

from __future__ import annotations

import time
from collections.abc import Callable

from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.reference_records import ReferenceAssembler, encode_reference
from stream_monitor.core.references import Reference
from stream_monitor.services.ports import Follower, Outgoing, Producer, TopicReader, Unanswered

_LOOK_EVERY_S = 2.0
_LOAD_TIMEOUT_S = 60.0


class ReferenceReader:
    """Keeps a catalogue up to date with the references topic."""

    def __init__(self, reader: TopicReader, topic: str) -> None:
        self.catalogue = ReferenceCatalogue()
        self.reader = reader
        self._topic = topic
        self._assembler = ReferenceAssembler()
        self._follower: Follower | None = None
        self._looked_s = -1e9

    def load(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads anew everything that is there now; raises Unanswered if that takes over a minute."""
        follower, old = self.reader.follow(self._topic), self._follower
        self._follower = follower
        if old is not None:
            old.close()
        deadline = clock() + _LOAD_TIMEOUT_S
        while not follower.is_caught_up():
            if clock() > deadline:
                raise Unanswered(f"topic {self._topic} could not be read within a minute")
            self.refresh(0.2)

    def refresh(self, timeout_s: float = 0.0) -> int:
        """Takes what came since; returns how many references became whole."""
        if self._follower is None:
            return 0
        found = 0
        for records in self._follower.poll(timeout_s):
            for reference in self._assembler.add(zip(records.key, records.value, strict=True)):
                self.catalogue.add(reference)
                found += 1
        return found

    def look(self, now_s: float) -> None:
        """Takes what came since, every two seconds."""
        if now_s - self._looked_s >= _LOOK_EVERY_S:
            self.refresh()
            self._looked_s = now_s

    def close(self) -> None:
        """Stops following."""
        if self._follower is not None:
            self._follower.close()


def publish_reference(reference: Reference, producer: Producer, topic: str) -> int:
    """Writes a reference in one transaction; returns the number of records."""
    records = encode_reference(reference)
    producer.init_transactions()
    producer.begin()
    for key, value in records:
        producer.produce(Outgoing(topic, key, value))
    producer.commit()
    return len(records)
