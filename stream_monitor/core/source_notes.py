"""What the next owner of a source partition must know besides the offset; committed beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import orjson

_MOST_POINTS: Final = 16


@dataclass(frozen=True, slots=True)
class SourceNote:
    """How far event time and expiry have come in one source partition, as of the committed offset.

    `begin` is the first offset that the join still needs: the group began there, or everything before it
    has expired. `newest_us` is the newest event time that was read, `expired_us` the watermark up to which
    the join has been cleared. `points` are (offset, newest event time before it), rising: when the time
    has expired, `begin` moves there. `topic_id` is that of the topic that was read, "" if not told.
    """

    begin: int
    newest_us: int | None = None
    expired_us: int | None = None
    points: tuple[tuple[int, int], ...] = ()
    topic_id: str = ""

    def is_of(self, topic_id: str) -> bool:
        """Whether it can be about this topic: False for one that was made anew since."""
        return not (self.topic_id and topic_id) or self.topic_id == topic_id

    def advanced(self, offset: int, newest_us: int | None, every_us: int) -> SourceNote:
        """The note at a later offset; a point is added when event time has moved by `every_us`."""
        if newest_us is None or (self.newest_us is not None and newest_us <= self.newest_us):
            return self
        last_us = self.points[-1][1] if self.points else self.newest_us
        points = self.points
        if last_us is None or newest_us - last_us >= every_us:
            points = (*points, (offset, newest_us))
            if len(points) > _MOST_POINTS:
                points = points[1::2]
        return replace(self, newest_us=newest_us, points=points)

    def expired(self, watermark_us: int, kept_from_us: int) -> SourceNote:
        """The note after the join was cleared: records of event time before `kept_from_us` are gone."""
        gone = [offset for offset, newest_us in self.points if newest_us < kept_from_us]
        return replace(
            self,
            begin=gone[-1] if gone else self.begin,
            expired_us=watermark_us,
            points=self.points[len(gone) :],
        )

    def encode(self) -> str:
        """The note as text, well below the 4,096 bytes that brokers keep."""
        points = [list(point) for point in self.points]
        fields = [self.begin, self.newest_us, self.expired_us, points, self.topic_id]
        return orjson.dumps(fields).decode()


def decode_note(text: str, offset: int) -> SourceNote | None:
    """The note of a commit; None where none was written, or by something else."""
    try:
        begin, newest_us, expired_us, points, topic_id = orjson.loads(text)
        note = SourceNote(
            int(begin),
            None if newest_us is None else int(newest_us),
            None if expired_us is None else int(expired_us),
            tuple((int(at), int(time_us)) for at, time_us in points),
            str(topic_id),
        )
    except (orjson.JSONDecodeError, TypeError, ValueError):
        return None
    return note if 0 <= note.begin <= offset else None
