"""The ledger of a metered target, which costs something to ask: what was spent, and the answers.

A request is in the run's database before it is sent, so that the ledger is right even if the
process dies. An answer is kept as soon as it comes, so that no image is asked twice.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np

from neatfool.errors import BudgetSpent
from neatfool.run.schema import SCHEMA, write
from neatfool.run.sqlite import (
    Connection,
    connect,
    connect_to_write,
    database_errors,
    transaction,
)
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Labels, Scores
from neatfool.spec.target import Budget
from neatfool.wording import counted

_ANSWERS = "SELECT image, scores FROM answer WHERE image IN"
_SPENT = "SELECT count(*), coalesce(sum(images), 0) FROM request"


def check_allowed(name: str, images: int, most: int | None) -> None:
    """Refuse to send a metered target so many images if the user allows fewer.

    Raises:
        BudgetSpent: ``most`` is less than ``images``, or None.
    """
    if most is None or images > most:
        allowed = "" if most is None else f", and {most:,} are allowed"
        raise BudgetSpent(
            f"{name}: this takes up to {counted(images, 'query', 'queries')} of a target that "
            f"costs something to ask{allowed}; nothing was asked. Allow them with --max-queries "
            f"{images}, or look at fewer images (--sample, --classes)"
        )


class Ledger:
    """Counts the requests to a target, and refuses those that exceed the budget.

    Several threads may use it at once, but only one process at a time.

    Attributes:
        budget: The most that may be spent.
        queries: Images sent so far; one that was sent twice counts twice.
        requests: Requests sent so far.
        debits: Requests entered through this object, including those taken back.
    """

    def __init__(self, budget: Budget | None = None, database: Path | None = None) -> None:
        """Open the ledger of a run, or begin one in memory.

        Args:
            budget: The most that may be spent; no limit if absent.
            database: The run's database; in memory if absent.

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
            self._connection.executescript(SCHEMA)
        else:
            with database_errors(database):
                self._connection = connect_to_write(database)
        self.queries = self.requests = self.debits = 0
        self._version = -1
        with self._locked() as db:
            self._look_for_others(db)

    @property
    def queries_left(self) -> int | None:
        """The number of images that may still be sent; None if there is no limit."""
        most = self.budget.queries
        return None if most is None else max(0, most - self.queries)

    @property
    def requests_left(self) -> int | None:
        """The number of requests that may still be sent; None if there is no limit."""
        most = self.budget.requests
        return None if most is None else max(0, most - self.requests)

    def debit(self, images: int) -> int:
        """Enter a request of some number of images before sending it; it is on the disk then.

        Returns:
            The request's number, from 1.

        Raises:
            BudgetSpent: The request exceeds the budget. Do not send it.
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
        """Say why a request of ``images`` exceeds the budget; the empty string if it does not."""
        for more, (spent, most, one, many) in zip((images, 1), self._limits(), strict=True):
            if most is not None and spent + more > most:
                verb = "is" if most == 1 else "are"
                return f"{spent:,} of {counted(most, one, many)} (max_{many}) {verb} spent"
        return ""

    def overspent(self) -> str:
        """Say that more is spent than the budget allows; the empty string if it is not."""
        for spent, most, _, many in self._limits():
            if most is not None and spent > most:
                return f"max_{many} = {most}: {spent:,} {many} are spent already"
        return ""

    def _limits(self) -> Iterator[tuple[int, int | None, str, str]]:
        yield self.queries, self.budget.queries, "query", "queries"
        yield self.requests, self.budget.requests, "request", "requests"

    def take_back(self, number: int) -> None:
        """Delete a request by its number, as it was never sent, and refund it."""
        with self._locked() as db:
            self._look_for_others(db)
            key = (number,)
            (images,) = db.execute("SELECT images FROM request WHERE number = ?", key).fetchone()
            db.execute("DELETE FROM request WHERE number = ?", key)
            self.requests -= 1
            self.queries -= images

    def settle(self, number: int, outcome: str) -> None:
        """Note a request's outcome (``answered``, ``429``); the next change writes it."""
        with self._lock:
            self._settled[number] = outcome[:80]

    def answers(self, images: Collection[bytes]) -> dict[bytes, bytes]:
        """Read the answers to images, each given by its hash; images without one are left out."""
        answers: dict[bytes, bytes] = {}
        wanted = iter(images)
        with self._lock, database_errors(self._where):
            most = self._connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
            while some := [*islice(wanted, most)]:
                places = ", ".join("?" * len(some))
                answers.update(self._connection.execute(f"{_ANSWERS} ({places})", some).fetchall())
        return answers

    def count(self) -> int:
        """Count the answered images."""
        with self._lock, database_errors(self._where):
            return int(self._connection.execute("SELECT count(*) FROM answer").fetchone()[0])

    def keep(self, answers: Mapping[bytes, bytes]) -> None:
        """Keep answers, by the hash of the image.

        They survive a killed process. A power cut may lose those since the last debit; asking
        again is debited again.
        """
        with self._locked(synchronous="NORMAL") as db:
            self._write_settled(db)
            write(db, "answer", answers.items(), "INSERT OR IGNORE")

    def forget(self, images: Iterable[bytes]) -> None:
        """Delete the answers to some images."""
        with self._locked() as db:
            self._write_settled(db)
            db.executemany("DELETE FROM answer WHERE image = ?", [(image,) for image in images])

    def close(self) -> None:
        """Write the noted outcomes, and close the database."""
        try:
            with self._locked() as db:
                self._write_settled(db)
        finally:
            self._connection.close()

    def _look_for_others(self, db: Connection) -> None:
        """Sum up again if another process wrote, as it may have spent something."""
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.requests, self.queries = db.execute(_SPENT).fetchone()

    def _write_settled(self, db: Connection) -> None:
        settled = [(text, number) for number, text in self._settled.items()]
        db.executemany("UPDATE request SET outcome = ? WHERE number = ?", settled)
        self._settled.clear()

    @contextmanager
    def _locked(self, synchronous: str = "FULL") -> Iterator[Connection]:
        """Give the database to this thread for one transaction, which survives a power cut."""
        with self._lock, database_errors(self._where):
            self._connection.execute(f"PRAGMA synchronous = {synchronous}")
            with transaction(self._connection) as db:
                yield db


REFUSED: Final = b""
"""The bytes of an unusable answer."""
_LABELS, _NUMBERS = b"l", b"n"
"""The first byte of other answers: JSON follows; or dtypes, a line end and numbers."""


def write_answers(answer: Scores | Labels) -> list[bytes]:
    """Write a checked answer for the ledger, image by image."""
    assert answer.ok is not None
    if isinstance(answer, Labels):
        return [
            _LABELS + json.dumps(confidences).encode() if ok else REFUSED
            for confidences, ok in zip(answer.found, answer.ok, strict=True)
        ]
    tables = [answer.probs] if answer.logits is None else [answer.probs, answer.logits]
    head = _NUMBERS + " ".join(table.dtype.str for table in tables).encode() + b"\n"
    return [
        b"".join([head, *(table[row].tobytes() for table in tables)]) if ok else REFUSED
        for row, ok in enumerate(answer.ok)
    ]


def read_answers(kept: Sequence[bytes], classes: list[str], spec: ImageSpec) -> Scores:
    """Read answers to N images as scores [N, K]; names that are new are appended to ``classes``."""
    answers, known = [_read(each) for each in kept], set(classes)
    for answer in answers:
        if not isinstance(answer, Scores | None):
            new = [(-sure, name) for name, sure in answer.items() if name not in known]
            classes += [name for _, name in sorted(new)]
            known.update(name for _, name in new)
    numbers = {name: number for number, name in enumerate(classes)}
    ok = np.array([answer is not None for answer in answers], np.bool_)
    dense = [answer for answer in answers if isinstance(answer, Scores)]
    dtype = dense[0].probs.dtype if dense else np.dtype(np.float64)
    probs = np.zeros((len(kept), len(classes)), dtype)
    logits = None
    if dense and dense[0].logits is not None:
        logits = np.zeros((len(kept), len(dense[0].logits)), dtype)
    for row, answer in enumerate(answers):
        if isinstance(answer, Scores):
            probs[row] = answer.probs
            if logits is not None:
                logits[row] = answer.logits
        elif answer is not None:
            for name, confidence in answer.items():
                probs[row, numbers[name]] = confidence
    alone = logits is not None and spec.stands_alone(logits.shape[1])
    return Scores(probs, logits, ok, alone=alone)


def _read(kept: bytes) -> Scores | Mapping[str, float] | None:
    if kept == REFUSED:
        return None
    if kept.startswith(_LABELS):
        confidences: dict[str, float] = json.loads(kept[1:])
        return confidences
    head, _, numbers = kept[1:].partition(b"\n")
    kinds = [np.dtype(kind) for kind in head.decode().split()]
    classes = len(numbers) // sum(kind.itemsize for kind in kinds)
    probs = np.frombuffer(numbers, kinds[0], classes)
    start = probs.nbytes
    return Scores(probs, np.frombuffer(numbers, kinds[1], offset=start) if kinds[1:] else None)
