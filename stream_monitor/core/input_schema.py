"""The share of a model's records that cannot be read, in buckets of event time: broken, and back again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

BUCKET_S: Final = 300
MIN_RECORDS: Final = 100
MAX_DEAD_SHARE: Final = 0.05
SURELY_DEAD: Final = 1_000
"""So many dead records are told before their bucket is over: without readable events time stands still."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Records and dead letters of five minutes; `start_s` is None before any time was known."""

    start_s: int | None
    dead: int
    records: int

    @property
    def is_broken(self) -> bool:
        """Whether more than MAX_DEAD_SHARE of at least MIN_RECORDS are dead."""
        return self.records >= MIN_RECORDS and self.dead > MAX_DEAD_SHARE * self.records

    def is_over(self, watermark_s: int | None) -> bool:
        """Whether event time has passed it."""
        if watermark_s is None:
            return False
        return self.start_s is None or self.start_s + BUCKET_S <= watermark_s


@dataclass(frozen=True, slots=True)
class InputSchemaChange:
    """A model's records broke (`is_broken`), or can be read again; `bucket` showed it.

    `ordinal` numbers the model's incidents, `opened_s` is the start of the bucket that opened this one.
    """

    is_broken: bool
    ordinal: int
    opened_s: int | None
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class InputHealth:
    """One model's buckets that are not over, and its incidents so far; the last may be open."""

    buckets: tuple[Bucket, ...] = ()
    ordinal: int = 0
    is_open: bool = False
    opened_s: int | None = None

    def counted(self, time_s: int | None, dead: int, records: int) -> InputHealth:
        """With the counts of one commit; time never goes back."""
        start = None if time_s is None else time_s // BUCKET_S * BUCKET_S
        *before, last = self.buckets or (Bucket(start, 0, 0),)
        if start is not None and (last.start_s is None or start > last.start_s):
            before, last = [*before, last], Bucket(start, 0, 0)
        more = Bucket(last.start_s, last.dead + dead, last.records + records)
        return replace(self, buckets=(*before, more))

    def judged(self, watermark_s: int | None) -> tuple[InputHealth, list[InputSchemaChange]]:
        """Judges the buckets that are over and drops them; in order of time."""
        health, changes = self, list[InputSchemaChange]()
        for bucket in self.buckets:
            is_over = bucket.is_over(watermark_s)
            is_sure = is_over or bucket.dead >= SURELY_DEAD
            if not health.is_open and bucket.is_broken and is_sure:
                health = replace(
                    health, ordinal=health.ordinal + 1, is_open=True, opened_s=bucket.start_s
                )
                changes.append(InputSchemaChange(True, health.ordinal, health.opened_s, bucket))
            elif health.is_open and is_over and bucket.dead <= MAX_DEAD_SHARE * bucket.records:
                changes.append(InputSchemaChange(False, health.ordinal, health.opened_s, bucket))
                health = replace(health, is_open=False)
        left = tuple(bucket for bucket in self.buckets if not bucket.is_over(watermark_s))
        return replace(health, buckets=left), changes
