"""The digest of a run's content, and the seal by which this user's runs are known.

The digest is the sum, modulo 2^2048, of a hash of each row (AdHash: Bellare and Micciancio, "A New
Paradigm for Collision-Free Hashing", 1997), so each commit can carry it on, and a missing row
shows. The seal is an HMAC of the digest, under a key of the user's own configuration.
"""

import hmac
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256, shake_256
from itertools import product
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from platformdirs import user_config_path

from neatfool.files import write_whole
from neatfool.run.schema import TABLES, columns

PLACE: Final = "NEATFOOL_CONFIG"
"""The environment variable that names a folder to use in place of the user's configuration."""
KEY_BYTES: Final = 32
_WIDTH: Final = 256
"""Bytes of a digest. A sum of fewer bits could be met by other rows (Wagner, 2002)."""
_EVENTS: Final = {"INSERT": {"NEW": 1}, "DELETE": {"OLD": -1}, "UPDATE": {"OLD": -1, "NEW": 1}}
"""Which rows each kind of change adds (1) or takes away (-1)."""


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
