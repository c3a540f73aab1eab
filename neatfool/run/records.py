"""Writes the records of a generation into a run's database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final
from zlib import compress

from neatfool.run.schema import AT_LEAST, columns, write
from neatfool.run.statistics import GenerationReport, Stages

if TYPE_CHECKING:
    from neatfool.spec.candidate import GenomeSize, Replacement

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
    confidence: float
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
    """The classes that each of these images scores highest in, with the confidences."""
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
    candidates = [
        (e.id, e.generation, e.size.nodes, e.size.connections, 0, compress(e.genome.encode()))
        for e in record.candidates
    ]
    parents = [(e.id, n, id_) for e in record.candidates for n, id_ in enumerate(e.parents)]
    write(db, "class", record.classes)
    write(db, "candidate", candidates)
    write(db, "parent", parents)
    write(db, "image", [(id_, png, tops.get(id_)) for id_, png in record.images.items()])
    _write_replacements(db, record.report.generation, record.replacements)
    _write_members(db, record.members)
    report = vars(record.report) | vars(record.report.stages) | {"number": record.report.generation}
    report |= dict(zip(AT_LEAST, record.report.classes_ge, strict=True))
    write(db, "generation", [[report[name] for name in columns("generation")]])


def _write_replacements(
    db: sqlite3.Connection, generation: int, replacements: Sequence[Replacement]
) -> None:
    if not replacements:
        return
    elites = [replacement.elite for replacement in replacements]
    rows = [(e.class_index, e.candidate.id, e.confidence, e.rank) for e in elites]
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
