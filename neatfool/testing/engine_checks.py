"""The checks that every engine must pass: its workers answer as a tiny run's own process does."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np

from neatfool.errors import NeatfoolError
from neatfool.spec.engine import Answer, Engine, Part, Setup
from neatfool.testing.checking import FolderSubject
from neatfool.testing.toys import assemble_toys

SECONDS: Final = 120.0
"""A worker may take so long for a part."""


class EngineSubject(FolderSubject[Engine]):
    """An engine under test, for a tiny run."""

    started = ""

    @cached_property
    def made(self) -> Engine:
        """The engine that the checks share, started."""
        engine = self.make()
        try:
            self.started = engine.start(self.setup)
        except BaseException:
            engine.close()
            raise
        return engine

    @cached_property
    def setup(self) -> Setup:
        """What the run gives its workers."""
        from neatfool.evolution.workplace import make_setup

        assembly = assemble_toys(self.folder, 2)
        try:
            return make_setup(assembly)
        finally:
            assembly.scorer.close()

    def close(self) -> None:
        """End the workers, and delete the files."""
        if "made" in vars(self):
            self.made.close()
        super().close()


def check_says_who_works(subject: EngineSubject) -> None:
    workers, words = subject.made.workers, subject.started
    assert isinstance(workers, int) and workers > 0, f"workers is {workers!r}; it is 1 or more"
    assert isinstance(words, str) and words, f"start() gave {words!r}; say in words who works"
    assert isinstance(subject.made.progress(), str), "progress() gave no text"


def check_answers_as_the_runs_own_process_does(subject: EngineSubject) -> None:
    (part, expected), *_ = subject.setup.probes
    rows = [slice(first, first + 2) for first in range(0, len(part.genomes), 2)]
    rows *= subject.made.workers + 1  # more parts than workers: some wait
    given = [subject.made.submit(replace(part, genomes=part.genomes[each])) for each in rows]
    for each, future in zip(rows, given, strict=True):
        answer = _wait(future)
        same = np.array_equal(answer.scores.probs, expected.scores.probs[each])
        assert same, "a worker's scores are not those of the run's own process; is it Workplace's?"
        drawn = [*answer.checksums] == [*expected.checksums[each]]
        assert drawn, "a part has the answer to another; each future belongs to its own part"


def check_errors_of_a_part_are_passed_on(subject: EngineSubject) -> None:
    error = subject.made.submit(Part([b"no genome"], 1, screen=False)).exception(SECONDS)
    fault = f"a part that cannot be drawn gave {error!r}"
    assert isinstance(error, NeatfoolError), f"{fault}; give the future what answer() raises"


def check_a_worker_of_another_target_is_refused(subject: EngineSubject) -> None:
    engine = subject.make()
    try:
        engine.start(replace(subject.setup, fingerprint="another"))
    except NeatfoolError:
        return
    finally:
        engine.close()
    raise AssertionError("start() accepts a worker whose target is not the run's")


def check_can_be_closed_before_it_starts(subject: EngineSubject) -> None:
    subject.make().close()


def _wait(future: Future[Answer]) -> Answer:
    try:
        return future.result(SECONDS)
    except TimeoutError:
        raise AssertionError(f"no answer to a part within {SECONDS:g} seconds") from None
