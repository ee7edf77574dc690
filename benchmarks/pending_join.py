"""The pending store at size: appending with the duplicate check, and labels that meet their predictions."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.results import PENDING_JOIN, Row, keep, median_row, repeated, show
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.connectors.pending_store.columns import LABELS, PREDICTIONS
from stream_monitor.core.records import TopicPartition

ROWS: Final = (1_000_000, 10_000_000, 50_000_000)
BATCH: Final = 25_000
APPENDED: Final = 4 * BATCH
LABELLED: Final = 100_000
EXPIRED: Final = 10_000
REPEATS: Final = 3
START_US: Final = 1_735_689_600_000_000
_STEP_US: Final = 100
_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US
_AIRPORTS: Final = 50
_NAME: Final = "pending join"


def run(sizes: Sequence[int]) -> list[Row]:
    """All rows; the alternative is measured at the first, smallest size."""
    rows: list[Row] = []
    for size in sizes:
        # In a process of its own: what was freed before would be counted as its memory.
        alone = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        with tempfile.TemporaryDirectory() as name, alone as pool:
            rows += pool.submit(_ours, Path(name) / "ours", size).result()
    with tempfile.TemporaryDirectory() as name:
        theirs = _Sqlite(Path(name) / "theirs.db", sizes[0])
        rows += _measured("SQLite", theirs, sizes[0])
        theirs.close()
    return rows


def _ours(path: Path, rows: int) -> list[Row]:
    free = _resident_bytes()
    store = _Ours(path, rows)
    found = _measured("DuckDB", store, rows)
    at = f"DuckDB, {rows / 1e6:g} M stored"
    held = _resident_bytes() - free
    nothing = repeated(lambda: store.expire(START_US), 100, time.process_time)
    bounds = iter(range(1, REPEATS + 1))
    some = [
        seconds * 1e3
        for seconds in repeated(
            lambda: store.expire(START_US + next(bounds) * EXPIRED * _STEP_US),
            REPEATS,
            time.process_time,
        )
    ]
    store.close()
    began = time.perf_counter()
    store.open()
    reopened = time.perf_counter() - began
    store.close()
    return [
        *found,
        Row(_NAME, f"{at}: memory", held / 1e6, "MB", note="resident, DuckDB limited to 1 GB"),
        Row(_NAME, f"{at}: reopened", reopened, "s", note="every block checked, index built, wall"),
        median_row(_NAME, f"{at}: nothing to expire", [s * 1e6 for s in nothing], "µs"),
        median_row(
            _NAME, f"{at}: {EXPIRED:,} expired", some, "ms", "with their labels, and commit"
        ),
    ]


def _measured(who: str, store: _Ours | _Sqlite, rows: int) -> list[Row]:
    filled = _size(store.path)
    at = f"{who}, {rows / 1e6:g} M stored"
    starts = iter(range(rows, rows + REPEATS * APPENDED, APPENDED))
    appended = [_appending(store, next(starts)) for _ in range(REPEATS)]
    repeats = [_appending(store, 0) for _ in range(REPEATS)]
    every = rows // LABELLED
    joins = {
        "spread": [np.arange(LABELLED) * every + turn for turn in range(REPEATS)],
        "recent": [rows + turn * LABELLED + np.arange(LABELLED) for turn in range(REPEATS)],
    }
    joined = []
    for place, turns in joins.items():
        cpus, walls = [], []
        for numbers in turns:
            cpu, wall = _joining(store, store.labels(numbers), who)
            cpus.append(cpu)
            walls.append(wall)
        case = f"{at}: {LABELLED:,} labels, {place}"
        joined.append(median_row(_NAME, case, cpus, "ms", "join and commit"))
        joined.append(median_row(_NAME, f"{case}, wall", walls, "ms"))
    return [
        median_row(_NAME, f"{at}: append", appended, "µs/row", "duplicate check and commit"),
        median_row(_NAME, f"{at}: duplicates", repeats, "µs/row", "every row known already"),
        *joined,
        Row(_NAME, f"{at}: disk", filled / rows, "bytes/row"),
    ]


def _joining(store: _Ours | _Sqlite, labels: Any, who: str) -> tuple[float, float]:
    """Milliseconds of processor time and of wall time; each label must find its prediction."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = store.join(labels)
    taken = (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3
    if found != LABELLED:
        raise RuntimeError(f"{who} paired {found} of {LABELLED} labels")
    return taken


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
        self.open()
        self._offset = 0
        for first in range(0, rows, BATCH):
            self.append(self.batch(first))

    def open(self) -> None:
        """Reads the file."""
        self._store.open(0, "bench")

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
                "timestamp_us": START_US + _HOUR_US + numbers * _STEP_US,
                "offset": np.arange(n),
            }
        )

    def join(self, labels: pa.Table) -> int:
        """A batch of labels; returns how many found their predictions."""
        return self._finish(PREDICTIONS.empty_table(), labels)

    def expire(self, before_us: int) -> None:
        """Drops what is older, and commits if that is anything."""
        self._store.expire(0, {"m": before_us}, before_us)
        if before_us > START_US:
            self._store.commit({TopicPartition("inference", 0): self._offset})

    def _finish(self, predictions: pa.Table, labels: pa.Table) -> int:
        joined = self._store.join(0, predictions, labels, {("m", "label"): _DAY_US})
        self._offset += len(predictions)
        self._store.commit({TopicPartition("inference", 0): self._offset})
        return len(joined.pairs)

    def close(self) -> None:
        """Lets go of the file."""
        self._store.close([0])


def _predictions(first: int) -> pa.Table:
    numbers = np.arange(first, first + BATCH)
    jitter = np.random.default_rng(first).integers(0, 1_000_000, BATCH)
    airports = pa.array([f"A{i}" for i in range(_AIRPORTS)]).take(pa.array(numbers % _AIRPORTS))
    return pa.table(
        {
            "prediction_id": _ids(numbers),
            "model": pa.repeat("m", BATCH),
            "version": pa.repeat("1", BATCH),
            "profile_id": pa.repeat("p", BATCH),
            "timestamp_us": START_US + numbers * _STEP_US + jitter,
            "segments": pa.ListArray.from_arrays(
                pa.array(np.arange(BATCH + 1, dtype=np.int32)), airports
            ),
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


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pending_join", description=__doc__)
    parser.add_argument(
        "--small", action="store_true", help="1 million predictions only; writes no page"
    )
    is_small = parser.parse_args().small
    found = run(ROWS[:1] if is_small else ROWS)
    show(found)
    if not is_small:
        keep(PENDING_JOIN, found)
