"""One partition's file: locked, attached to the shared instance, wiped when it cannot be read."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

import duckdb

from stream_monitor.connectors.pending_store import schema
from stream_monitor.connectors.pending_store.partition import Partition
from stream_monitor.core.errors import StreamMonitorError

_UNREADABLE: Final = (duckdb.Error, UnicodeDecodeError)


class PartitionFile:
    """An open file and the partition in it."""

    def __init__(self, path: Path, instance: duckdb.DuckDBPyConnection, identity: str) -> None:
        self._path = path
        self._instance = instance
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._lock = _locked(path)
        try:
            self.partition = self._stored(identity) or self._created(identity)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Forgets what was not committed and lets go of the file."""
        try:
            self._detach()
        finally:
            os.close(self._lock)

    def failed(self, error: duckdb.Error) -> StreamMonitorError:
        """The error to raise when a statement failed."""
        return StreamMonitorError(
            f"the store {self._path} failed ({error}): give it disk and memory, or delete it"
        )

    def _stored(self, identity: str) -> Partition | None:
        """The partition in the file; None if it has another identity or cannot be read."""
        try:
            cursor = self._attach()
            found = schema.run(cursor, "SELECT identity FROM identity")
            if found != [(identity,)]:
                return None
            schema.run(cursor, schema.DAMAGE)
            return Partition(cursor)
        except duckdb.OutOfMemoryException as error:
            raise self.failed(error) from error
        except _UNREADABLE:
            return None

    def _created(self, identity: str) -> Partition:
        self._detach()
        wipe(self._path)
        try:
            cursor = self._attach()
            schema.run(cursor, "INSERT INTO identity VALUES (?)", identity)
            return Partition(cursor)
        except duckdb.Error as error:
            raise self.failed(error) from error

    def _attach(self) -> duckdb.DuckDBPyConnection:
        path = str(self._path).replace("'", "''")
        cursor = self._cursor = self._instance.cursor()
        schema.run(cursor, f"ATTACH '{path}' AS \"{self._path.stem}\"")
        schema.run(cursor, f'USE "{self._path.stem}"')
        schema.run(cursor, schema.TABLES)
        return cursor

    def _detach(self) -> None:
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None
        schema.run(self._instance, f'DETACH DATABASE IF EXISTS "{self._path.stem}"')


def wipe(path: Path) -> None:
    """Deletes a file that is not attached, and its log."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def _locked(path: Path) -> int:
    """A descriptor that holds the lock beside the file; closing it lets go."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StreamMonitorError(
            f"the store {path} is in use: give each process its own instance name and directory"
        ) from error
    return descriptor
