"""The tables of a run's database, and their columns."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import fields
from functools import cache
from typing import Any, Final, NamedTuple

from neatfool.run.statistics import CONFIDENCE_THRESHOLDS, GenerationReport, Stages

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
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE class (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, searched INTEGER NOT NULL);
CREATE TABLE candidate (
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, nodes INTEGER NOT NULL,
    connections INTEGER NOT NULL, member INTEGER NOT NULL, genome BLOB NOT NULL);
CREATE INDEX member ON candidate (id) WHERE member;
CREATE TABLE parent (
    candidate INTEGER NOT NULL, position INTEGER NOT NULL, parent INTEGER NOT NULL,
    PRIMARY KEY (candidate, position)) WITHOUT ROWID;
CREATE INDEX child ON parent (parent);
CREATE TABLE elite (
    class INTEGER PRIMARY KEY, candidate INTEGER NOT NULL, confidence REAL NOT NULL,
    rank REAL NOT NULL);
CREATE INDEX niche ON elite (candidate);
CREATE TABLE image (
    candidate INTEGER PRIMARY KEY, png BLOB NOT NULL, top TEXT);
CREATE TABLE replacement (
    number INTEGER PRIMARY KEY, generation INTEGER NOT NULL, class INTEGER NOT NULL,
    candidate INTEGER NOT NULL, previous INTEGER, confidence REAL NOT NULL, rank REAL NOT NULL,
    goal_switch INTEGER NOT NULL);
CREATE INDEX won ON replacement (candidate);
CREATE TABLE generation ({", ".join(_statistics())});
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 0), value TEXT NOT NULL);
CREATE TABLE seal (part TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE request (
    number INTEGER PRIMARY KEY, images INTEGER NOT NULL, outcome TEXT);
CREATE TABLE answer (
    image BLOB PRIMARY KEY, scores BLOB NOT NULL);
"""
"""Table ``seal`` has the digest of each other table, and the seal over all of them; see
:mod:`.integrity`. Tables ``request`` and ``answer`` are the ledger's."""

FORMAT: Final = 8
LARGEST_COUNT: Final = 2**53
"""Whole numbers in tables are smaller, so that they are exact as floats, too."""
LONGEST_GENOME: Final = 2**26
"""A genome's text has at most this many bytes: ten times those of the largest direct encoding."""

TABLES: Final[tuple[str, ...]] = tuple(
    name for name in re.findall(r"TABLE (\w+)", SCHEMA) if name != "seal"
)


class Column(NamedTuple):
    """The values that a column takes: their type, and whether there need be none."""

    type: type[int | float | str | bytes]
    optional: bool

    def takes(self, value: object) -> bool:
        """Say whether a value is one that neatfool writes there."""
        if isinstance(value, float) and not math.isfinite(value):
            return False
        if isinstance(value, int) and abs(value) >= LARGEST_COUNT:
            return False
        return isinstance(value, self.type) or (value is None and self.optional)


_TYPES: Final = {"INTEGER": int, "REAL": float, "TEXT": str, "BLOB": bytes}


@cache
def columns(table: str) -> dict[str, Column]:
    """Give the columns of a table, in their order."""
    with closing(empty()) as db:
        rows = db.execute(f"PRAGMA table_info({table})").fetchall()
    return {
        name: Column(_TYPES[kind], optional=not (needed or key))
        for _, name, kind, needed, _, key in rows
    }


@cache
def description() -> frozenset[tuple[str, ...]]:
    """Give what SQLite keeps of the tables and indices of a run's database."""
    with closing(empty()) as db:
        return frozenset(db.execute(DESCRIPTION))


DESCRIPTION: Final = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'"
"""The SQL that reads it."""


def empty() -> sqlite3.Connection:
    """Make a run's database without rows, in memory."""
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    return db


def write(
    db: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]], verb: str = "INSERT"
) -> None:
    """Write whole rows; ``verb`` is ``INSERT``, ``INSERT OR IGNORE`` or ``REPLACE``."""
    values = ", ".join("?" * len(columns(table)))
    db.executemany(f"{verb} INTO {table} VALUES ({values})", rows)
