"""Dead letters sent again: the original record, or what a full letter holds, back to its source topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.dead_letter_reading import (
    DeadLetter,
    LetterFilter,
    read_letters,
)
from stream_monitor.services.history import Progress
from stream_monitor.services.operator_ports import Connections, RangeReader
from stream_monitor.services.ports import Outgoing, Producer

HEADER = "redriven"
"""Header of a record sent again: `<topic>/<partition>/<offset>` of the first one."""

_BATCH = 1_000
_GAP = 500
"""Offsets this far apart are read in one run: seeking costs more than reading past a few records."""


@dataclass
class Redriven:
    """What became of the letters: sent again, gone from the broker, or left alone for a reason."""

    redriven: int = 0
    gone: int = 0
    skipped_redriven: int = 0
    skipped_foreign: int = 0
    repeated: int = 0

    def as_row(self) -> dict[str, int]:
        """The counts by name."""
        return {
            "redriven": self.redriven, "gone": self.gone, "repeated": self.repeated,
            "already_redriven": self.skipped_redriven, "foreign_topic": self.skipped_foreign,
        }  # fmt: skip


class Redrive:
    """One run: letters are collected first (one per source record), then sent in transactions."""

    def __init__(
        self, connections: Connections, dead_letters: str, sources: Iterable[str],
        wanted: LetterFilter, again: bool = False,
    ) -> None:  # fmt: skip
        self.found = Redriven()
        self._connections = connections
        self._again = again
        self._letters: dict[TopicPartition, dict[int, DeadLetter]] = {}
        known = set(sources)
        for letter in read_letters(connections, dead_letters, wanted):
            own = self._letters.setdefault(letter.source, {})
            if letter.source.topic not in known:
                self.found.skipped_foreign += 1
            elif letter.offset in own:
                self.found.repeated += 1
            else:
                own[letter.offset] = letter

    @property
    def letters(self) -> int:
        """Source records with a letter."""
        return sum(map(len, self._letters.values()))

    def run(self, is_dry: bool, progress: Progress | None = None) -> Redriven:
        """Sends everything, or only looks what would be sent; raises StreamMonitorError with the count."""
        producer = None if is_dry else self._connections.producer("redrive")
        reader = self._connections.ranges()
        try:
            if producer is not None:
                producer.init_transactions()
            for batch in _batches(self._originals(reader, progress)):
                if producer is not None:
                    self._send(producer, batch)
                self.found.redriven += len(batch)
        finally:
            reader.close()
            if producer is not None:
                producer.close()
        return self.found

    def _send(self, producer: Producer, batch: list[Outgoing]) -> None:
        try:
            producer.begin()
            for record in batch:
                producer.produce(record)
            producer.commit()
        except StreamMonitorError as error:
            raise StreamMonitorError(
                f"{error}; {self.found.redriven} records had been sent again before"
            ) from error

    def _originals(self, reader: RangeReader, progress: Progress | None) -> Iterator[Outgoing]:
        done, total = 0, self.letters
        for source, letters in sorted(self._letters.items()):
            for offsets in _runs(sorted(letters)):
                held = {offset: letters[offset] for offset in offsets}
                yield from self._run(reader, source, held)
                done += len(offsets)
                if progress is not None:
                    progress(done, total)

    def _run(
        self, reader: RangeReader, source: TopicPartition, letters: dict[int, DeadLetter]
    ) -> Iterator[Outgoing]:
        left = dict(letters)
        for fetched in reader.read({source: (min(letters), max(letters) + 1)}):
            records = fetched.records
            rows = zip(
                records.offset.tolist(), records.key, records.value, fetched.headers, strict=True
            )
            for offset, key, value, headers in rows:
                letter = left.get(offset)
                if letter is None or not letter.is_of(value):
                    continue
                del left[offset]
                if not self._again and any(name == HEADER for name, _ in headers):
                    self.found.skipped_redriven += 1
                else:
                    kept = tuple(pair for pair in headers if pair[0] != HEADER)
                    yield _outgoing(letter, key, value, kept)
        for letter in left.values():
            if letter.whole_value is None:
                self.found.gone += 1
            else:
                yield _outgoing(letter, letter.key, letter.whole_value, ())


def _outgoing(
    letter: DeadLetter, key: bytes | None, value: bytes | None,
    headers: tuple[tuple[str, bytes], ...],
) -> Outgoing:  # fmt: skip
    topic, partition = letter.source
    mark = (HEADER, f"{topic}/{partition}/{letter.offset}".encode())
    return Outgoing(topic, key, value, None, (*headers, mark))


def _runs(offsets: list[int]) -> Iterator[list[int]]:
    """Rising offsets in runs without a large gap."""
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > _GAP:
            yield run
            run = []
        run.append(offset)
    if run:
        yield run


def _batches(records: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    batch: list[Outgoing] = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
