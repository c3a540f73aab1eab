"""The tables of a run's database, their columns, and the rows of a generation."""

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field, fields
from functools import cache
from typing import Any, Final, NamedTuple
from zlib import compress

from neatfool.run.statistics import CONFIDENCE_THRESHOLDS, GenerationReport, Stages
from neatfool.spec.archive import GenomeSize, Replacement

AT_LEAST: Final = [f"ge_{100 * t:g}".replace(".", "") for t in CONFIDENCE_THRESHOLDS]
"""The columns that count the classes at or above each threshold."""
_SQL_TYPES: Final = {"int": "INTEGER", "float": "REAL"}


def _statistics() -> list[str]:
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
    class INTEGER PRIMARY KEY, candidate INTEGER NOT NULL, score REAL NOT NULL,
    rank REAL NOT NULL);
CREATE INDEX niche ON elite (candidate);
CREATE TABLE image (
    candidate INTEGER PRIMARY KEY, png BLOB NOT NULL, top TEXT, measures TEXT);
CREATE TABLE replacement (
    number INTEGER PRIMARY KEY, generation INTEGER NOT NULL, class INTEGER NOT NULL,
    candidate INTEGER NOT NULL, previous INTEGER, score REAL NOT NULL, rank REAL NOT NULL,
    goal_switch INTEGER NOT NULL);
CREATE INDEX won ON replacement (candidate);
CREATE TABLE generation ({", ".join(_statistics())});
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 0), value TEXT NOT NULL);
CREATE TABLE seal (
    only INTEGER PRIMARY KEY CHECK (only = 0), digest BLOB NOT NULL, seal BLOB NOT NULL);
CREATE TABLE request (
    number INTEGER PRIMARY KEY, images INTEGER NOT NULL, outcome TEXT);
CREATE TABLE answer (
    image BLOB PRIMARY KEY, scores BLOB NOT NULL);
"""
"""Table ``seal`` has the digest of all other tables, and the seal; see :mod:`.sqlite`.
Tables ``request`` and ``answer`` are the ledger's."""

FORMAT: Final = 10
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
        if not isinstance(value, self.type):
            return value is None and self.optional
        if isinstance(value, float):
            return math.isfinite(value)
        return not isinstance(value, int) or abs(value) < LARGEST_COUNT


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


DESCRIPTION: Final = "SELECT type, name, sql FROM sqlite_schema"
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


_NEEDED: Final = (
    "SELECT 1 FROM candidate WHERE id = :id AND member "
    "UNION ALL SELECT 1 FROM parent WHERE parent = :id "
    "UNION ALL SELECT 1 FROM replacement WHERE candidate = :id LIMIT 1"
)
"""Has a row if a candidate may not be deleted."""


@dataclass(frozen=True)
class StoredCandidate:
    """A candidate whose genome is the text that the encoding wrote."""

    id: int
    generation: int
    parents: tuple[int, ...]
    genome: str
    size: GenomeSize


@dataclass(frozen=True)
class StoredElite:
    """The holder of a class's niche."""

    class_index: int
    candidate: int
    score: float
    rank: float


@dataclass(frozen=True)
class GenerationRecord:
    """All that the database keeps of a generation."""

    report: GenerationReport
    replacements: Sequence[Replacement]
    candidates: Sequence[StoredCandidate]
    """Its new elites and members that are not stored yet."""
    images: Mapping[int, bytes]
    """The PNG of each new elite, by candidate id."""
    top: Mapping[int, Sequence[tuple[int, float]]] = field(default_factory=dict)
    """The classes that each of these images scores highest in, with the scores."""
    measures: Mapping[int, Sequence[float]] = field(default_factory=dict)
    """The measures of each of these images, if the target is an objective with a grid."""
    members: frozenset[int] = frozenset()
    """The ids of all candidates that the scheme's state refers to."""
    classes: Sequence[tuple[int, str, bool]] = ()
    """The new classes, each as (number, name, whether it is searched)."""


def report_of_row(row: Mapping[str, Any]) -> GenerationReport:
    """Turn a row of table ``generation`` back into a report."""
    values = {each.name: row[each.name] for each in fields(GenerationReport) if each.name in row}
    return GenerationReport(
        **values,
        generation=row["number"],
        classes_ge=tuple(row[name] for name in AT_LEAST),
        stages=Stages(**{each.name: row[each.name] for each in fields(Stages)}),
    )


def write_record(db: sqlite3.Connection, record: GenerationRecord) -> None:
    """Write one generation, inside the caller's transaction."""
    tops = {id_: json.dumps(top) for id_, top in record.top.items()}
    measures = {id_: json.dumps(measured) for id_, measured in record.measures.items()}
    # A member is written as one: if its row were changed, its genome would be hashed three times.
    members = record.members
    candidates = [
        (e.id, e.generation, *astuple(e.size), e.id in members, compress(e.genome.encode()))
        for e in record.candidates
    ]
    parents = [(e.id, n, id_) for e in record.candidates for n, id_ in enumerate(e.parents)]
    write(db, "class", record.classes)
    write(db, "candidate", candidates)
    write(db, "parent", parents)
    images = [(id_, png, tops.get(id_), measures.get(id_)) for id_, png in record.images.items()]
    write(db, "image", images)
    _write_replacements(db, record.report.generation, record.replacements)
    _write_members(db, members)
    report = vars(record.report) | vars(record.report.stages) | {"number": record.report.generation}
    report |= dict(zip(AT_LEAST, record.report.classes_ge, strict=True))
    write(db, "generation", [[report[name] for name in columns("generation")]])


def _write_replacements(
    db: sqlite3.Connection, generation: int, replacements: Sequence[Replacement]
) -> None:
    if not replacements:
        return
    elites = [replacement.elite for replacement in replacements]
    rows = [(e.class_index, e.candidate.id, e.score, e.rank) for e in elites]
    write(db, "elite", rows, "REPLACE")
    (last,) = db.execute("SELECT coalesce(max(number), 0) FROM replacement").fetchone()
    write(
        db,
        "replacement",
        [
            (number, generation, *row[:2], each.previous, *row[2:], each.goal_switch)
            for number, (row, each) in enumerate(zip(rows, replacements, strict=True), last + 1)
        ],
    )
    db.executemany(
        "DELETE FROM image WHERE candidate = ? "
        "AND NOT EXISTS (SELECT 1 FROM elite WHERE elite.candidate = image.candidate)",
        [(r.previous,) for r in replacements if r.previous is not None],
    )


def _write_members(db: sqlite3.Connection, members: frozenset[int]) -> None:
    """Mark the members, and delete former ones that no elite descends from."""
    before = {id_ for (id_,) in db.execute("SELECT id FROM candidate WHERE member")}
    changed = [(id_ in members, id_) for id_ in sorted(members ^ before)]
    db.executemany("UPDATE candidate SET member = ? WHERE id = ?", changed)
    leaving = before - members
    while leaving:
        needed = {id_ for id_ in leaving if db.execute(_NEEDED, {"id": id_}).fetchone()}
        rows = [(id_,) for id_ in sorted(leaving - needed)]
        parents = [db.execute("SELECT parent FROM parent WHERE candidate = ?", row) for row in rows]
        leaving = {parent for found in parents for (parent,) in found.fetchall()}
        db.executemany("DELETE FROM parent WHERE candidate = ?", rows)
        db.executemany("DELETE FROM candidate WHERE id = ?", rows)
