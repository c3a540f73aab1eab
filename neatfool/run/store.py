"""The run's database: all that a run records, and all that resuming needs.

It has one transaction a generation: a run that is killed at any instant finds its last one whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import decompressobj

from neatfool.errors import RunError
from neatfool.files import Json
from neatfool.run.folder import PARTIAL_DATABASE, require_run
from neatfool.run.schema import (
    FORMAT,
    LONGEST_GENOME,
    SCHEMA,
    GenerationRecord,
    StoredCandidate,
    StoredElite,
    columns,
    report_of_row,
    write,
    write_record,
)
from neatfool.run.sqlite import (
    Connection,
    DigestTracker,
    check_structure,
    connect,
    connect_to_read,
    connect_to_write,
    damaged,
    database_errors,
    is_sealed,
    is_whole,
    transaction,
)
from neatfool.run.statistics import GenerationReport
from neatfool.spec.archive import GenomeSize

FACTS: Final = {
    **dict.fromkeys(("name", "text"), str),
    **dict.fromkeys(("seed", "ended_after", "full_of"), int),
    **dict.fromkeys(("experiment", "identity", "spec", "scoring", "target"), dict),
    **dict.fromkeys(("versions", "clock"), dict),
}
"""The type of each recorded fact about a run."""
KEYS: Final[dict[tuple[str, str], Any]] = {
    ("experiment", "description"): str,
    ("experiment", "generations"): int,
    ("experiment", "images"): int,
    ("target", "plugin"): str,
    ("target", "threshold"): (int, float),
    ("encoding", "plugin"): str,
    ("scheme", "plugin"): str,
    ("views", "number"): int,
    ("plugins", "path"): list,
    ("plugins", "observers"): list,
}
"""The types of those keys of an experiment that a run's readers use."""


class JsonRecord(dict[str, Any]):
    """An object of recorded JSON: a key that is missing means a damaged database."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.path = path

    def __missing__(self, key: str) -> Any:
        raise damaged(self.path, f"{key!r} is missing")


class RunSnapshot(NamedTuple):
    """A run at one instant; what a run only adds to is read later."""

    info: JsonRecord
    classes: tuple[str, ...]
    searched: tuple[int, ...]
    elites: tuple[StoredElite, ...]
    generation: int
    requests: dict[str, tuple[int, int]]


class RunStore:
    """A run's database, open for writing or for reading."""

    def __init__(self, path: Path, connection: Connection, *, write: bool) -> None:
        """Wrap an open connection; use :meth:`create` or :meth:`open`."""
        self.path = path
        self._connection = connection
        self._write = write
        self._class_count = 0
        self._checked = -1

    @classmethod
    def create(
        cls, path: Path, info: Mapping[str, Json], classes: Sequence[str], searched: Sequence[int]
    ) -> RunStore:
        """Make the database of a new run; ``clock`` in ``info`` differs between equal runs."""
        chosen = set(searched)
        # If the run is killed before its database is whole, it leaves none.
        partial = path.with_name(PARTIAL_DATABASE)
        with database_errors(partial):
            connection = connect(partial, "rwc")
            with transaction(connection) as db:
                for statement in SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {FORMAT}")
            connection.digests = DigestTracker(connection)
            connection.digests.adopts = True
            with transaction(connection) as db:
                write(db, "info", [(key, json.dumps(value)) for key, value in info.items()])
                write(db, "class", [(i, name, i in chosen) for i, name in enumerate(classes)])
            connection.close()
        partial.rename(path)
        return cls.open(path, write=True)

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> RunStore:
        """Open a run's database; for writing, check its structure first."""
        require_run(path.parent)
        with database_errors(path):
            # An empty file, or one of another program, stays as it is.
            connection = connect_to_write(path) if write else connect_to_read(path)
            if write:
                connection.execute("PRAGMA journal_mode = WAL")
                # A killed process loses no commit; a power cut may lose the last ones, but whole.
                connection.execute("PRAGMA synchronous = NORMAL")
                check_structure(path, connection)
            return cls(path, connection, write=write)

    def close(self) -> None:
        """Close the database. If nobody else reads it, it is a single file then."""
        with database_errors(self.path):
            if self._write:
                with suppress(sqlite3.OperationalError):
                    self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.close()

    def commit(self, record: GenerationRecord, state: Json, facts: Mapping[str, Json]) -> None:
        """Write a generation, the state after it and facts about the run, in one transaction."""
        if not self.path.exists():
            raise RunError(f"{self.path}: was deleted during the run; the run is lost")
        with database_errors(self.path), transaction(self._connection) as db:
            write_record(db, record)
            write(db, "state", [(0, json.dumps(state))], "REPLACE")
            write(db, "info", [(key, json.dumps(fact)) for key, fact in facts.items()], "REPLACE")

    def keep(self, key: str, value: Json) -> None:
        """Record a fact about the run in place of the old one."""
        with database_errors(self.path), transaction(self._connection) as db:
            write(db, "info", [(key, json.dumps(value))], "REPLACE")

    def check(self) -> None:
        """Read all rows, and compare them with the digests; once, as long as nobody writes."""
        with self._at_one_instant() as db:
            (version,) = db.execute("PRAGMA data_version").fetchone()
            if version == self._checked and not self._write:
                return
            check_structure(self.path, db)
            if not is_whole(db):
                raise damaged(self.path, "rows of its tables changed, or are missing")
        self._checked = version

    def is_own(self) -> bool:
        """Say whether this user made the run, or trusted it, and nobody changed it since."""
        self.check()
        with database_errors(self.path):
            return is_sealed(self._connection)

    def adopt(self) -> None:
        """Seal the run as this user's own."""
        assert self._connection.digests is not None
        self._connection.digests.adopts = True
        with database_errors(self.path), transaction(self._connection):
            pass

    def rows(
        self, table: str, rest: str = "", parameters: Iterable[Any] = (), *, names: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        """Read rows of a table, all columns or ``names``; refuse what neatfool does not write."""
        declared = columns(table)
        wanted = names.split(", ") if names else [*declared]
        checks = [(name, declared[name].takes) for name in wanted]
        sql = f"SELECT {', '.join(wanted)} FROM {table} {rest}"  # noqa: S608
        with database_errors(self.path):
            for row in self._connection.execute(sql, tuple(parameters)):
                for (name, takes), value in zip(checks, row, strict=True):
                    if not takes(value):
                        raise damaged(self.path, f"{table}.{name} cannot be {str(value)[:20]!r}")
                    if name == "class":
                        self._require_class(value)
                yield row

    @contextmanager
    def _at_one_instant(self) -> Iterator[Connection]:
        with database_errors(self.path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("COMMIT")

    def snapshot(self) -> RunSnapshot:
        """Read all that changes during a run, at one instant."""
        with self._at_one_instant():
            classes = self._classes()
            snapshot = RunSnapshot(
                self.info(),
                tuple(name for _, name, _ in classes),
                tuple(number for number, _, searched in classes if searched),
                tuple(self.elites()),
                self.last_generation(),
                self.requests(),
            )
        if snapshot.classes and not snapshot.searched:
            raise damaged(self.path, "no class is searched")
        return snapshot

    def _classes(self) -> list[tuple[Any, ...]]:
        rows = [*self.rows("class", "ORDER BY number")]
        for place, (number, *_) in enumerate(rows):
            if number != place:
                raise damaged(self.path, f"class {place} is missing")
        return rows

    def _require_class(self, number: int) -> None:
        if not 0 <= number < self._class_count:
            self._class_count = len(self._classes())
        if not 0 <= number < self._class_count:
            raise damaged(self.path, f"class {number} is missing")

    def info(self) -> JsonRecord:
        """Read the facts about the run."""
        info = JsonRecord(self.path, {key: self._json(text) for key, text in self.rows("info")})
        for key, value in info.items():
            if not isinstance(value, FACTS.get(key, object)):
                raise damaged(self.path, f"{key!r} cannot be {str(value)[:20]!r}")
        experiment, identity = info.get("experiment", {}), info.get("identity", {})
        sections = (*experiment.values(), *identity.values())
        if not all(isinstance(section, dict) for section in sections):
            raise damaged(self.path, "a section of its experiment is none")
        for (section, key), kinds in KEYS.items():
            value = experiment.get(section, {}).get(key)
            values = value.values() if key == "threshold" and isinstance(value, dict) else [value]
            if not all(each is None or isinstance(each, kinds) for each in values):
                raise damaged(self.path, f"[{section}] {key} cannot be {str(value)[:20]!r}")
        return info

    def classes(self) -> list[str]:
        """Read all class names."""
        return [name for _, name, _ in self._classes()]

    def state(self) -> Json:
        """Read the state that the next generation starts from, or None before the first."""
        rows = [*self.rows("state")]
        state = self._json(rows[0][1]) if rows else None
        if not isinstance(state, dict | None):
            raise damaged(self.path, "what its next generation starts from")
        return state

    def _json(self, text: str) -> Json:
        with database_errors(self.path):
            value = json.loads(text, object_hook=partial(JsonRecord, self.path))
            json.dumps(value, ensure_ascii=False).encode()  # no halves of characters
        return value

    def elites(self) -> list[StoredElite]:
        """Read the holders of the niches, in the order of the classes."""
        return [StoredElite(*row) for row in self.rows("elite", "ORDER BY class")]

    def candidate(self, id_: int) -> StoredCandidate:
        """Read a candidate, which must exist."""
        for _, generation, *size, _, genome in self.rows("candidate", "WHERE id = ?", (id_,)):
            own = "WHERE candidate = ? ORDER BY position"
            parents = tuple(p for (p,) in self.rows("parent", own, (id_,), names="parent"))
            # Ids are given as candidates are bred, so nobody descends from itself.
            if not all(0 <= parent < id_ for parent in parents):
                raise damaged(self.path, f"candidate {id_} descends from a later one")
            text = self.text_of(id_, genome)
            return StoredCandidate(id_, generation, parents, text, GenomeSize(*size))
        raise damaged(self.path, f"candidate {id_} is missing")

    def text_of(self, id_: int, genome: bytes) -> str:
        """Unpack the genome of a candidate."""
        packed = decompressobj()
        with database_errors(self.path):
            text = packed.decompress(genome, LONGEST_GENOME).decode()
            if not packed.eof:
                fault = f"is cut off, or has more than {LONGEST_GENOME:,} characters"
                raise damaged(self.path, f"the genome of candidate {id_} {fault}")
        return text

    def members(self) -> list[int]:
        """Read the ids of the candidates that the state refers to."""
        return [id_ for (id_,) in self.rows("candidate", "WHERE member ORDER BY id", names="id")]

    def image(self, candidate: int) -> bytes | None:
        """Read the PNG of an elite; None for other candidates."""
        rows = self.rows("image", "WHERE candidate = ?", (candidate,), names="png")
        return next((png for (png,) in rows), None)

    def top(self, candidate: int) -> list[tuple[int, float]]:
        """Read the classes that an elite's image scores highest in: (class, score)."""
        rows = self.rows("image", "WHERE candidate = ?", (candidate,), names="top")
        with database_errors(self.path):
            pairs = [pair for (top,) in rows if top is not None for pair in json.loads(top)]
            found = [(int(number), float(sure)) for number, sure in pairs]
        for number, _ in found:
            self._require_class(number)
        return found

    def measures(self, candidate: int) -> tuple[float, ...]:
        """Read the measures of an elite; none if the target has no grid."""
        rows = self.rows("image", "WHERE candidate = ?", (candidate,), names="measures")
        with database_errors(self.path):
            return tuple(float(each) for (text,) in rows if text for each in json.loads(text))

    def won(self, candidate: int) -> list[tuple[Any, ...]]:
        """Read the classes that a candidate took when it was scored: class, score and rank."""
        order = "WHERE candidate = ? ORDER BY rank DESC, class"
        return [*self.rows("replacement", order, (candidate,), names="class, score, rank")]

    def replacements(self, last: int, first: int = 0) -> list[tuple[Any, ...]]:
        """Read (generation, class, score, rank) of the replacements up to a generation."""
        order = "WHERE generation BETWEEN ? AND ? ORDER BY number"
        names = "generation, class, score, rank"
        return [*self.rows("replacement", order, (first, last), names=names)]

    def requests(self) -> dict[str, tuple[int, int]]:
        """Read (requests, images) by outcome, the most frequent outcome first."""
        totals: dict[str, tuple[int, int]] = {}
        # A request that was under way when its process ended has none.
        for images, outcome in self.rows("request", names="images, outcome"):
            count, sent = totals.get(outcome or "unknown", (0, 0))
            totals[outcome or "unknown"] = count + 1, sent + images
        return dict(sorted(totals.items(), key=lambda item: (-item[1][0], item[0])))

    def last_generation(self) -> int:
        """Read the number of the last generation, -1 before the first."""
        rows = self.rows("generation", "ORDER BY number DESC LIMIT 1", names="number")
        return next((int(number) for (number,) in rows), -1)

    def evaluations(self, generation: int) -> int:
        """Read how many images were scored up to a generation, 0 before the first."""
        rows = self.rows("generation", "WHERE number = ?", (generation,), names="evaluations")
        return next((int(number) for (number,) in rows), 0)

    def reports(self, first: int = 0, last: int | None = None) -> list[GenerationReport]:
        """Read the statistics of generations ``first`` to ``last``, both included."""
        first, last = max(first, 0), self.last_generation() if last is None else last
        rows = self.rows("generation", "WHERE number BETWEEN ? AND ? ORDER BY 1", (first, last))
        names = [*columns("generation")]
        reports = [report_of_row(dict(zip(names, row, strict=True))) for row in rows]
        for number, report in zip_longest(range(first, last + 1), reports):
            if report is None or report.generation != number:
                raise damaged(self.path, f"generation {number} is missing")
        return reports
