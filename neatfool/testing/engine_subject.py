"""An engine under test, with a tiny run whose parts it is given."""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.search.seeds import derive_seeds
from neatfool.testing.expectation import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from neatfool.evolution.assembly import Assembly
    from neatfool.spec.engine import Answer, Engine, Part, Setup

PATIENCE: Final = 120.0
"""Seconds that an answer may take."""

_TOYS: Final = '''\
"""The tiny target, encoding and scheme as plugins, for workers in any process."""

from pydantic import BaseModel

from neatfool import hookimpl
from neatfool.testing import ToyEncoding, ToyScheme, ToyTarget


class Options(BaseModel, extra="forbid"):
    pass


@hookimpl
def neatfool_register_targets(register):
    register("toy", lambda options: ToyTarget(), options=Options)


@hookimpl
def neatfool_register_encodings(register):
    register("toy", lambda options, *, spec: ToyEncoding(spec), options=Options)


@hookimpl
def neatfool_register_schemes(register):
    def make(options, *, encoding, spec, seed):
        return ToyScheme(encoding, spec, seed)

    register("toy", make, options=Options)
'''

_EXPERIMENT: Final = """\
[experiment]
name = toy
generations = 1
[plugins]
path = toys.py
[target]
plugin = toy
batch_size = 4
[encoding]
plugin = toy
[scheme]
plugin = toy
"""


class EngineSubject:
    """An engine under test.

    Attributes:
        make: Makes an engine. Its workers must see the temporary files of this machine.
    """

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
        expect(
            isinstance(words, str) and words,
            f"start() gave {words!r}; say in a few words who works",
        )
        return engine

    @cached_property
    def setup(self) -> Setup:
        """What its workers need."""
        from neatfool.evolution.workplace import make_setup

        return make_setup(self._assembly)

    @cached_property
    def parts(self) -> list[Part]:
        """Parts of several sizes, each of other genomes: as bytes, or every other one as text."""
        from neatfool.spec.encoding import write_to_send
        from neatfool.spec.engine import Part

        encoding = self._assembly.encoding
        parts, first = [], 0
        for number, count in enumerate((4, 12, 3, 8, 1, 4)):
            write = encoding.dumps if number % 2 else partial(write_to_send, encoding)
            seeds = derive_seeds(1, "part", ids=range(first, first + count))
            parts.append(Part([*map(write, encoding.create(seeds))], 4, False))
            first += count
        return parts

    def answers(self) -> list[Answer]:
        """Give the parts' answers as the run's own process has them."""
        from neatfool.evolution.workplace import Workplace

        workplace = Workplace(self.setup)
        try:
            return [workplace.answer(part) for part in self.parts]
        finally:
            workplace.close()

    def other_setup(self) -> Setup:
        """Give the setup of another target, which no worker has."""
        return replace(self.setup, fingerprint="another target's")

    def close(self) -> None:
        """Close the engine, and delete the files."""
        for engine in self._started:
            engine.close()
        self._folder.cleanup()

    @cached_property
    def _assembly(self) -> Assembly:
        from neatfool.evolution.assembly import assemble
        from neatfool.experiment.experiment import load_experiment

        folder = Path(self._folder.name)
        (folder / "toys.py").write_text(_TOYS)
        (folder / "toy.ini").write_text(_EXPERIMENT)
        return assemble(load_experiment(folder / "toy.ini"))


def wait_for(futures: Iterable[Future[Answer]]) -> list[Answer]:
    """Wait for answers; fail if one takes too long."""
    answers = []
    for number, future in enumerate(futures):
        try:
            answers.append(future.result(PATIENCE))
        except TimeoutError as error:
            raise AssertionError(
                f"part {number} had no answer within {PATIENCE:.0f} seconds; each future must get "
                "a result or an exception"
            ) from error
    return answers


def same_bits(answer: Answer, wanted: Answer) -> bool:
    """Say whether two answers agree in all but the time that they took."""
    if list(answer.checksums) != list(wanted.checksums):
        return False
    pairs = zip(astuple(answer.scores), astuple(wanted.scores), strict=True)
    return all(
        (a is None) == (b is None) and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for a, b in pairs
    )
