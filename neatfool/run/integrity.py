"""The digest of a run's content, and the seal by which this user's runs are known.

The digest of a table is the sum, modulo 2^2048, of a hash of each of its rows (AdHash: Bellare and
Micciancio, "A New Paradigm for Collision-Free Hashing", 1997): each commit carries it on, and a
missing row shows. The seal is an HMAC of all digests, under a key of the user's own configuration.
"""

import hmac
import os
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256, shake_256
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
_SEAL: Final = "seal"
_EVENTS: Final = {
    "INSERT": [(1, "NEW")],
    "DELETE": [(-1, "OLD")],
    "UPDATE": [(-1, "OLD"), (1, "NEW")],
}
"""Which row each kind of change adds or takes away."""


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


class Digests:
    """The digests of a database's tables, which follow each change of its connection."""

    adopts = False
    """Whether to seal the content although it bore another seal, or none."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Follow a connection that is open for writing."""
        self._key = user_key()
        self._changes = changes = Counter[str]()

        def note(sign: int, table: str, *row: Any) -> None:
            changes[table] += sign * _number(row)

        connection.create_function("note_change", -1, note)
        # Otherwise REPLACE deletes rows without a word.
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        for table in TABLES:
            for event, steps in _EVENTS.items():
                rows = [(sign, f"'{table}', {_list(table, row)}") for sign, row in steps]
                calls = "".join(f"SELECT note_change({sign}, {row}); " for sign, row in rows)
                trigger = f"{table}_{event} AFTER {event} ON main.{table}"
                connection.execute(f"CREATE TEMP TRIGGER {trigger} BEGIN {calls}END")

    @contextmanager
    def carried_on(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Add to the digests what the block changes, inside a transaction, and renew the seal."""
        self._changes.clear()
        before = _read(connection)
        is_own = self.adopts or _is_sealed(before, self._key)
        yield
        if not self._changes and not self.adopts:
            return
        after = before | {
            table: _digest(int.from_bytes(before.get(table, b"")) + change)
            for table, change in self._changes.items()
        }
        after[_SEAL] = _seal(after, self._key) if is_own and self._key else b""
        changed = [(part, value) for part, value in after.items() if before.get(part) != value]
        connection.executemany("REPLACE INTO seal VALUES (?, ?)", changed)


def find_change(connection: sqlite3.Connection) -> str | None:
    """Name a table whose content is not what its digest says; None if all are whole."""
    recorded = _read(connection)
    for table in TABLES:
        rows = connection.execute(f"SELECT {_list(table)} FROM {table}")  # noqa: S608
        if recorded.get(table, bytes(_WIDTH)) != _digest(sum(map(_number, rows))):
            return table
    return None


def is_sealed(connection: sqlite3.Connection) -> bool:
    """Say whether the digests bear this user's seal."""
    return _is_sealed(_read(connection), user_key())


def _is_sealed(digests: dict[str, bytes], key: bytes | None) -> bool:
    return key is not None and hmac.compare_digest(digests.get(_SEAL, b""), _seal(digests, key))


def _seal(digests: dict[str, bytes], key: bytes) -> bytes:
    whole = b"".join(digests.get(table, bytes(_WIDTH)) for table in TABLES)
    return hmac.digest(key, b"a run of neatfool" + whole, "sha256")


def _read(connection: sqlite3.Connection) -> dict[str, bytes]:
    rows = connection.execute("SELECT part, value FROM seal")
    return {part: value for part, value in rows if isinstance(value, bytes)}


def _digest(total: int) -> bytes:
    return int.to_bytes(total % 2 ** (8 * _WIDTH), _WIDTH)


def _list(table: str, row: str = "") -> str:
    return ", ".join(f"{row}.{name}" if row else name for name in columns(table))


def _number(row: tuple[Any, ...]) -> int:
    """Hash a row; each value counts with its type and its length."""
    whole = sha256()
    for value in row:
        # SQLite keeps no sign of zero.
        number = value + 0.0 if isinstance(value, float) else value
        data = value if isinstance(value, bytes) else ascii(number).encode()
        whole.update(f"{type(value).__name__} {len(data)} ".encode())
        whole.update(data)
    return int.from_bytes(shake_256(whole.digest()).digest(_WIDTH))
