"""The tables of a run's database: their columns, the checksum of each row, and older formats."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32, decompress

from neatfool.run.statistics import CONFIDENCE_THRESHOLDS, GenerationReport, Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

AT_LEAST: Final = [f"ge_{100 * t:g}".replace(".", "") for t in CONFIDENCE_THRESHOLDS]
"""The columns that count the classes at or above each threshold."""
_SQL_TYPES: Final = {"int": "INTEGER", "float": "REAL"}


def _statistics() -> list[str]:
    """Declare the columns of table ``generation``: the fields of a report and its stages."""
    declared = ["number INTEGER PRIMARY KEY"]
    for each in (*fields(GenerationReport), *fields(Stages)):
        if each.name == "classes_ge":
            declared += [f"{name} INTEGER NOT NULL DEFAULT 0" for name in AT_LEAST]
        elif each.name not in {"generation", "stages"}:
            declared.append(f"{each.name} {_SQL_TYPES[str(each.type)]} NOT NULL DEFAULT 0")
    return declared


SCHEMA: Final = f"""
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER) WITHOUT ROWID;
CREATE TABLE class (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, searched INTEGER NOT NULL, checksum INTEGER);
CREATE TABLE candidate (
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, nodes INTEGER NOT NULL,
    connections INTEGER NOT NULL, member INTEGER NOT NULL, genome BLOB NOT NULL, checksum INTEGER);
CREATE INDEX member ON candidate (id) WHERE member;
CREATE TABLE parent (
    candidate INTEGER NOT NULL, position INTEGER NOT NULL, parent INTEGER NOT NULL,
    checksum INTEGER, PRIMARY KEY (candidate, position)) WITHOUT ROWID;
CREATE INDEX child ON parent (parent);
CREATE TABLE elite (
    class INTEGER PRIMARY KEY, candidate INTEGER NOT NULL, confidence REAL NOT NULL,
    rank REAL NOT NULL, checksum INTEGER);
CREATE INDEX niche ON elite (candidate);
CREATE TABLE image (
    candidate INTEGER PRIMARY KEY, png BLOB NOT NULL, top TEXT, checksum INTEGER);
CREATE TABLE replacement (
    number INTEGER PRIMARY KEY, generation INTEGER NOT NULL, class INTEGER NOT NULL,
    candidate INTEGER NOT NULL, previous INTEGER, confidence REAL NOT NULL, rank REAL NOT NULL,
    goal_switch INTEGER NOT NULL, checksum INTEGER);
CREATE INDEX won ON replacement (candidate);
CREATE TABLE generation ({", ".join(_statistics())}, checksum INTEGER);
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 0), value TEXT NOT NULL, checksum INTEGER);
"""

LEDGER_SCHEMA: Final = """
CREATE TABLE request (
    number INTEGER PRIMARY KEY, images INTEGER NOT NULL, outcome TEXT, checksum INTEGER);
CREATE TABLE answer (
    image BLOB PRIMARY KEY, scores BLOB NOT NULL, checksum INTEGER);
"""
"""The requests to a target that costs something, and its answers; see the ledger."""

TABLES: Final = (
    "info", "class", "candidate", "parent", "elite", "image", "replacement", "generation", "state",
    "request", "answer",
)  # fmt: skip

HOW_IT_WAS_RUN: Final = {
    "generation": tuple(stage.name for stage in fields(Stages)),
    "info": ("clock", "experiment", "scoring", "text"),
    "request": ("number", "images", "outcome"),
}
"""Columns of a table, or keys of ``info``, that may differ between equal runs. (The key
``identity`` has the part of the experiment that the result depends on.)"""


def unpack(genome: str | bytes) -> str:
    """Give the text of a stored genome, which up to format 6 is stored as it is."""
    return decompress(genome).decode() if isinstance(genome, bytes) else genome


UNSEALED: Final = {"checksum", "member"}
"""Columns that a row's checksum leaves out: ``member`` changes, and an index repeats it."""


@cache
def columns(table: str) -> dict[str, str]:
    """Give the columns of a table in their order, each with its declaration."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA + LEDGER_SCHEMA)
        rows = db.execute(f"PRAGMA table_info({table})").fetchall()
    return {
        name: f"{kind} NOT NULL DEFAULT {default}" if default else kind
        for _, name, kind, _, default, _ in rows
    }


def checksum(*values: Any) -> int:
    """Sum up a row: CRC-32 of its values as text, in which different types differ.

    A whole number counts the same as integer or floating point, as SQLite may give either. Unlike
    ``repr``, ``ascii`` is the same in every version of Python.
    """
    return crc32(ascii([_canonical(value) for value in values]).encode())


def _canonical(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return (len(value), crc32(value)) if isinstance(value, bytes) else value


def seal(
    table: str, values: Mapping[str, str] | None = None, *, there: Iterable[str] | None = None
) -> str:
    """Give the SQL that sums up a row.

    Args:
        table: Its table.
        values: SQL in place of the values of some columns.
        there: The columns that the database has; all if absent.
    """
    values = values or {}
    names = sorted({*(columns(table) if there is None else there)} - UNSEALED)
    return f"checksum({', '.join(values.get(name, name) for name in names)})"


def sound(table: str, there: Iterable[str] | None = None) -> str:
    """Give the SQL condition that a row matches its checksum."""
    return f"(checksum IS {seal(table, there=there)})"


def write(
    db: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]], verb: str = "INSERT"
) -> None:
    """Write whole rows, each with its checksum.

    Args:
        db: A connection that has the function ``checksum``.
        table: The table.
        rows: The values of its columns, in their order, less the checksum.
        verb: ``INSERT``, ``INSERT OR IGNORE`` or ``REPLACE``.
    """
    names = [name for name in columns(table) if name != "checksum"]
    values = {name: f"?{place}" for place, name in enumerate(names, 1)}
    db.executemany(
        f"{verb} INTO {table} ({', '.join(names)}, checksum) "
        f"VALUES ({', '.join(values.values())}, {seal(table, values)})",
        rows,
    )


def add_columns(db: sqlite3.Connection) -> None:
    """Add the columns that an older database lacks: checksums, statistics with value 0.

    A damaged row keeps a checksum that it does not match.
    """
    for table in TABLES:
        there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        missing = [name for name in columns(table) if name not in there]
        for name in missing:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns(table)[name]}")
        if missing:
            whole = sound(table, there) if "checksum" in there else "1"
            db.execute(f"UPDATE {table} SET checksum = {seal(table)} WHERE {whole}")  # noqa: S608


FORMAT: Final = 7
MIGRATIONS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = {
    3: add_columns,
    4: add_columns,
    5: add_columns,
    6: add_columns,
}
"""For each older format, the step to the next one."""
