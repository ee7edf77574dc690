"""The tables of one partition's file, and the few statements that touch them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
from duckdb import DuckDBPyConnection

FORMAT: Final = "2"
"""Part of the identity that a file carries: a store of another format is wiped."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS identity (identity VARCHAR);
CREATE TABLE IF NOT EXISTS offsets (topic VARCHAR, next_offset BIGINT);
CREATE TABLE IF NOT EXISTS contexts (
    number INTEGER, model VARCHAR, version VARCHAR, profile_id VARCHAR, segments VARCHAR[],
    predicted_label VARCHAR
);
CREATE TABLE IF NOT EXISTS answers (number INTEGER, outcome VARCHAR, label VARCHAR);
CREATE TABLE IF NOT EXISTS predictions (
    seq BIGINT, hash UBIGINT USING COMPRESSION uncompressed, "check" UINTEGER, context INTEGER,
    timestamp_us BIGINT, score DOUBLE USING COMPRESSION uncompressed, predicted_value DOUBLE
);
CREATE TABLE IF NOT EXISTS applied (
    prediction BIGINT, answer INTEGER, label VARCHAR, timestamp_us BIGINT
);
CREATE TABLE IF NOT EXISTS waiting (
    seq BIGINT, hash UBIGINT, "check" UINTEGER, prediction_id VARCHAR, outcome VARCHAR,
    label VARCHAR, timestamp_us BIGINT, "offset" BIGINT
);
"""
"""Labels that count are `applied`, one per prediction (its seq) and outcome; the others wait.

Hashes do not compress, and a join picks single scores: uncompressed ones are picked without decoding
their neighbours. An applied label is that of its answer, unless the row spells it out.
"""

DAMAGE: Final = """
SELECT (SELECT bit_xor(hash(o)) FROM offsets o), (SELECT bit_xor(hash(c)) FROM contexts c),
    (SELECT bit_xor(hash(a)) FROM answers a), (SELECT bit_xor(hash(p)) FROM predictions p),
    (SELECT bit_xor(hash(l)) FROM applied l), (SELECT bit_xor(hash(w)) FROM waiting w)
"""
"""Reads every block, so that damage shows on opening."""

HELD: Final = "SELECT count(*) FROM predictions"
PREDICTION_IDS: Final = 'SELECT seq, hash, "check" FROM predictions'
APPLIED_TO: Final = "SELECT prediction FROM applied ORDER BY prediction"
WAITING_IDS: Final = 'SELECT min(seq) AS seq, hash, "check" FROM waiting GROUP BY hash, "check"'
NEXT_SEQUENCE: Final = """
SELECT greatest((SELECT coalesce(max(seq), 0) FROM predictions),
                (SELECT coalesce(max(seq), 0) FROM waiting)) + 1
"""
CONTEXTS_IN_USE: Final = """
SELECT context AS number, min(timestamp_us) AS oldest_us FROM predictions GROUP BY context
"""
ANSWERS_IN_USE: Final = "SELECT DISTINCT answer AS number FROM applied"
OLDEST_BY_MODEL: Final = """
SELECT c.model, min(g.oldest_us) FROM given g JOIN contexts c ON c.number = g.number GROUP BY c.model
"""
OLDEST_WAITING: Final = "SELECT min(timestamp_us) FROM waiting"

PREDICTIONS_AT: Final = """
SELECT p.seq, p.context, p.timestamp_us, p.score, p.predicted_value
FROM predictions p JOIN given g ON p.seq = g.seq WHERE p.seq BETWEEN ? AND ?
"""
DELETE_PREDICTIONS: Final = """
DELETE FROM predictions WHERE seq BETWEEN ? AND ? AND seq IN (SELECT seq FROM given)
"""
EXPIRING_PREDICTIONS: Final = """
SELECT count(*), min(seq), max(seq) FROM predictions
WHERE timestamp_us < ? AND context IN (SELECT number FROM contexts WHERE model = ?)
"""
EXPIRED_PREDICTIONS: Final = """
DELETE FROM predictions
WHERE timestamp_us < ? AND context IN (SELECT number FROM contexts WHERE model = ?)
    AND seq BETWEEN ? AND ?
RETURNING seq, hash, "check"
"""

APPLIED_LABELS: Final = """
SELECT l.prediction, l.rowid AS place, a.outcome, coalesce(l.label, a.label) AS label, l.timestamp_us
FROM applied l JOIN given g ON l.prediction = g.prediction JOIN answers a ON a.number = l.answer
WHERE l.prediction BETWEEN ? AND ?
"""
WAITING_LABELS: Final = """
SELECT g.prediction, w.seq AS place, w.outcome, w.label, w.timestamp_us
FROM waiting w JOIN given g ON w.hash = g.hash AND w."check" = g."check"
WHERE w.seq >= ? ORDER BY w.seq
"""
DELETE_APPLIED: Final = "DELETE FROM applied WHERE rowid IN (SELECT place FROM given)"
DELETE_APPLIED_TO: Final = """
DELETE FROM applied WHERE prediction BETWEEN ? AND ? AND prediction IN (SELECT seq FROM given)
"""
DELETE_WAITING: Final = """
DELETE FROM waiting WHERE seq BETWEEN ? AND ? AND seq IN (SELECT seq FROM given)
"""
DELETE_WAITING_FOR: Final = """
DELETE FROM waiting w USING given g WHERE w.hash = g.hash AND w."check" = g."check"
"""
EXPIRING_WAITING: Final = "SELECT count(*), min(seq), max(seq) FROM waiting WHERE timestamp_us < ?"
EXPIRED_WAITING: Final = """
DELETE FROM waiting WHERE timestamp_us < ? AND seq BETWEEN ? AND ?
RETURNING seq, hash, "check", prediction_id, outcome, label, timestamp_us, "offset"
"""
WAITING_IDS_LEFT: Final = """
SELECT min(w.seq) AS seq, w.hash, w."check" FROM waiting w
SEMI JOIN given g ON w.hash = g.hash AND w."check" = g."check" GROUP BY w.hash, w."check"
"""


_PIECE: Final = 250_000


def dropped(
    cursor: DuckDBPyConnection, extent: str, statement: str, *parameters: object
) -> Iterator[pa.Table]:
    """Runs a DELETE over ranges of seq, so that many rows fit in little memory; what each returns.

    `extent` tells how many rows there are, and the lowest and highest seq.
    """
    [[rows, lowest, highest]] = run(cursor, extent, *parameters)
    if rows == 0:
        return
    step = _PIECE if rows > _PIECE else highest - lowest + 1
    for first in range(lowest, highest + 1, step):
        yield fetch(cursor, statement, *parameters, first, first + step - 1)


def insert(cursor: DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Appends rows whose columns are named as the table's."""
    execute(cursor, f"INSERT INTO {name} BY NAME SELECT * FROM given", rows)


def execute(
    cursor: DuckDBPyConnection, statement: str, given: pa.Table, *parameters: object
) -> list[tuple[Any, ...]]:
    """Runs a statement that reads the rows `given`."""
    cursor.register("given", given)
    try:
        return run(cursor, statement, *parameters)
    finally:
        cursor.unregister("given")


def query(
    cursor: DuckDBPyConnection, statement: str, given: pa.Table, *parameters: object
) -> pa.Table:
    """The rows of a query that reads the rows `given`."""
    cursor.register("given", given)
    try:
        return fetch(cursor, statement, *parameters)
    finally:
        cursor.unregister("given")


def fetch(cursor: DuckDBPyConnection, statement: str, *parameters: object) -> pa.Table:
    """The rows of a query."""
    return cursor.sql(statement, params=parameters).to_arrow_table()


def stream(cursor: DuckDBPyConnection, statement: str) -> pa.RecordBatchReader:
    """The rows of a query, not all in memory at once; read them before the next statement."""
    return cursor.sql(statement).to_arrow_reader()


def run(cursor: DuckDBPyConnection, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Runs a statement to its end, which the cursor's next statement needs; returns its rows."""
    return cursor.execute(statement, parameters).fetchall()
