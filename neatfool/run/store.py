"""The run's database: all that a run records, and all that resuming needs.

It is one SQLite file with one transaction a checkpoint. So a run that is killed at any instant
finds its last checkpoint whole. Equal runs have equal databases, to the bit, apart from
:data:`~neatfool.run.schema.HOW_IT_WAS_RUN`.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neatfool.errors import RunError
from neatfool.run.folder import PARTIAL_DATABASE, require_run
from neatfool.run.records import (
    GenerationRecord,
    StoredCandidate,
    StoredElite,
    report_of_row,
    write_record,
)
from neatfool.run.schema import (
    FORMAT,
    HOW_IT_WAS_RUN,
    LEDGER_SCHEMA,
    SCHEMA,
    TABLES,
    columns,
    sound,
    unpack,
    write,
)
from neatfool.run.sqlite import (
    check_structure,
    connect,
    connect_to_read,
    damaged,
    format_of,
    migrate,
    sqlite_errors_in_words,
    transaction,
)
from neatfool.spec.candidate import GenomeSize
from neatfool.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from neatfool.run.statistics import GenerationReport
    from neatfool.spec.json import Json


class Recorded(dict[str, Any]):
    """An object of recorded JSON: a key that is missing means a damaged database."""

    path: Path

    def __missing__(self, key: str) -> Any:
        raise damaged(self.path, f"{key!r} is missing")


@dataclass(frozen=True)
class Snapshot:
    """A run at one instant.

    Candidates, replacements and generations are read later, as a run only adds to them. (A deleted
    image is drawn again from its candidate.)

    Attributes:
        info: The facts about the run.
        classes: All class names.
        searched: The indices of the searched classes.
        elites: The holders of the niches, in the order of the classes.
        generation: The last generation, -1 before the first.
        requests: See :meth:`RunStore.requests`.
    """

    info: Recorded
    classes: tuple[str, ...]
    searched: tuple[int, ...]
    elites: tuple[StoredElite, ...]
    generation: int
    requests: dict[str, tuple[int, int]]


class RunStore:
    """A run's database, open for writing or for reading."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, write: bool) -> None:
        """Wrap an open connection; use :meth:`create` or :meth:`open`.

        Raises:
            RunError: This neatfool does not read the database's format.
        """
        self.path = path
        self._connection = connection
        self._write = write
        self._columns: dict[str, list[str]] = {}
        # Format 3, the first one, had no checksums.
        self.sealed = format_of(path, connection) > 3

    @classmethod
    def create(
        cls, path: Path, info: Mapping[str, Json], classes: Sequence[str], searched: Sequence[int]
    ) -> RunStore:
        """Make the database of a new run.

        Args:
            path: The file, which must not exist.
            info: The facts about the run; ``clock`` holds those that differ between equal runs.
            classes: All class names of the target.
            searched: The indices of the searched classes.

        Raises:
            StorageError: The file cannot be written.
        """
        chosen = set(searched)
        # If the run is killed before its database is whole, it leaves none.
        partial = path.with_name(PARTIAL_DATABASE)
        with sqlite_errors_in_words(partial):
            connection = connect(partial, "rwc")
            with transaction(connection) as db:
                for statement in (SCHEMA + LEDGER_SCHEMA).split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {FORMAT}")
                write(db, "info", [(key, json.dumps(value)) for key, value in info.items()])
                write(db, "class", [(i, name, i in chosen) for i, name in enumerate(classes)])
            connection.close()
        partial.rename(path)
        return cls.open(path, write=True)

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> RunStore:
        """Open a run's database; for writing, check its structure and bring its format up to date.

        Raises:
            RunError: It is missing, damaged, or of another version.
        """
        require_run(path.parent)
        with sqlite_errors_in_words(path):
            connection = connect(path, "rw") if write else connect_to_read(path)
            # Checked before anything is written, so that an empty file stays as it is.
            format_of(path, connection)
            if write:
                connection.execute("PRAGMA journal_mode = WAL")
                # A killed process loses no commit. A power cut may lose the last ones, but never
                # half of one.
                connection.execute("PRAGMA synchronous = NORMAL")
                check_structure(path, connection)
                migrate(path, connection)
            return cls(path, connection, write=write)

    def close(self) -> None:
        """Close the database. If nobody else reads it, it is a single file then."""
        with sqlite_errors_in_words(self.path):
            if self._write:
                with suppress(sqlite3.OperationalError):
                    self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.close()

    def commit(self, records: Sequence[GenerationRecord], state: Json) -> None:
        """Write generations and the state after them, in one transaction.

        Raises:
            StorageError: The disk is full or read-only; nothing is written then.
            RunError: The file was deleted.
        """
        if not self.path.exists():
            raise RunError(f"{self.path}: was deleted during the run; the run is lost")
        with sqlite_errors_in_words(self.path), transaction(self._connection) as db:
            for record in records:
                write_record(db, record)
            write(db, "state", [(0, json.dumps(state))], "REPLACE")

    def keep(self, key: str, value: Json) -> None:
        """Record a fact about the run in place of the old one.

        Args:
            key: ``experiment``, of which only parts that do not affect the result may change; or
                ``ended_after``, the last generation of a search that ended by itself.
            value: The fact.

        Raises:
            StorageError: The disk is full or read-only.
        """
        with sqlite_errors_in_words(self.path), transaction(self._connection) as db:
            write(db, "info", [(key, json.dumps(value))], "REPLACE")

    def end(self) -> None:
        """Record that the search ended by itself, after the last generation.

        Raises:
            StorageError: The disk is full or read-only.
        """
        self.keep("ended_after", self.last_generation())

    def check(self) -> None:
        """Read all rows, and check that they are as they were written.

        Raises:
            RunError: A row has changed.
        """
        with sqlite_errors_in_words(self.path):
            check_structure(self.path, self._connection)
            for table in TABLES:
                sql = f"SELECT count(*) FROM {table} WHERE NOT {self._sound(table)}"  # noqa: S608
                if wrong := next(self.rows(sql))[0]:
                    what = counted(wrong, f"row of table {table}", f"rows of table {table}")
                    raise damaged(self.path, f"{what} changed")

    def _sound(self, table: str) -> str:
        """Give the SQL condition that a row is as it was written."""
        return sound(table, self._columns_of(table)) if self.sealed else "1"

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Read rows one by one, without a look at their checksums."""
        with sqlite_errors_in_words(self.path):
            yield from self._connection.execute(sql, tuple(parameters))

    def _columns_of(self, table: str) -> list[str]:
        """List the columns of a table in this database, without the checksum."""
        if table not in self._columns:
            there = {name for _, name, *_ in self.rows(f"PRAGMA table_info({table})")}
            found = [name for name in columns(table) if name in there and name != "checksum"]
            if not found:
                raise damaged(self.path, f"there is no table {table}")
            self._columns[table] = found
        return self._columns[table]

    def _read(
        self, table: str, rest: str = "", parameters: Iterable[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Read whole rows, without the checksum; raise a RunError if one has changed."""
        names = ", ".join(self._columns_of(table))
        sql = f"SELECT {names}, {self._sound(table)} FROM {table} {rest}"  # noqa: S608
        rows = [*self.rows(sql, parameters)]
        for row in rows:
            if not row[-1]:
                raise damaged(self.path, f"a row of table {table} changed: {str(row[0])[:40]!r}")
        return [row[:-1] for row in rows]

    def snapshot(self) -> Snapshot:
        """Read all that changes during a run, at one instant.

        Raises:
            RunError: The database is damaged.
        """
        with sqlite_errors_in_words(self.path):
            self._connection.execute("BEGIN")
            try:
                classes = self._read("class", "ORDER BY number")
                found = Snapshot(
                    info=self.info(),
                    classes=tuple(name for _, name, _ in classes),
                    searched=tuple(number for number, _, searched in classes if searched),
                    elites=tuple(self.elites()),
                    generation=self.last_generation(),
                    requests=self.requests(),
                )
            finally:
                self._connection.execute("COMMIT")
        for elite in found.elites:
            if not 0 <= elite.class_index < len(classes):
                raise damaged(self.path, f"class {elite.class_index} is missing")
        return found

    def info(self) -> Recorded:
        """Read the facts about the run."""
        return self._recorded({key: self._json(value) for key, value in self._read("info")})

    def classes(self) -> list[str]:
        """Read all class names."""
        return [name for _, name, _ in self._read("class", "ORDER BY number")]

    def state(self) -> Json:
        """Read the state that the next generation starts from, or None before the first."""
        rows = self._read("state")
        return self._json(rows[0][1]) if rows else None

    def _json(self, text: str) -> Json:
        try:
            return json.loads(text, object_hook=self._recorded)
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged(self.path, error) from error

    def _recorded(self, values: dict[str, Any]) -> Recorded:
        recorded = Recorded(values)
        recorded.path = self.path
        return recorded

    def elites(self) -> list[StoredElite]:
        """Read the holders of the niches, in the order of the classes."""
        return [StoredElite(*row) for row in self._read("elite", "ORDER BY class")]

    def candidate(self, id_: int) -> StoredCandidate:
        """Read a candidate that must exist."""
        found = self.candidates([id_])
        if not found:
            raise damaged(self.path, f"candidate {id_} is missing")
        return found[id_]

    def candidates(self, ids: Iterable[int]) -> dict[int, StoredCandidate]:
        """Read candidates by id; skip those that are not stored."""
        found = {}
        for id_ in ids:
            for row in self._read("candidate", "WHERE id = ?", (id_,)):
                _, generation, nodes, connections, _, genome = row
                parents = self._read("parent", "WHERE candidate = ? ORDER BY position", (id_,))
                with sqlite_errors_in_words(self.path):
                    text = unpack(genome)
                found[id_] = StoredCandidate(
                    id_,
                    generation,
                    tuple(parent for _, _, parent in parents),
                    text,
                    GenomeSize(nodes, connections),
                )
        return found

    def members(self) -> list[int]:
        """Read the ids of the candidates that the state refers to."""
        return [id_ for (id_,) in self.rows("SELECT id FROM candidate WHERE member ORDER BY id")]

    def image(self, candidate: int) -> bytes | None:
        """Read the PNG of an elite; None for other candidates."""
        rows = self._read("image", "WHERE candidate = ?", (candidate,))
        return rows[0][1] if rows else None

    def top(self, candidate: int) -> list[tuple[int, float]]:
        """Read the classes that an elite's image scores highest in: (class, confidence).

        Nothing of other candidates, nor if an earlier version recorded the image.
        """
        if "top" not in self._columns_of("image"):
            return []
        rows = self._read("image", "WHERE candidate = ? AND top IS NOT NULL", (candidate,))
        return [(number, sure) for _, _, top in rows for number, sure in self._json(top)]

    def won(self, candidate: int) -> list[tuple[int, float, float]]:
        """Read the classes that a candidate took when it was scored: class, confidence and rank."""
        order = "WHERE candidate = ? ORDER BY rank DESC, class"
        rows = self._read("replacement", order, (candidate,))
        return [
            (class_index, confidence, rank)
            for _, _, class_index, _, _, confidence, rank, *_ in rows
        ]

    def replacements(self, last: int, first: int = 0) -> list[tuple[int, int, float]]:
        """Read (generation, class, confidence) of the replacements up to a generation, in order."""
        which = "WHERE generation BETWEEN ? AND ? ORDER BY number"
        rows = self._read("replacement", which, (first, last))
        return [(row[1], row[2], row[5]) for row in rows]

    def holders(self, last: int, least: float) -> list[tuple[int, int, float]]:
        """Read who held each niche up to a generation: (class, candidate, confidence).

        They are in the order of the classes, the first holder of each first.
        """
        order = "WHERE generation <= ? AND confidence >= ? ORDER BY class, number"
        rows = self._read("replacement", order, (last, least))
        return [(row[2], row[3], row[5]) for row in rows]

    def requests(self) -> dict[str, tuple[int, int]]:
        """Read (requests, images) by outcome, the most frequent outcome first.

        A request that was under way when its process ended has the outcome ``unknown``.
        """
        rows = self.rows(
            "SELECT coalesce(outcome, 'unknown'), count(*), sum(images) FROM request "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return {outcome: (count, images) for outcome, count, images in rows}

    def last_generation(self) -> int:
        """Read the number of the last generation, -1 before the first."""
        rows = self._read("generation", "ORDER BY number DESC LIMIT 1")
        return int(rows[0][0]) if rows else -1

    def reports(self, first: int = 0, last: int | None = None) -> list[GenerationReport]:
        """Read the statistics of generations ``first`` to ``last``, both included."""
        bounds = (first, last)
        rows = self._read(
            "generation", "WHERE number >= ? AND number <= coalesce(?, number) ORDER BY 1", bounds
        )
        names = self._columns_of("generation")
        return [report_of_row(dict(zip(names, row, strict=True))) for row in rows]


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read all that must be equal in the databases of equal runs: the rows of each table.

    They are in the order of their keys, without :data:`~neatfool.run.schema.HOW_IT_WAS_RUN`.
    """
    store = RunStore.open(path)
    try:
        return {table: _comparable(store, table) for table in sorted(TABLES)}
    finally:
        store.close()


def _comparable(store: RunStore, table: str) -> list[tuple[Any, ...]]:
    left_out = HOW_IT_WAS_RUN.get(table, ())
    kept = [column for column in store._columns_of(table) if column not in left_out]
    if not kept:
        return []
    # Another version of zlib may write other bytes for the same text.
    read = ", ".join("unpack(genome)" if name == "genome" else name for name in kept)
    rows = store.rows(f"SELECT {read} FROM {table} ORDER BY 1, 2")  # noqa: S608
    return [row for row in rows if row[0] not in left_out]
