"""The tables of one partition's file, and the few statements that touch them."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
from duckdb import DuckDBPyConnection

FORMAT: Final = "1"
"""Part of the identity that a file carries: a store of another format is wiped."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS identity (identity VARCHAR);
CREATE TABLE IF NOT EXISTS offsets (topic VARCHAR, next_offset BIGINT);
CREATE TABLE IF NOT EXISTS contexts (
    context INTEGER, model VARCHAR, version VARCHAR, profile_id VARCHAR, segments VARCHAR[],
    predicted_label VARCHAR
);
CREATE TABLE IF NOT EXISTS predictions (
    seq BIGINT, hash UBIGINT, "check" UINTEGER, context INTEGER, timestamp_us BIGINT,
    score DOUBLE, predicted_value DOUBLE
);
CREATE TABLE IF NOT EXISTS labels (
    seq BIGINT, hash UBIGINT, "check" UINTEGER, prediction_id VARCHAR, outcome VARCHAR,
    label VARCHAR, timestamp_us BIGINT, expires_us BIGINT, is_waiting BOOLEAN
);
"""
"""A waiting label expires by its own time, an applied one with its prediction."""

DAMAGE: Final = """
SELECT (SELECT bit_xor(hash(o)) FROM offsets o), (SELECT bit_xor(hash(c)) FROM contexts c),
    (SELECT bit_xor(hash(p)) FROM predictions p), (SELECT bit_xor(hash(l)) FROM labels l)
"""
"""Reads every block, so that damage shows on opening."""

PREDICTION_IDS: Final = 'SELECT seq, hash, "check" FROM predictions'
LABEL_IDS: Final = 'SELECT min(seq) AS seq, hash, "check" FROM labels GROUP BY hash, "check"'
NEXT_SEQUENCE: Final = """
SELECT greatest((SELECT coalesce(max(seq), 0) FROM predictions),
                (SELECT coalesce(max(seq), 0) FROM labels)) + 1
"""

PREDICTIONS_AT: Final = """
SELECT p.seq, p.context, p.timestamp_us, p.score, p.predicted_value
FROM predictions p JOIN given g ON p.seq = g.seq WHERE p.seq BETWEEN ? AND ? ORDER BY p.seq
"""
LABELS_OF: Final = """
SELECT g.prediction, l.seq, l.hash, l."check", l.outcome, l.label, l.timestamp_us, l.is_waiting
FROM labels l JOIN given g ON l.hash = g.hash AND l."check" = g."check"
WHERE l.seq >= ? ORDER BY l.is_waiting, l.seq
"""
CONTEXTS_AT: Final = "SELECT c.* FROM contexts c JOIN given g ON c.context = g.context ORDER BY 1"
DELETE_LABELS: Final = """
DELETE FROM labels WHERE seq BETWEEN ? AND ? AND seq IN (SELECT seq FROM given)
"""
EXPIRED_PREDICTIONS: Final = (
    'DELETE FROM predictions WHERE timestamp_us < ? RETURNING hash, "check"'
)
EXPIRED_LABELS: Final = """
DELETE FROM labels WHERE expires_us < ?
RETURNING hash, "check", prediction_id, outcome, label, timestamp_us, is_waiting, seq
"""
LABEL_IDS_LEFT: Final = """
SELECT min(l.seq) AS seq, l.hash, l."check" FROM labels l
SEMI JOIN given g ON l.hash = g.hash AND l."check" = g."check" GROUP BY l.hash, l."check"
"""


def insert(cursor: DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Appends rows whose columns are named as the table's."""
    execute(cursor, f"INSERT INTO {name} BY NAME SELECT * FROM given", rows)


def execute(
    cursor: DuckDBPyConnection, statement: str, given: pa.Table, *parameters: object
) -> None:
    """Runs a statement that reads the rows `given`."""
    cursor.register("given", given)
    try:
        run(cursor, statement, *parameters)
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


def run(cursor: DuckDBPyConnection, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Runs a statement to its end, which the cursor's next statement needs; returns its rows."""
    return cursor.execute(statement, parameters).fetchall()
