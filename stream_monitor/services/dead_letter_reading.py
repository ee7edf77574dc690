"""Dead letters as values: where the record lies, why it was rejected, and what the letter shows of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from stream_monitor.core.columns import Reason
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.published import rfc3339
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.history import Progress, parse_time
from stream_monitor.services.operator_ports import Connections, Fetched

_MAYBE_CUT_BYTES = 1_024
"""A `truncated` payload of this length may be the beginning of a longer one."""


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters; None takes all. `since` is a date or RFC 3339, of the letter's own time."""

    reason: str | None = None
    since: str | None = None

    def __post_init__(self) -> None:
        if self.reason is not None and self.reason not in set(Reason):
            raise InvalidSpecification(
                f"{self.reason!r} is no reason: use one of {', '.join(sorted(Reason))}"
            )

    @property
    def since_ms(self) -> int:
        """The first time that is taken, in ms; 0 takes all."""
        return 0 if self.since is None else parse_time(self.since, "UTC") // 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One letter. `source` and `offset` name the rejected record, `shown` is the letter's value."""

    time_ms: int
    source: TopicPartition
    offset: int
    reason: str
    stage: str
    message: str
    key: bytes | None
    shown: bytes | None

    def is_of(self, value: bytes | None) -> bool:
        """Whether a record's value may be the rejected one: False where the hash says that it is not."""
        fingerprint = self._fingerprint()
        if fingerprint is None or value is None:
            return value is not None
        return fingerprint == (hashlib.blake2b(value, digest_size=16).hexdigest(), len(value))

    @property
    def whole_value(self) -> bytes | None:
        """The rejected value if the letter holds all of it (policy `full`, or a short one); else None."""
        if self.shown is None or self._fingerprint() is not None:
            return None
        return None if len(self.shown) == _MAYBE_CUT_BYTES else self.shown

    def as_row(self) -> dict[str, str | int]:
        """What is shown of it."""
        return {
            "time": rfc3339(self.time_ms // 1_000),
            "topic": self.source.topic,
            "partition": self.source.partition,
            "offset": self.offset,
            "reason": self.reason,
            "stage": self.stage,
            "message": self.message,
        }

    def _fingerprint(self) -> tuple[str, int] | None:
        """Hash and length, where the letter shows these."""
        try:
            body = orjson.loads(self.shown or b"")
        except orjson.JSONDecodeError:
            return None
        if not isinstance(body, dict) or body.keys() != {"hash", "length"}:
            return None
        return body["hash"], body["length"]


def read_letters(
    connections: Connections, topic: str, wanted: LetterFilter, progress: Progress | None = None
) -> Iterator[DeadLetter]:
    """The letters of a topic, partition by partition, each in the order of offsets."""
    extents = connections.administration().extents([topic])
    ranges = {at: (extent.beginning, extent.stable_end) for at, extent in extents.items()}
    total = sum(end - start for start, end in ranges.values())
    since_ms = wanted.since_ms
    reader = connections.ranges()
    done = 0
    try:
        for fetched in reader.read(ranges):
            done += len(fetched.records)
            if progress is not None:
                progress(done, total)
            for letter in _letters(fetched):
                if letter.time_ms >= since_ms and wanted.reason in (None, letter.reason):
                    yield letter
    finally:
        reader.close()


def newest_letters(
    connections: Connections, topic: str, wanted: LetterFilter, limit: int
) -> list[DeadLetter]:
    """The newest letters in the order of time."""
    newest: list[DeadLetter] = []
    for letter in read_letters(connections, topic, wanted):
        newest.append(letter)
        if len(newest) >= 2 * limit + 1_000:
            newest = sorted(newest, key=_time)[-limit:]
    return sorted(newest, key=_time)[-limit:]


def count_letters(
    connections: Connections, topic: str, wanted: LetterFilter, progress: Progress | None = None
) -> list[dict[str, str | int]]:
    """Per reason and source topic: how many, and the newest; most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    newest_ms: dict[tuple[str, str], int] = {}
    for letter in read_letters(connections, topic, wanted, progress):
        key = (letter.reason, letter.source.topic)
        counts[key] += 1
        newest_ms[key] = max(letter.time_ms, newest_ms.get(key, 0))
    return [
        {"reason": reason, "topic": source, "count": n,
         "newest": rfc3339(newest_ms[reason, source] // 1_000)}
        for (reason, source), n in counts.most_common()
    ]  # fmt: skip


def _letters(fetched: Fetched) -> Iterator[DeadLetter]:
    records = fetched.records
    rows = zip(
        records.timestamp_ms.tolist(), records.key, records.value, fetched.headers, strict=True
    )
    for time_ms, key, value, pairs in rows:
        headers = {name: text.decode("utf-8", "replace") for name, text in pairs}
        try:
            source = TopicPartition(headers["topic"], int(headers["partition"]))
            offset = int(headers["offset"])
        except (KeyError, ValueError):
            continue  # Not a dead letter of ours.
        yield DeadLetter(
            time_ms, source, offset, headers.get("reason", ""), headers.get("stage", ""),
            headers.get("message", ""), key, value,
        )  # fmt: skip


def _time(letter: DeadLetter) -> tuple[int, TopicPartition, int]:
    return letter.time_ms, letter.source, letter.offset
