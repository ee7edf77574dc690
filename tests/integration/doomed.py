"""stream-monitor as a process that ends or freezes itself at a named place.

`python -m tests.integration.doomed PLACE VISIT ACTION MARK run profiler …` is `stream-monitor run
profiler …`, but at the VISIT-th visit of PLACE it writes the file MARK and sends itself SIGKILL (ACTION
`kill`) or SIGSTOP (`stop`). The connectors are wrapped; the services know nothing of it.
SIGUSR1 writes the stack of every thread to standard error.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream_monitor.cli import main as stream_monitor
from stream_monitor.connectors.kafka.consumer import KafkaConsumer
from stream_monitor.connectors.kafka.producer import KafkaProducer
from stream_monitor.connectors.kafka.reader import KafkaTopicReader
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services import wiring
from stream_monitor.services.ports import Outgoing

PROFILER_PLACES = (
    "polled", "begun", "mid-deltas", "mid-markers", "offsets sent", "committed", "stored",
    "restoring", "replaying",
)  # fmt: skip
"""`committed` is before the store's commit, `stored` behind it; `replaying` needs a store that is behind."""
DETECTOR_PLACES = (
    "merged", "begun", "mid-results", "mid-state", "offsets sent", "committed", "restoring",
)  # fmt: skip

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass
class Doom:
    """Counts the visits of one place."""

    place: str
    visit: int
    action: str
    mark: Path
    visits: int = 0
    is_committed: bool = False
    written: set[str] = field(default_factory=set)

    def reached(self, place: str, prepare: Callable[[], None] = lambda: None) -> None:
        """At the chosen visit prepares, leaves the mark and sends this process the signal."""
        if place != self.place:
            return
        self.visits += 1
        if self.visits == self.visit:
            prepare()
            self.mark.write_text(place)
            os.kill(os.getpid(), _SIGNALS[self.action])


def wrap_connectors(doom: Doom) -> None:
    """Puts connectors that visit the doom in the place of those that the services are wired with."""

    class Consumer(KafkaConsumer):
        def poll(self, max_records: int, timeout_s: float) -> list[Records]:
            found = super().poll(max_records, timeout_s)
            if found:
                doom.reached("polled")
            return found

    class Producer(KafkaProducer):
        def begin(self) -> None:
            doom.written.clear()
            doom.is_committed = False
            doom.reached("merged")
            super().begin()
            doom.reached("begun")

        def produce(self, record: Outgoing) -> None:
            super().produce(record)
            place = _place(record)
            if place not in doom.written:
                doom.written.add(place)
                doom.reached(place, self.flush)

        def send_offsets(self, offsets: Any, consumer: Any) -> None:
            super().send_offsets(offsets, consumer)
            doom.reached("offsets sent")

        def commit(self) -> int | None:
            time_ms = super().commit()
            doom.is_committed = True
            doom.reached("committed")
            return time_ms

    class Store(DuckPendingStore):
        def open(self, partition: int, identity: str) -> dict[str, int]:
            offsets = super().open(partition, identity)
            doom.reached("restoring")
            return offsets

        def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
            if not doom.is_committed:
                doom.reached("replaying")
            super().commit(offsets)
            if doom.is_committed:
                doom.is_committed = False
                doom.reached("stored")

    class Reader(KafkaTopicReader):
        def read(self, topic: str, *where: Any, **bounds: Any) -> Iterator[Records]:
            for records in super().read(topic, *where, **bounds):
                yield records
                doom.reached("restoring")

    vars(wiring).update(
        KafkaConsumer=Consumer,
        KafkaProducer=Producer,
        DuckPendingStore=Store,
        KafkaTopicReader=Reader,
    )


def _place(record: Outgoing) -> str:
    """What a transaction is in the middle of behind its first record of a kind."""
    kind = record.topic.rpartition(".")[2]
    if kind == "deltas":
        return "mid-markers" if record.key is None else "mid-deltas"
    return {"state": "mid-state", "results": "mid-results"}.get(kind, "elsewhere")


def main(arguments: Sequence[str]) -> None:
    place, visit, action, mark, *command = arguments
    faulthandler.register(signal.SIGUSR1)
    wrap_connectors(Doom(place, int(visit), action, Path(mark)))
    sys.argv = ["stream-monitor", *command]
    stream_monitor()


if __name__ == "__main__":
    main(sys.argv[1:])
