"""The ledger: what a run may ask of a target whose answers cost something, and what it has asked.

It is a part of the run's database. A request is entered before it is sent, and is on the disk by
then: whatever happens to the process, what was spent is known. An answer is kept as soon as it is
there, so that nothing is asked twice.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from neatfool.errors import BudgetSpent
from neatfool.run.schema import LEDGER_SCHEMA, seal, sound, write
from neatfool.run.sqlite import connect, damaged, migrate, sqlite_errors_in_words, transaction
from neatfool.wording import counted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_SPENT = f"SELECT count(*), sum(images), min{sound('request')} FROM request"  # noqa: S608
_ANSWER = f"SELECT scores, {sound('answer')} FROM answer WHERE image = ?"  # noqa: S608
_SETTLE = (
    f"UPDATE request SET outcome = ?1, checksum = {seal('request', {'outcome': '?1'})} "  # noqa: S608
    "WHERE number = ?2"
)


@dataclass(frozen=True)
class Budget:
    """What may be spent in all; None where there is no limit.

    Attributes:
        queries: Images that may be sent.
        requests: Requests that may be sent.
    """

    queries: int | None = None
    requests: int | None = None


class Ledger:
    """Counts what is sent to a target, and refuses what exceeds the budget.

    It may be used from several threads at once, and by one process at a time.

    Attributes:
        budget: What may be spent.
        queries: Images sent so far, those sent again included.
        requests: Requests sent so far.
        debits: Requests that were entered through this object, also those taken back since.
    """

    def __init__(self, budget: Budget | None = None, database: Path | None = None) -> None:
        """Open the ledger of a run, or begin one in memory.

        Args:
            budget: What may be spent; there is no limit if absent.
            database: The run's database.

        Raises:
            RunError: The database is damaged.
            StorageError: It cannot be written.
        """
        self.budget = budget or Budget()
        self._where = database
        self._lock = Lock()
        self._settled: dict[int, str] = {}
        if database is None:
            self._connection = connect(None)
            self._connection.executescript(LEDGER_SCHEMA)
        else:
            with sqlite_errors_in_words(database):
                self._connection = connect(database)
                migrate(database, self._connection)
                # What was paid for is to outlive a power cut, too.
                self._connection.execute("PRAGMA synchronous = FULL")
        self.queries = self.requests = self.debits = 0
        self._version = -1
        with self._locked() as db:
            self._look_for_others(db)

    @property
    def queries_left(self) -> int | None:
        """How many images may still be sent; None if there is no limit."""
        return None if self.budget.queries is None else max(0, self.budget.queries - self.queries)

    @property
    def requests_left(self) -> int | None:
        """How many requests may still be sent; None if there is no limit."""
        if self.budget.requests is None:
            return None
        return max(0, self.budget.requests - self.requests)

    def debit(self, images: int) -> int:
        """Enter a request that is about to be sent.

        It is on the disk when this returns.

        Args:
            images: How many images it carries.

        Returns:
            The request's number, from 1.

        Raises:
            BudgetSpent: It exceeds the budget, and must not be sent.
        """
        with self._locked() as db:
            self._look_for_others(db)
            if shortage := self.shortage(images):
                raise BudgetSpent(shortage)
            self._write_settled(db)
            (last,) = db.execute("SELECT coalesce(max(number), 0) FROM request").fetchone()
            write(db, "request", [(last + 1, images, None)])
            self.requests += 1
            self.queries += images
            self.debits += 1
        return int(last) + 1

    def shortage(self, images: int) -> str:
        """Say what a request of so many images exceeds; the empty string if there is room."""
        budget = self.budget
        if budget.queries is not None and self.queries + images > budget.queries:
            return _share(self.queries, budget.queries, "query", "queries")
        if budget.requests is not None and self.requests >= budget.requests:
            return _share(self.requests, budget.requests, "request", "requests")
        return ""

    def overspent(self) -> str:
        """Say that the budget is smaller than what is spent; the empty string if it is not."""
        budget = self.budget
        if budget.queries is not None and self.queries > budget.queries:
            return f"max_queries = {budget.queries}: {self.queries:,} queries are spent already"
        if budget.requests is not None and self.requests > budget.requests:
            return f"max_requests = {budget.requests}: {self.requests:,} requests are spent already"
        return ""

    def take_back(self, number: int) -> None:
        """Strike out a request of which nothing was sent: it was not even connected.

        It is off the disk when this returns, and may be made good by another one.

        Args:
            number: The request's, which is not settled.
        """
        with self._locked() as db:
            self._look_for_others(db)
            which = (number,)
            (images,) = db.execute("SELECT images FROM request WHERE number = ?", which).fetchone()
            db.execute("DELETE FROM request WHERE number = ?", which)
            self.requests -= 1
            self.queries -= images

    def settle(self, number: int, outcome: str) -> None:
        """Note what became of a request.

        It is written with whatever is written next.

        Args:
            number: The request's.
            outcome: A word or a few: ``answered``, ``timed out``, ``429`` …
        """
        with self._lock:
            self._settled[number] = outcome[:80]

    def answer(self, image: bytes) -> bytes | None:
        """Read what was answered to an image; None if nothing was.

        Args:
            image: What tells it from others: a hash.
        """
        with self._lock, _in_words(self._where):
            found = self._connection.execute(_ANSWER, (image,)).fetchone()
        if found is None:
            return None
        self._expect_sound(found[1], "answer")
        scores: bytes = found[0]
        return scores

    def count(self) -> int:
        """Count the images that there are answers to."""
        with self._lock, _in_words(self._where):
            return int(self._connection.execute("SELECT count(*) FROM answer").fetchone()[0])

    def keep(self, answers: Mapping[bytes, bytes]) -> None:
        """Keep what was answered: scores by image."""
        with self._locked() as db:
            self._write_settled(db)
            write(db, "answer", answers.items(), "INSERT OR IGNORE")

    def forget(self, images: Iterable[bytes]) -> None:
        """Forget what was answered to some images."""
        with self._locked() as db:
            self._write_settled(db)
            db.executemany("DELETE FROM answer WHERE image = ?", [(image,) for image in images])

    def close(self) -> None:
        """Write what is left, and close the database."""
        try:
            with self._locked() as db:
                self._write_settled(db)
        finally:
            self._connection.close()

    def _look_for_others(self, db: sqlite3.Connection) -> None:
        """Sum up again, if somebody else wrote: another process may spend, too."""
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.requests, queries, is_sound = db.execute(_SPENT).fetchone()
            self.queries = queries or 0
            if self.requests:
                self._expect_sound(is_sound, "request")

    def _write_settled(self, db: sqlite3.Connection) -> None:
        rows: Sequence[tuple[str, int]] = [(text, n) for n, text in self._settled.items()]
        db.executemany(_SETTLE, rows)
        self._settled.clear()

    def _expect_sound(self, is_sound: object, table: str) -> None:
        if not is_sound and self._where is not None:
            raise damaged(self._where, f"a row of table {table} changed")

    @contextmanager
    def _locked(self) -> Iterator[sqlite3.Connection]:
        """Give the database to this thread, for one transaction."""
        with self._lock, _in_words(self._where), transaction(self._connection) as db:
            yield db


def _share(spent: int, budget: int, one: str, many: str) -> str:
    """Say that a budget is spent, and what its option is called."""
    verb = "is" if budget == 1 else "are"
    return f"{spent:,} of {counted(budget, one, many)} (max_{many}) {verb} spent"


@contextmanager
def _in_words(database: Path | None) -> Iterator[None]:
    if database is None:
        yield
    else:
        with sqlite_errors_in_words(database):
            yield
