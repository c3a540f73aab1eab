"""The tables of a run's database, and how a generation is written into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from neatfool.run.statistics import GenerationReport
    from neatfool.spec.candidate import GenomeSize, Replacement

SCHEMA: Final = """
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE class (number INTEGER PRIMARY KEY, name TEXT NOT NULL, searched INTEGER NOT NULL);
CREATE TABLE candidate (
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, nodes INTEGER NOT NULL,
    connections INTEGER NOT NULL, member INTEGER NOT NULL, genome TEXT NOT NULL);
CREATE INDEX member ON candidate (id) WHERE member;
CREATE TABLE parent (
    candidate INTEGER NOT NULL, position INTEGER NOT NULL, parent INTEGER NOT NULL,
    PRIMARY KEY (candidate, position)) WITHOUT ROWID;
CREATE INDEX child ON parent (parent);
CREATE TABLE elite (
    class INTEGER PRIMARY KEY, candidate INTEGER NOT NULL, confidence REAL NOT NULL,
    rank REAL NOT NULL);
CREATE INDEX niche ON elite (candidate);
CREATE TABLE image (candidate INTEGER PRIMARY KEY, png BLOB NOT NULL);
CREATE TABLE replacement (
    number INTEGER PRIMARY KEY, generation INTEGER NOT NULL, class INTEGER NOT NULL,
    candidate INTEGER NOT NULL, previous INTEGER, confidence REAL NOT NULL, rank REAL NOT NULL,
    goal_switch INTEGER NOT NULL);
CREATE INDEX won ON replacement (candidate);
CREATE TABLE generation (
    number INTEGER PRIMARY KEY, evaluations INTEGER NOT NULL, median REAL NOT NULL,
    mean REAL NOT NULL, minimum REAL NOT NULL, lower_quartile REAL NOT NULL,
    upper_quartile REAL NOT NULL, ge_50 INTEGER NOT NULL, ge_90 INTEGER NOT NULL,
    ge_99 INTEGER NOT NULL, ge_9999 INTEGER NOT NULL, elites INTEGER NOT NULL,
    replacements INTEGER NOT NULL, goal_switches INTEGER NOT NULL, refused INTEGER NOT NULL,
    nodes REAL NOT NULL, connections REAL NOT NULL, confirmed INTEGER NOT NULL,
    breeding REAL NOT NULL, rendering REAL NOT NULL, scoring REAL NOT NULL,
    selection REAL NOT NULL, recording REAL NOT NULL, elapsed REAL NOT NULL);
CREATE TABLE state (only INTEGER PRIMARY KEY CHECK (only = 0), value TEXT NOT NULL);
"""

LEDGER_SCHEMA: Final = """
CREATE TABLE request (number INTEGER PRIMARY KEY, images INTEGER NOT NULL, outcome TEXT);
CREATE TABLE answer (image BLOB PRIMARY KEY, scores BLOB NOT NULL);
"""
"""What a target that costs something was asked, and what it answered; see the ledger."""

HOW_IT_WAS_RUN: Final = {
    "generation": ("breeding", "rendering", "scoring", "selection", "recording", "elapsed"),
    "info": ("clock", "experiment", "scoring", "text"),
    "request": ("number", "images", "outcome"),
}
"""What may differ between equal runs: columns of a table, or keys of ``info``. (The part of the
experiment that the result depends on is the key ``identity``.)"""


@dataclass(frozen=True)
class StoredCandidate:
    """A candidate as it is kept: its genome is the text that the encoding wrote."""

    id: int
    generation: int
    parents: tuple[int, ...]
    genome: str
    size: GenomeSize


@dataclass(frozen=True)
class StoredElite:
    """Who holds a class's niche."""

    class_index: int
    candidate: int
    confidence: float
    rank: float


@dataclass(frozen=True)
class GenerationRecord:
    """What a generation leaves in the database.

    Attributes:
        report: Its statistics.
        replacements: The elites that changed.
        candidates: Those of its new elites and members that are not stored yet.
        images: The PNG of each new elite, by candidate id.
        members: The ids of all candidates that the scheme's state refers to.
        classes: Classes that turned up: (number, name, whether it is searched) of each.
    """

    report: GenerationReport
    replacements: Sequence[Replacement]
    candidates: Sequence[StoredCandidate]
    images: Mapping[int, bytes]
    members: frozenset[int] = field(default_factory=frozenset)
    classes: Sequence[tuple[int, str, bool]] = ()


def write_record(db: sqlite3.Connection, record: GenerationRecord) -> None:
    """Write one generation, inside the caller's transaction."""
    report = record.report
    db.executemany("INSERT INTO class VALUES (?, ?, ?)", record.classes)
    for candidate in record.candidates:
        db.execute(
            "INSERT INTO candidate VALUES (?, ?, ?, ?, 0, ?)",
            (
                candidate.id,
                candidate.generation,
                candidate.size.nodes,
                candidate.size.connections,
                candidate.genome,
            ),
        )
        db.executemany(
            "INSERT INTO parent VALUES (?, ?, ?)",
            [(candidate.id, place, parent) for place, parent in enumerate(candidate.parents)],
        )
    db.executemany("INSERT INTO image VALUES (?, ?)", record.images.items())
    _write_replacements(db, report.generation, record.replacements)
    _write_members(db, record.members)
    stages = report.stages
    values = (
        report.generation, report.evaluations, report.median, report.mean, report.minimum,
        report.lower_quartile, report.upper_quartile, *report.classes_ge, report.elites,
        report.replacements, report.goal_switches, report.refused, report.nodes,
        report.connections, report.confirmed, stages.breeding, stages.rendering, stages.scoring,
        stages.selection, stages.recording, stages.elapsed,
    )  # fmt: skip
    db.execute(f"INSERT INTO generation VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608


def _write_replacements(
    db: sqlite3.Connection, generation: int, replacements: Sequence[Replacement]
) -> None:
    elites = [replacement.elite for replacement in replacements]
    db.executemany(
        "REPLACE INTO elite VALUES (?, ?, ?, ?)",
        [(e.class_index, e.candidate.id, e.confidence, e.rank) for e in elites],
    )
    db.executemany(
        "INSERT INTO replacement (generation, class, candidate, previous, confidence, rank, "
        "goal_switch) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                generation,
                replacement.elite.class_index,
                replacement.elite.candidate.id,
                replacement.previous,
                replacement.elite.confidence,
                replacement.elite.rank,
                replacement.goal_switch,
            )
            for replacement in replacements
        ],
    )
    db.executemany(
        "DELETE FROM image WHERE candidate = ? "
        "AND NOT EXISTS (SELECT 1 FROM elite WHERE elite.candidate = image.candidate)",
        [(r.previous,) for r in replacements if r.previous is not None],
    )


def _write_members(db: sqlite3.Connection, members: frozenset[int]) -> None:
    """Mark the members, and forget the former ones that no elite descends from."""
    before = {id_ for (id_,) in db.execute("SELECT id FROM candidate WHERE member")}
    db.executemany(
        "UPDATE candidate SET member = 1 WHERE id = ?", [(i,) for i in sorted(members - before)]
    )
    leaving = sorted(before - members)
    db.executemany("UPDATE candidate SET member = 0 WHERE id = ?", [(i,) for i in leaving])
    while leaving:
        parents: set[int] = set()
        for id_ in leaving:
            parents.update(_forget(db, id_))
        leaving = sorted(parents)


def _forget(db: sqlite3.Connection, id_: int) -> list[int]:
    """Delete a candidate that nothing needs, and give its parents, which may now be so too."""
    needed = db.execute(
        "SELECT EXISTS (SELECT 1 FROM candidate WHERE id = :id AND member) "
        "OR EXISTS (SELECT 1 FROM parent WHERE parent = :id) "
        "OR EXISTS (SELECT 1 FROM replacement WHERE candidate = :id)",
        {"id": id_},
    ).fetchone()[0]
    if needed:
        return []
    rows = db.execute("SELECT parent FROM parent WHERE candidate = ?", (id_,)).fetchall()
    db.execute("DELETE FROM parent WHERE candidate = ?", (id_,))
    db.execute("DELETE FROM candidate WHERE id = ?", (id_,))
    return [parent for (parent,) in rows]
