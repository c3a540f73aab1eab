"""SQLite as a run's database is opened with it: errors in words, transactions, formats."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from neatfool.errors import NeatfoolError, RunError, StorageError
from neatfool.run.folder import PARTIAL_DATABASE, START_ANEW
from neatfool.run.schema import FORMAT, MIGRATIONS, checksum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
        raise damaged(path, error) from error


def damaged(path: Path, what: object) -> RunError:
    """Make the error that says of a run's database that it is damaged.

    Args:
        path: The database.
        what: What was found.
    """
    return RunError(
        f"{path}: the database is damaged ({what}); bring a copy of it back, or start the run "
        "anew. The images beside it may still be whole"
    )


def _in_words(path: Path, error: sqlite3.Error) -> NeatfoolError:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        again = "run it again" if path.name == PARTIAL_DATABASE else "resume the run"
        return StorageError(f"{path}: the disk is full; free some space, then {again}")
    if code.startswith(("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
        return StorageError(f"{path}: cannot be read or written ({error}); check disk and rights")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return RunError(f"{path}: another process is writing to it; wait for it or stop it")
    return damaged(path, error)


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


class Connection(sqlite3.Connection):
    """Closes itself when nobody holds it any more: a run may be looked at in passing."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it could not be opened
            self.close()


def connect(path: Path | None, mode: str = "rw") -> sqlite3.Connection:
    """Open a database file, in a mode of SQLite's; transactions are begun by hand.

    Args:
        path: The file; a database in memory if absent.
        mode: How: ``ro``, ``rw``, ``rwc`` ...

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    connection = sqlite3.connect(
        ":memory:" if path is None else f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=30,
        check_same_thread=False,
        factory=Connection,
    )
    connection.create_function("checksum", -1, checksum, deterministic=True)
    return connection


def format_of(path: Path, connection: sqlite3.Connection) -> int:
    """Read the format of a run's database.

    Raises:
        RunError: It is none that this neatfool reads.
    """
    if not path.stat().st_size:
        raise RunError(f"{path}: is empty: nothing of a run is in it. {START_ANEW}")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not version:
        raise RunError(f"{path}: is no run's database. {START_ANEW}")
    if version not in {*MIGRATIONS, FORMAT}:
        raise RunError(
            f"{path}: run format {version}, and this neatfool reads formats {min(MIGRATIONS)} to "
            f"{FORMAT}; use the version that wrote it"
        )
    return version


def migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Bring a database of an older format to the present one, in one transaction."""
    version = format_of(path, connection)
    if version < FORMAT:
        with transaction(connection) as db:
            for older in range(version, FORMAT):
                MIGRATIONS[older](db)
            db.execute(f"PRAGMA user_version = {FORMAT}")


def check_structure(path: Path, connection: sqlite3.Connection) -> None:
    """Let SQLite read its tables and indices.

    Raises:
        RunError: They do not hold together.
    """
    problem = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise damaged(path, problem)


def connect_to_read(path: Path) -> sqlite3.Connection:
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
