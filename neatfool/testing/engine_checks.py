"""The checks that every engine must pass, with the parts of a tiny run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import astuple, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.errors import NeatfoolError, TargetError, TargetUnavailable
from neatfool.search.seeds import derive_seeds
from neatfool.spec.engine import Answer, Engine, Part, Setup
from neatfool.testing.toys import assemble_toys

if TYPE_CHECKING:
    from neatfool.evolution.assembly import Assembly

PATIENCE: Final = 120.0
"""Seconds that an answer may take."""


class EngineSubject:
    """An engine under test, whose workers must see the temporary files of this machine."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self.make = make
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        self._started: list[Engine] = []

    @cached_property
    def engine(self) -> Engine:
        """An engine that works, for all checks."""
        engine = self.make()
        self._started.append(engine)
        words = engine.start(self.setup)
        told = isinstance(words, str) and words
        assert told, f"start() gave {words!r}; say in a few words who works"
        return engine

    @cached_property
    def setup(self) -> Setup:
        """What its workers need."""
        from neatfool.evolution.workplace import make_setup

        return make_setup(self._assembly)

    @cached_property
    def parts(self) -> list[Part]:
        """Parts of several sizes, each of other genomes."""
        encoding = self._assembly.encoding
        sent = map(encoding.to_bytes, encoding.create(derive_seeds(1, "part", ids=range(32))))
        return [Part([*islice(sent, count)], 4, False) for count in (4, 12, 3, 8, 1, 4)]

    def close(self) -> None:
        """Close the engine, and delete the files."""
        for engine in self._started:
            engine.close()
        self._folder.cleanup()

    @cached_property
    def _assembly(self) -> Assembly:
        return assemble_toys(Path(self._folder.name), generations=1)


def wait_for(futures: Iterable[Future[Answer]]) -> list[Answer]:
    """Wait for answers; fail if one takes too long."""
    try:
        return [future.result(PATIENCE) for future in futures]
    except TimeoutError as error:
        wanted = "each future must get a result or an exception"
        message = f"a part had no answer within {PATIENCE:.0f} seconds; {wanted}"
        raise AssertionError(message) from error


def check_closes_before_it_starts(subject: EngineSubject) -> None:
    engine = subject.make()
    words = engine.progress()
    engine.close()
    assert words == "", f"progress() gave {words!r} before start(); give an empty text"


def check_answers_are_those_of_the_runs_process(subject: EngineSubject) -> None:
    from neatfool.evolution.workplace import Workplace

    def bits(answer: Answer) -> list[Any]:
        """Give all but the time that it took."""
        numbers = (np.asarray(part).tobytes() for part in astuple(answer.scores))
        return [*answer.checksums, *numbers]

    parts = [*subject.parts, subject.parts[0]]  # one is given twice
    futures = [subject.engine.submit(part) for part in parts]
    with closing(Workplace(subject.setup)) as workplace:
        pairs = zip(wait_for(futures), map(workplace.answer, parts), strict=True)
        wrong = [number for number, (a, b) in enumerate(pairs) if bits(a) != bits(b)]
    assert not wrong, f"the answers of parts {wrong} are not those of neatfool.Workplace"


def check_tells_of_its_workers(subject: EngineSubject) -> None:
    workers, words = subject.engine.workers, subject.engine.progress()
    assert isinstance(workers, int) and workers >= 1, f"workers is {workers!r}; give at least 1"
    one_line = isinstance(words, str) and "\n" not in words
    assert one_line, f"progress() gave {words!r}; give text on one line"


def check_passes_on_what_fails(subject: EngineSubject) -> None:
    broken = replace(subject.parts[0], genomes=[b"no genome"])
    error = subject.engine.submit(broken).exception(PATIENCE)
    assert error is not None and not isinstance(error, TargetUnavailable), (
        f"a part that cannot be drawn gave {error!r}; give the error of Workplace.answer"
    )
    wait_for([subject.engine.submit(subject.parts[0])])


def check_refuses_another_target(subject: EngineSubject) -> None:
    engine = subject.make()
    try:
        started: object = engine.start(replace(subject.setup, fingerprint="another target's"))
    except NeatfoolError as error:
        started = error
    finally:
        engine.close()
    assert isinstance(started, TargetError | TargetUnavailable), (
        f"start() gave {started!r} though no worker has the run's target; raise TargetError"
    )
