"""Opens a run's database with SQLite: readable errors, transactions, the format, and its digest.

The digest is the sum, modulo 2^2048, of a hash of each row (AdHash: Bellare and Micciancio, "A New
Paradigm for Collision-Free Hashing", 1997), so each commit can carry it on, and a missing row
shows. The seal is an HMAC of the digest, under a key of the user's own configuration.
"""

import hmac
import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from hashlib import sha256, shake_256
from itertools import product
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from platformdirs import user_config_path

from neatfool.errors import NeatfoolError, RunError, StorageError
from neatfool.files import refuse_link, write_whole
from neatfool.run.folder import PARTIAL_DATABASE, START_ANEW
from neatfool.run.schema import DESCRIPTION, FORMAT, TABLES, columns, description

MALFORMED: Final = (ValueError, TypeError, OverflowError, RecursionError)
"""What reading values that neatfool did not write raises."""
IN_WORDS: Final = {
    "malformed database schema": "the description of its tables has changed",
    "disk image is malformed": "its pages do not fit together",
    "decode": "a text is not UTF-8",
}
"""What a reader is told in place of SQLite's words, by a part of them."""
_JOURNAL_MARK: Final = bytes.fromhex("d9d505f920a163d7")
"""Ends a journal that names a file: https://www.sqlite.org/fileformat.html#the_rollback_journal"""
PLACE: Final = "NEATFOOL_CONFIG"
"""The environment variable that names a folder to use in place of the user's configuration."""
KEY_BYTES: Final = 32
_WIDTH: Final = 256
"""Bytes of a digest. A sum of fewer bits could be met by other rows (Wagner, 2002)."""
_EVENTS: Final = {"INSERT": {"NEW": 1}, "DELETE": {"OLD": -1}, "UPDATE": {"OLD": -1, "NEW": 1}}
"""Which rows each kind of change adds (1) or takes away (-1)."""


@contextmanager
def database_errors(path: Path | None) -> Iterator[None]:
    """Turn exceptions of SQLite, and of reading what a stranger wrote, into messages.

    Those of no file are left as they are.
    """
    try:
        yield
    except (sqlite3.Error, zlib.error, *MALFORMED) as error:
        if path is None:
            raise
        raise _explain(path, error) from error


def damaged(path: Path, damage: object) -> RunError:
    """Make the error that says that a run's database is damaged, and how."""
    advice = "restore a copy of it, or start the run anew. The images may still be whole"
    return RunError(f"{path}: the database is damaged ({damage}); {advice}")


def _explain(path: Path, error: Exception) -> NeatfoolError:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        again = "run it again" if path.name == PARTIAL_DATABASE else "resume the run"
        return StorageError(f"{path}: the disk is full; free some space, then {again}")
    # A short read is no fault of the disk: the file is shorter than it says itself.
    elsewhere = code.startswith(("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN"))
    if elsewhere and code != "SQLITE_IOERR_SHORT_READ":
        return StorageError(f"{path}: cannot be read or written ({error}); check disk and rights")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return RunError(f"{path}: another process is writing to it; wait for it or stop it")
    error_line, *_ = str(error).splitlines() or [type(error).__name__]
    known = (words for part, words in IN_WORDS.items() if part in str(error))
    return damaged(path, next(known, error_line))


def user_key() -> bytes | None:
    """Give the key that seals this user's runs; None if the user's folder cannot be written."""
    given = os.environ.get(PLACE)
    file = (Path(given) if given else user_config_path("neatfool")) / "key"
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(file.with_suffix(".lock")):
                if not file.exists():
                    write_whole(file, secrets.token_bytes(KEY_BYTES), private=True)
        key = file.read_bytes()
    except OSError:
        return None
    return key if len(key) == KEY_BYTES else None


class DigestTracker:
    """The digest of a database, which follows each change of its connection."""

    adopts = False
    """Whether to seal the content although it bore another seal, or none."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Follow a connection that is open for writing."""
        self._key = user_key()
        self._change = 0

        def note(sign: int, *row: Any) -> None:
            self._change += sign * _number(row)

        connection.create_function("note_change", -1, note)
        # Otherwise REPLACE deletes rows without a word.
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        for table, (event, signs) in product(TABLES, _EVENTS.items()):
            calls = [f"SELECT note_change({n}, {_list(table, row)});" for row, n in signs.items()]
            trigger = f"{table}_{event} AFTER {event} ON main.{table}"
            connection.execute(f"CREATE TEMP TRIGGER {trigger} BEGIN {' '.join(calls)} END")

    @contextmanager
    def carried_on(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Add to the digest what the block changes, inside a transaction, and renew the seal."""
        self._change = 0
        digest, seal = _read(connection)
        is_own = self.adopts or _bears(seal, digest, self._key)
        yield
        if self._change or self.adopts:
            digest = _digest(int.from_bytes(digest) + self._change)
            seal = _seal(digest, self._key) if is_own and self._key else b""
            connection.execute("REPLACE INTO seal VALUES (0, ?, ?)", (digest, seal))


def is_whole(connection: sqlite3.Connection) -> bool:
    """Say whether the content is what the digest says."""
    tables = (connection.execute(f"SELECT {_list(name)} FROM {name}") for name in TABLES)  # noqa: S608
    return _read(connection)[0] == _digest(sum(_number(row) for rows in tables for row in rows))


def is_sealed(connection: sqlite3.Connection) -> bool:
    """Say whether the digest bears this user's seal."""
    digest, seal = _read(connection)
    return _bears(seal, digest, user_key())


def _bears(seal: bytes, digest: bytes, key: bytes | None) -> bool:
    return key is not None and hmac.compare_digest(seal, _seal(digest, key))


def _seal(digest: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"a run of neatfool" + digest, "sha256")


def _read(connection: sqlite3.Connection) -> tuple[bytes, bytes]:
    row = connection.execute("SELECT CAST(digest AS BLOB), CAST(seal AS BLOB) FROM seal").fetchone()
    return row or (bytes(_WIDTH), b"")


def _digest(total: int) -> bytes:
    return int.to_bytes(total % 2 ** (8 * _WIDTH), _WIDTH)


def _list(table: str, row: str = "") -> str:
    names = [f"{row}.{name}" if row else name for name in columns(table)]
    return ", ".join([f"'{table}'", *names])


def _number(row: tuple[Any, ...]) -> int:
    """Hash a table's name and a row; each value counts with its type and its length."""
    whole = sha256()
    for value in row:
        # SQLite keeps no sign of zero.
        number = value + 0.0 if isinstance(value, float) else value
        data = value if isinstance(value, bytes) else ascii(number).encode()
        whole.update(f"{type(value).__name__} {len(data)} ".encode())
        whole.update(data)
    return int.from_bytes(shake_256(whole.digest()).digest(_WIDTH))


class Connection(sqlite3.Connection):
    """Closes itself when nobody holds it any more: a run may be looked at in passing."""

    digests: DigestTracker | None = None
    """What follows the changes made through it; None if they are not a run's."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it could not be opened
            self.close()


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """Write all that the block writes, and the digests of it; if it raises, write nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        digests = connection.digests
        with digests.carried_on(connection) if digests else nullcontext():
            yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def connect(path: Path | None, mode: str = "rw") -> Connection:
    """Open a database file, or one in memory, in a mode of SQLite's: ``ro``, ``rw``, ``rwc`` ..."""
    if path is not None:
        _refuse_foreign_journal(refuse_link(path))
    return sqlite3.connect(
        ":memory:" if path is None else f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=30,
        check_same_thread=False,
        factory=Connection,
    )


def connect_to_write(path: Path) -> Connection:
    """Open a run's database for writing; its digests follow all changes."""
    connection = connect(path)
    require_format(path, connection)
    connection.digests = DigestTracker(connection)
    return connection


def _refuse_foreign_journal(path: Path) -> None:
    """Refuse a journal that names a file: SQLite would delete that, wherever it lies."""
    journal = refuse_link(path.with_name(f"{path.name}-journal"))
    if not journal.exists():
        return
    if not journal.is_file():
        raise damaged(path, f"{journal.name} is no file")
    with suppress(FileNotFoundError), journal.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(-min(file.tell(), len(_JOURNAL_MARK)), os.SEEK_END)
        if file.read() == _JOURNAL_MARK:
            raise damaged(path, f"{journal.name} names a file elsewhere")


def connect_to_read(path: Path) -> Connection:
    """Open for reading, even after a kill, and even in a read-only folder."""
    # A process that is killed during a transaction leaves a journal. SQLite rolls it back when the
    # database is next opened, and needs to write for that.
    for mode in ("ro", "rw", "ro&immutable=1"):
        connection = connect(path, mode)
        with suppress(sqlite3.OperationalError):
            connection.execute("SELECT * FROM sqlite_schema").fetchone()
            break
    require_format(path, connection)
    return connection


def require_format(path: Path, connection: sqlite3.Connection) -> None:
    """Require this neatfool's format and just its tables: a stranger's triggers would run."""
    if not (size := path.stat().st_size):
        raise RunError(f"{path}: is empty: it holds no run. {START_ANEW}")
    # SQLite itself reads zeros for what is missing of the last page, unless its log holds it.
    log = Path(f"{path}-wal")
    is_logged = log.exists() and log.stat().st_size
    if size % connection.execute("PRAGMA page_size").fetchone()[0] and not is_logged:
        raise damaged(path, "its end is cut off")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not version:
        raise RunError(f"{path}: is no run's database. {START_ANEW}")
    if version != FORMAT:
        raise RunError(
            f"{path}: has run format {version}, and not {FORMAT}; use the neatfool that wrote it"
        )
    if unlike := frozenset(connection.execute(DESCRIPTION)) ^ description():
        names = sorted({name for _, name, _ in unlike})
        raise damaged(path, f"its tables are not those of a run: {', '.join(names[:3])}")


def check_structure(path: Path, connection: sqlite3.Connection) -> None:
    """Let SQLite check its tables and indices."""
    problem = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise damaged(path, problem)
