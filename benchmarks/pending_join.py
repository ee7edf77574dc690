"""The pending store at size: appending with the duplicate check, and labels that meet their predictions."""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.results import Row, median_row, show
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.connectors.pending_store.columns import LABELS, PREDICTIONS
from stream_monitor.core.records import TopicPartition

ROWS: Final = 1_000_000
FULL_ROWS: Final = 10_000_000
BATCH: Final = 25_000
APPENDED: Final = 4 * BATCH
LABELLED: Final = 100_000
REPEATS: Final = 3
START_US: Final = 1_735_689_600_000_000
_DAY_US: Final = 86_400_000_000
_NAME: Final = "pending join"


def run(is_full: bool = False) -> list[Row]:
    """All rows."""
    rows = FULL_ROWS if is_full else ROWS
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = _Ours(Path(name) / "ours", rows), _Sqlite(Path(name) / "theirs.db", rows)
        return [*_measured("DuckDB", ours, rows), *_measured("SQLite", theirs, rows)]


def _measured(who: str, store: _Ours | _Sqlite, rows: int) -> list[Row]:
    filled = _size(store.path)
    at = f"{who}, {rows / 1e6:g} M stored"
    starts = iter(range(rows, rows + REPEATS * APPENDED, APPENDED))
    appended = [_appending(store, next(starts)) for _ in range(REPEATS)]
    repeats = [_appending(store, 0) for _ in range(REPEATS)]
    joined, walls = [], []
    for turn in range(REPEATS):
        # Labels are of predictions spread over the whole store, each labelled once.
        labels = store.labels(np.arange(LABELLED) * (rows // LABELLED) + turn)
        cpu, wall = time.process_time(), time.perf_counter()
        found = store.join(labels)
        joined.append((time.process_time() - cpu) * 1e3)
        walls.append((time.perf_counter() - wall) * 1e3)
        if found != LABELLED:
            raise RuntimeError(f"{who} paired {found} of {LABELLED} labels")
    store.close()
    return [
        median_row(_NAME, f"{at}: append", appended, "µs/row", "duplicate check and commit"),
        median_row(_NAME, f"{at}: duplicates", repeats, "µs/row", "every row known already"),
        median_row(_NAME, f"{at}: {LABELLED:,} labels", joined, "ms", "join and commit"),
        median_row(_NAME, f"{at}: the same, wall", walls, "ms"),
        Row(_NAME, f"{at}: disk", filled / rows, "bytes/row"),
    ]


def _appending(store: _Ours | _Sqlite, first: int) -> float:
    """Microseconds of processor time per row."""
    batches = [store.batch(start) for start in range(first, first + APPENDED, BATCH)]
    began = time.process_time()
    for batch in batches:
        store.append(batch)
    return (time.process_time() - began) / APPENDED * 1e6


def _ids(numbers: NDArray[np.int64]) -> list[str]:
    # As UUIDs are: of 36 characters, in no order.
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return [f"{m:016x}-0000-4000-{n:09x}" for m, n in zip(mixed.tolist(), numbers, strict=True)]


class _Ours:
    """The product's store of one partition."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path = path
        self._store = DuckPendingStore(path, "1GB")
        self._store.open(0, "bench")
        self._offset = 0
        for first in range(0, rows, BATCH):
            self.append(self.batch(first))

    def batch(self, first: int) -> pa.Table:
        """Predictions as the profiler has them."""
        return _predictions(first)

    def append(self, batch: pa.Table) -> None:
        """One batch of predictions in one transaction."""
        self._finish(batch, LABELS.empty_table())

    def labels(self, numbers: NDArray[np.int64]) -> pa.Table:
        """Labels as the profiler has them."""
        n = len(numbers)
        return pa.table(
            {
                "prediction_id": _ids(numbers),
                "outcome": pa.repeat("label", n),
                "label": pa.repeat("yes", n),
                "timestamp_us": np.full(n, START_US + 1),
            }
        )

    def join(self, labels: pa.Table) -> int:
        """A batch of labels; returns how many found their predictions."""
        return self._finish(PREDICTIONS.empty_table(), labels)

    def _finish(self, predictions: pa.Table, labels: pa.Table) -> int:
        joined = self._store.join(0, predictions, labels, {("m", "label"): _DAY_US})
        self._offset += len(predictions)
        self._store.commit({TopicPartition("inference", 0): self._offset})
        return len(joined.pairs)

    def close(self) -> None:
        """Lets go of the file."""
        self._store.close([0])


def _predictions(first: int) -> pa.Table:
    return pa.table(
        {
            "prediction_id": _ids(np.arange(first, first + BATCH)),
            "model": pa.repeat("m", BATCH),
            "version": pa.repeat("1", BATCH),
            "profile_id": pa.repeat("p", BATCH),
            "timestamp_us": np.full(BATCH, START_US),
            "segments": pa.array([[]] * BATCH, pa.list_(pa.string())),
            "predicted_label": pa.repeat("yes", BATCH),
            "score": _scores(),
            "predicted_value": pa.nulls(BATCH, pa.float64()),
        }
    )


def _scores() -> NDArray[np.float64]:
    return np.random.default_rng(1).random(BATCH)


class _Sqlite:
    """The obvious alternative: a table with the id as its primary key."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path = path
        self._connection = sqlite3.connect(path)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-1000000;"
            "CREATE TABLE p (id TEXT PRIMARY KEY, time INTEGER, label TEXT, score REAL) WITHOUT ROWID;"
            "CREATE TABLE l (id TEXT PRIMARY KEY, label TEXT, time INTEGER) WITHOUT ROWID;"
        )
        for first in range(0, rows, BATCH):
            self.append(self.batch(first))
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def batch(self, first: int) -> list[Any]:
        """Predictions as sqlite3 takes them."""
        ids = _ids(np.arange(first, first + BATCH))
        return [(i, START_US, "yes", s) for i, s in zip(ids, _scores().tolist(), strict=True)]

    def append(self, batch: list[Any]) -> None:
        """One batch of predictions in one transaction."""
        self._connection.executemany("INSERT OR IGNORE INTO p VALUES (?, ?, ?, ?)", batch)
        self._connection.commit()

    def labels(self, numbers: NDArray[np.int64]) -> list[Any]:
        """Labels as sqlite3 takes them."""
        return [(i, "yes", START_US + 1) for i in _ids(numbers)]

    def join(self, rows: list[Any]) -> int:
        """A batch of labels; returns how many found their predictions."""
        self._connection.execute("CREATE TEMP TABLE given (id TEXT, label TEXT, time INTEGER)")
        self._connection.executemany("INSERT INTO given VALUES (?, ?, ?)", rows)
        found = self._connection.execute(
            "SELECT p.*, g.label, g.time FROM given g JOIN p USING (id) "
            "WHERE NOT EXISTS (SELECT 1 FROM l WHERE l.id = g.id)"
        ).fetchall()
        self._connection.execute("INSERT OR IGNORE INTO l SELECT * FROM given")
        self._connection.execute("DROP TABLE given")
        self._connection.commit()
        return len(found)

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else path.parent.glob(path.name + "*")
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="10 million predictions")
    show(run(parser.parse_args().full))
