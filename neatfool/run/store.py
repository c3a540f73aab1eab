"""The run's database: what a run writes, and all that a resumed one needs.

One SQLite file, written in one transaction a checkpoint, so that a run killed at any instant
finds its last checkpoint whole. Everything in it but what
:data:`~neatfool.run.records.HOW_IT_WAS_RUN` names is equal for equal runs, to the bit.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from neatfool.errors import NeatfoolError, RunError, StorageError
from neatfool.run.folder import PARTIAL_DATABASE, require_run
from neatfool.run.records import (
    HOW_IT_WAS_RUN,
    LEDGER_SCHEMA,
    SCHEMA,
    GenerationRecord,
    StoredCandidate,
    StoredElite,
    write_record,
)
from neatfool.run.statistics import GenerationReport, Stages
from neatfool.spec.candidate import GenomeSize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from neatfool.spec.json import Json

FORMAT: Final = 3


@contextmanager
def sqlite_errors_in_words(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into messages that say what to do.

    Raises:
        StorageError: The disk is full or cannot be written.
        RunError: The database is damaged or locked.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _in_words(path, error) from error
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: the database is damaged ({error})") from error


def _in_words(path: Path, error: sqlite3.Error) -> NeatfoolError:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        again = "run it again" if path.name == PARTIAL_DATABASE else "resume the run"
        return StorageError(f"{path}: the disk is full; free some space, then {again}")
    if code.startswith(("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
        return StorageError(f"{path}: cannot be read or written ({error}); check disk and rights")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return RunError(f"{path}: another process is writing to it; wait for it or stop it")
    return RunError(
        f"{path}: the database is damaged or not one of neatfool's ({error}); "
        "its images may still be whole, but the run cannot go on"
    )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Write all that the block writes, or, should it raise, nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class RunStore:
    """A run's database, open for writing or for reading."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, write: bool) -> None:
        """Wrap an open connection; use :meth:`create` or :meth:`open`."""
        self.path = path
        self._connection = connection
        self._write = write

    @classmethod
    def create(
        cls, path: Path, info: Mapping[str, Json], classes: Sequence[str], searched: Sequence[int]
    ) -> RunStore:
        """Make the database of a new run.

        Args:
            path: The file, which must not exist.
            info: What describes the run; the key ``clock`` holds what differs between equal runs.
            classes: All class names of the target.
            searched: The indices of those that are searched.

        Raises:
            StorageError: The file cannot be written.
        """
        chosen = set(searched)
        # A run killed before its database is whole leaves none.
        partial = path.with_name(PARTIAL_DATABASE)
        with sqlite_errors_in_words(partial):
            store = cls(partial, connect(partial, "rwc"), write=True)
            with transaction(store._connection) as db:
                for statement in (SCHEMA + LEDGER_SCHEMA).split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {FORMAT}")
                db.executemany(
                    "INSERT INTO info VALUES (?, ?)",
                    [(key, json.dumps(value)) for key, value in info.items()],
                )
                db.executemany(
                    "INSERT INTO class VALUES (?, ?, ?)",
                    [(i, name, i in chosen) for i, name in enumerate(classes)],
                )
            store.close()
        partial.rename(path)
        return cls.open(path, write=True)

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> RunStore:
        """Open a run's database.

        Args:
            path: The file.
            write: Whether to write to it. Its pages are checked then.

        Raises:
            RunError: It is missing, damaged, or of another version.
        """
        require_run(path.parent)
        with sqlite_errors_in_words(path):
            connection = connect(path, "rw") if write else _connect_to_read(path)
            if write:
                connection.execute("PRAGMA journal_mode = WAL")
                # A killed process loses no commit; a power cut may lose the last ones, never half
                # of one.
                connection.execute("PRAGMA synchronous = NORMAL")
                problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if problem != "ok":
                    raise RunError(f"{path}: the database is damaged ({problem})")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if not version:
                raise RunError(f"{path}: is empty or no run's database; start the run anew")
            if version != FORMAT:
                raise RunError(
                    f"{path}: run format {version}, and this neatfool reads format {FORMAT}; "
                    "use the version that wrote it"
                )
        return cls(path, connection, write=write)

    def close(self) -> None:
        """Close the database; where nobody else reads it, it is one file then."""
        with sqlite_errors_in_words(self.path):
            if self._write:
                with suppress(sqlite3.OperationalError):
                    self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.close()

    def commit(self, records: Sequence[GenerationRecord], state: Json) -> None:
        """Write generations and the state after them, in one transaction.

        Raises:
            StorageError: The disk is full or read-only; nothing of it is written then.
            RunError: The file was deleted.
        """
        if not self.path.exists():
            raise RunError(f"{self.path}: was deleted while the run went on; it is lost")
        with sqlite_errors_in_words(self.path), transaction(self._connection) as db:
            for record in records:
                write_record(db, record)
            db.execute("REPLACE INTO state VALUES (0, ?)", (json.dumps(state),))

    def keep_experiment(self, experiment: Mapping[str, Json]) -> None:
        """Record the experiment anew, of which only what the result does not depend on changed.

        Raises:
            StorageError: The disk is full or read-only.
        """
        with sqlite_errors_in_words(self.path), transaction(self._connection) as db:
            db.execute("REPLACE INTO info VALUES ('experiment', ?)", (json.dumps(experiment),))

    def end(self) -> None:
        """Record that the search came to an end of its own, after the last generation.

        Raises:
            StorageError: The disk is full or read-only.
        """
        last = json.dumps(self.last_generation())
        with sqlite_errors_in_words(self.path), transaction(self._connection) as db:
            db.execute("REPLACE INTO info VALUES ('ended_after', ?)", (last,))

    def ended(self) -> bool:
        """Read whether the search came to an end of its own: it has nothing left to do."""
        return self.info().get("ended_after") == self.last_generation()

    def _rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with sqlite_errors_in_words(self.path):
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def info(self) -> dict[str, Json]:
        """Read what describes the run."""
        rows = self._rows("SELECT * FROM info")
        return {key: self._json(value) for key, value in rows}

    def classes(self) -> list[str]:
        """Read all class names."""
        return [name for (name,) in self._rows("SELECT name FROM class ORDER BY number")]

    def searched(self) -> list[int]:
        """Read the indices of the classes that are searched."""
        return [i for (i,) in self._rows("SELECT number FROM class WHERE searched ORDER BY number")]

    def state(self) -> Json:
        """Read the state that the next generation starts from, or None before the first."""
        rows = self._rows("SELECT value FROM state")
        return self._json(rows[0][0]) if rows else None

    def _json(self, text: str) -> Json:
        try:
            return json.loads(text)
        except ValueError as error:
            raise RunError(f"{self.path}: the database is damaged ({error})") from error

    def elites(self) -> list[StoredElite]:
        """Read who holds each niche, in the order of the classes."""
        return [
            StoredElite(*row)
            for row in self._rows("SELECT class, candidate, confidence, rank FROM elite ORDER BY 1")
        ]

    def elite(self, class_index: int) -> StoredElite | None:
        """Read who holds a class's niche, None where it is empty."""
        rows = self._rows(
            "SELECT class, candidate, confidence, rank FROM elite WHERE class = ?", (class_index,)
        )
        return StoredElite(*rows[0]) if rows else None

    def candidates(self, ids: Iterable[int]) -> dict[int, StoredCandidate]:
        """Read candidates by id; those that are not stored are left out."""
        found = {}
        for id_ in ids:
            rows = self._rows(
                "SELECT generation, genome, nodes, connections FROM candidate WHERE id = ?", (id_,)
            )
            for generation, genome, nodes, connections in rows:
                parents = self._rows(
                    "SELECT parent FROM parent WHERE candidate = ? ORDER BY position", (id_,)
                )
                found[id_] = StoredCandidate(
                    id_,
                    generation,
                    tuple(parent for (parent,) in parents),
                    genome,
                    GenomeSize(nodes, connections),
                )
        return found

    def members(self) -> list[int]:
        """Read the ids of the candidates that the state refers to."""
        return [id_ for (id_,) in self._rows("SELECT id FROM candidate WHERE member ORDER BY id")]

    def image(self, candidate: int) -> bytes | None:
        """Read the PNG of an elite; None for a candidate that is none."""
        rows = self._rows("SELECT png FROM image WHERE candidate = ?", (candidate,))
        return rows[0][0] if rows else None

    def won(self, candidate: int) -> list[tuple[int, float, float]]:
        """Read which classes a candidate took when it was scored: class, confidence and rank."""
        return self._rows(
            "SELECT class, confidence, rank FROM replacement WHERE candidate = ? "
            "ORDER BY rank DESC, class",
            (candidate,),
        )

    def replacements(self) -> list[tuple[int, int, float]]:
        """Read all replacements, the first one first: generation, class and confidence."""
        return self._rows("SELECT generation, class, confidence FROM replacement ORDER BY number")

    def requests(self) -> dict[str, tuple[int, int]]:
        """Read what became of the requests to a target that costs something.

        Returns:
            (requests, images) by outcome, the most frequent first; ``unknown`` is that of requests
            which were under way when the process ended.
        """
        rows = self._rows(
            "SELECT coalesce(outcome, 'unknown'), count(*), sum(images) FROM request "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return {outcome: (count, images) for outcome, count, images in rows}

    def last_generation(self) -> int:
        """Read the number of the last generation, -1 before the first."""
        return int(self._rows("SELECT coalesce(max(number), -1) FROM generation")[0][0])

    def reports(self, first: int = 0) -> list[GenerationReport]:
        """Read the statistics of each generation from the given one on."""
        rows = self._rows("SELECT * FROM generation WHERE number >= ? ORDER BY number", (first,))
        return [_report(row) for row in rows]


def _report(row: tuple[Any, ...]) -> GenerationReport:
    fields = (*row[:7], tuple(row[7:11]), *row[11:18], Stages(*row[18:]))
    return GenerationReport(*fields)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a database file, in a mode of SQLite's; transactions are begun by hand.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=30,
        check_same_thread=False,
    )


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Open for reading: also after a kill, and also where nothing may be written beside the file.

    A process that was killed in the midst of a transaction leaves a journal, which SQLite rolls
    back when somebody next opens the database; for that it must be allowed to write.
    """
    for mode in ("ro", "rw", "ro&immutable=1"):
        connection = connect(path, mode)
        try:
            connection.execute("SELECT * FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if mode.endswith("immutable=1"):
                raise
        else:
            break
    return connection


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read all that must be equal in the databases of equal runs.

    Args:
        path: A run's database.

    Returns:
        The rows of each table, in the order of their keys, less what
        :data:`~neatfool.run.records.HOW_IT_WAS_RUN` names.
    """
    store = RunStore.open(path)
    try:
        tables = store._rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return {table: _comparable(store, table) for (table,) in tables}
    finally:
        store.close()


def _comparable(store: RunStore, table: str) -> list[tuple[Any, ...]]:
    columns = [row[1] for row in store._rows(f"PRAGMA table_info({table})")]
    left_out = HOW_IT_WAS_RUN.get(table, ())
    kept = [column for column in columns if column not in left_out]
    if not kept:
        return []
    rows = store._rows(f"SELECT {', '.join(kept)} FROM {table} ORDER BY 1, 2")  # noqa: S608
    return [row for row in rows if row[0] not in left_out]
