"""The envelope of a record: id, model and time must be right, or the record is rejected with a reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream_monitor.core.columns import Reason, Rejected
from stream_monitor.core.decoding.query import JsonQueries, pointer


class Envelope:
    """Checks of one batch; the first failed check of a row is its reason."""

    def __init__(
        self, queries: JsonQueries, texts: pa.StringArray, record: pa.StructArray,
        timestamp_us: pa.ChunkedArray,
    ) -> None:  # fmt: skip
        self._queries = queries
        self._texts = texts
        self._record = record
        self._parsed_us = timestamp_us.combine_chunks()
        self.is_good = np.ones(len(texts), np.bool_)
        self.rejected: list[Rejected] = []

    def reject(self, rows: NDArray[np.bool_], reason: Reason, message: str) -> None:
        """Rejects the rows that are still good."""
        for row in np.flatnonzero(rows & self.is_good).tolist():
            self.rejected.append(Rejected(row, reason, message))
        self.is_good &= ~rows

    def reject_malformed(self, explain: Callable[[int], Rejected]) -> None:
        """Rejects texts that are not JSON objects."""
        if self._record.null_count:
            bad = np.asarray(self._record.is_null())
            for row in np.flatnonzero(bad).tolist():
                why = explain(row)
                self.rejected.append(Rejected(row, why.reason, why.message))
            self.is_good &= ~bad

    def require_text(self, name: str, column: pa.StringArray) -> pa.StringArray:
        """Rejects rows where a field is absent, empty, or an object or list; returns the column."""
        empty = np.asarray(pc.fill_null(pc.equal(column, ""), True))
        self._reject_by_type(name, empty, starts_like_nested(column))
        return column

    def require_scalar(self, name: str, column: pa.StringArray) -> pa.StringArray:
        """Rejects rows where a field is an object or list; it may be absent. Returns the column."""
        self._reject_by_type(name, np.zeros_like(self.is_good), starts_like_nested(column))
        return column

    def require_object(self, name: str, suspicious: NDArray[np.bool_] | None) -> None:
        """Rejects rows whose field is absent or not an object, looking only at the suspicious ones."""
        rows = np.flatnonzero(self.is_good if suspicious is None else suspicious & self.is_good)
        kinds = self._kinds(name, rows)
        absent, wrong = np.zeros_like(self.is_good), np.zeros_like(self.is_good)
        absent[rows] = [kind is None or kind == "NULL" for kind in kinds]
        wrong[rows] = [kind not in (None, "NULL", "OBJECT") for kind in kinds]
        self.reject(absent, Reason.MISSING_FIELD, f"{name} is missing")
        self.reject(wrong, Reason.WRONG_TYPE, f"{name} is not an object")

    def timestamps(
        self, record_ms: NDArray[np.int64], tolerance_ms: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Event times in µs (the record's own where none is given), and whether one was given.

        Rejects times that cannot be read, and those further than the tolerance ahead of the record's. A
        record without a time of its own (−1) must give one.
        """
        is_read = np.asarray(self._parsed_us.is_valid())
        parsed = np.asarray(pc.fill_null(self._parsed_us, 0), dtype=np.int64)
        doubtful = np.flatnonzero(~is_read & self.is_good)
        kinds = self._kinds("timestamp", doubtful)
        unreadable = np.zeros_like(self.is_good)
        unreadable[doubtful] = [kind is not None and kind != "NULL" for kind in kinds]
        unreadable |= is_read & (parsed < 0)
        self.reject(
            unreadable, Reason.WRONG_TYPE, "timestamp is neither RFC 3339 nor an epoch number"
        )
        times = np.where(is_read, parsed, record_ms * 1_000)
        untimed = record_ms < 0
        self.reject(untimed & ~is_read, Reason.MISSING_FIELD, "neither event nor record has a time")
        ahead = ~untimed & (times > (record_ms + tolerance_ms) * 1_000)
        self.reject(ahead, Reason.FUTURE_TIMESTAMP, "timestamp is ahead of the record's own time")
        return times, is_read

    def _reject_by_type(
        self, name: str, empty: NDArray[np.bool_], nested: NDArray[np.bool_]
    ) -> None:
        rows = np.flatnonzero((empty | nested) & self.is_good)
        if not len(rows):
            return
        top, kinds = self._queries.types(self._texts.take(pa.array(rows)), ["", pointer(name)])
        wrong, absent = np.zeros_like(self.is_good), np.zeros_like(self.is_good)
        wrong[rows] = [
            t != "OBJECT" or k in ("OBJECT", "ARRAY") for t, k in zip(top, kinds, strict=True)
        ]
        absent[rows] = empty[rows]
        self.reject(wrong, Reason.WRONG_TYPE, f"the record or its {name} has the wrong type")
        self.reject(absent, Reason.MISSING_FIELD, f"{name} is missing or empty")

    def _kinds(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.object_]:
        return self._queries.types(self._texts.take(pa.array(rows)), [pointer(name)])[0]


def starts_like_nested(column: pa.StringArray) -> NDArray[np.bool_]:
    """Texts that may be an object or list: their JSON type tells."""
    found = pc.or_(pc.starts_with(column, "{"), pc.starts_with(column, "["))
    return np.asarray(pc.fill_null(found, False))
