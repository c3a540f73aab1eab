"""The checks that every engine must pass, with the parts of a tiny run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neatfool.errors import NeatfoolError, TargetError, TargetUnavailable
from neatfool.testing.engine_subject import PATIENCE, EngineSubject, same_bits, wait_for
from neatfool.testing.expectation import Suite, add_tests, expect

if TYPE_CHECKING:
    from neatfool.spec.engine import Engine


def check_closes_before_it_starts(subject: EngineSubject) -> None:
    """An engine that never started can be closed, and has no progress to tell."""
    engine = subject.make()
    words = engine.progress()
    engine.close()
    expect(words == "", f"progress() gave {words!r} before start(); give an empty text")


def check_answers_are_those_of_the_runs_process(subject: EngineSubject) -> None:
    """Each part has the scores and images of the run's own process, to the bit, by its place."""
    futures = [subject.engine.submit(part) for part in subject.parts]
    pairs = zip(wait_for(futures), subject.answers(), strict=True)
    wrong = [number for number, pair in enumerate(pairs) if not same_bits(*pair)]
    expect(
        not wrong,
        f"the answers of parts {wrong} are not those of neatfool.Workplace; a future must get the "
        "answer of its own part, unchanged",
    )


def check_answers_are_the_same_again(subject: EngineSubject) -> None:
    """A part that is given twice is answered twice, equally, and others in between."""
    first, *others = subject.parts
    futures = [subject.engine.submit(part) for part in (first, *others, first)]
    answers = wait_for(futures)
    expect(same_bits(answers[0], answers[-1]), "a part that was given twice has two answers")


def check_counts_its_workers(subject: EngineSubject) -> None:
    """``workers`` is a number, at least 1."""
    workers = subject.engine.workers
    expect(isinstance(workers, int) and workers >= 1, f"workers is {workers!r}; give at least 1")


def check_tells_its_progress(subject: EngineSubject) -> None:
    """``progress()`` gives text on one line."""
    wait_for([subject.engine.submit(subject.parts[0])])
    words = subject.engine.progress()
    expect(
        isinstance(words, str) and "\n" not in words,
        f"progress() gave {words!r}; give text on one line",
    )


def check_passes_on_what_fails(subject: EngineSubject) -> None:
    """A part that cannot be drawn has its error as its future's exception; work goes on."""
    broken = replace(subject.parts[0], genomes=["no genome"])
    error = subject.engine.submit(broken).exception(PATIENCE)
    expect(
        error is not None and not isinstance(error, TargetUnavailable),
        f"a part that cannot be drawn gave {error!r}; give the exception that Workplace.answer "
        "raises",
    )
    wait_for([subject.engine.submit(subject.parts[0])])


def check_refuses_another_target(subject: EngineSubject) -> None:
    """``start()`` raises if the workers' target is not the run's; the engine can be closed."""
    engine = subject.make()
    try:
        raised = _start(engine, subject)
    finally:
        engine.close()
    expect(
        isinstance(raised, TargetError | TargetUnavailable),
        f"start() gave {raised!r} though no worker has the run's target; raise TargetError",
    )


def _start(engine: Engine, subject: EngineSubject) -> object:
    try:
        return engine.start(subject.other_setup())
    except NeatfoolError as error:
        return error


ENGINE_CHECKS = (
    check_closes_before_it_starts,
    check_answers_are_those_of_the_runs_process,
    check_answers_are_the_same_again,
    check_counts_its_workers,
    check_tells_its_progress,
    check_passes_on_what_fails,
    check_refuses_another_target,
)


class EngineSuite(Suite[EngineSubject]):
    """The tests that every engine passes.

    Example::

        class TestThreads(EngineSuite):
            def make_engine(self):
                return Threads(Options(workers=2))
    """

    def make_engine(self) -> Engine:
        """Make the engine to test; its workers must see this machine's temporary files."""
        raise NotImplementedError("say how to make the engine: override make_engine()")

    def make_subject(self) -> EngineSubject:
        """Make the engine's subject."""
        return EngineSubject(self.make_engine)


add_tests(EngineSuite, ENGINE_CHECKS)
