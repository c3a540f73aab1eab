"""A workplace: where an engine's worker draws and scores parts of a run, in its own process."""

from __future__ import annotations

import platform
from contextlib import suppress
from dataclasses import astuple, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.errors import TargetError, blaming
from neatfool.evolution.assembly import assemble
from neatfool.experiment.experiment import Experiment
from neatfool.network.memory import OutOfMemory
from neatfool.scoring.answers import draw
from neatfool.scoring.plan import Plan
from neatfool.scoring.remote import checksums_of
from neatfool.scoring.repeatability import differ
from neatfool.scoring.viewed_target import saved
from neatfool.search.seeds import derive_seeds
from neatfool.spec.encoding import read_sent, write_to_send
from neatfool.spec.engine import Answer, Part, Setup

if TYPE_CHECKING:
    from neatfool.evolution.assembly import Assembly

VERSIONED: Final = ("neatfool", "torch", "torchvision", "neat-python", "numpy", "pillow")
PROBES: Final = 8
ROUNDS: Final = 20
"""So often the probes are mutated: large networks show more of how a machine draws."""


def versions() -> dict[str, str]:
    """Give the versions of Python and of what a run's result depends on."""
    return {"python": platform.python_version(), **{each: version(each) for each in VERSIONED}}


def make_setup(assembly: Assembly) -> Setup:
    """Write down what a worker needs for a run, with probes that this process has answered."""
    encoding, scorer, resolved = assembly.encoding, assembly.scorer, assembly.experiment.resolved()
    seed = assembly.experiment.general.seed
    genomes = encoding.create(derive_seeds(seed, "probe", 0, ids=range(PROBES)))
    for number in range(1, ROUNDS + 1):
        seeds = derive_seeds(seed, "probe", number, ids=range(PROBES))
        genomes = encoding.breed([[genome] for genome in genomes], seeds)
    sent, probes = [write_to_send(encoding, genome) for genome in genomes], []
    for screen in (False, True)[: 1 + bool(scorer.plan.screening)]:
        part = Part(sent, scorer.batches.sizes[screen], screen)
        with suppress(OutOfMemory):  # The run itself finds out how many images fit.
            probes.append((part, _answer(part, assembly)))
    observers = resolved["plugins"]["observers"]
    return Setup(
        # Observers look on in the run's process only.
        experiment={name: keys for name, keys in resolved.items() if name not in observers}
        | {"plugins": {**resolved["plugins"], "observers": []}},
        scoring=scorer.plan.to_json(),
        fingerprint=scorer.fingerprint,
        threads=torch.get_num_threads(),
        versions=versions(),
        probes=probes,
    )


def _answer(part: Part, assembly: Assembly) -> Answer:
    """Draw and score a part in this process, as :meth:`Workplace.answer` says."""
    encoding, batches = assembly.encoding, assembly.scorer.batches
    name = assembly.experiment.encoding.label
    with blaming(f"{name}: render() failed"):
        genomes = [read_sent(encoding, each) for each in part.genomes]
    images = draw(assembly.drawn_by, genomes, batches.spec, name)
    batches.sizes[part.screen] = part.size
    scores, seconds = batches.collect(batches.submit(images, screen=part.screen))
    return Answer(scores, checksums_of(saved(images).cpu().numpy()), seconds * batches.workers)


class Workplace:
    """A run's target and encoding in a worker's process, which score as the run's own do."""

    def __init__(self, setup: Setup) -> None:
        """Make them, and check them by the setup's fingerprint and probes.

        Raises:
            NeatfoolError: This process cannot be used for the run, with the reason.
        """
        plan = Plan.from_json(setup.scoring)
        if plan.threads is None:
            torch.set_num_threads(setup.threads)
        experiment = Experiment.from_resolved(setup.experiment)
        # An engine has as many workers as are to work side by side.
        calls = experiment.calls.model_copy(update={"threads": 1})
        self._assembly = assemble(replace(experiment, calls=calls), plan, to_search=False)
        self._scorer = self._assembly.scorer
        try:
            self._check(setup)
        except BaseException:
            self.close()
            raise

    def answer(self, part: Part) -> Answer:
        """Draw and score a part.

        Raises:
            NeatfoolError: The target or the encoding failed.
            OutOfMemory: Memory ran out; the run goes on with smaller batches.
        """
        return _answer(part, self._assembly)

    def close(self) -> None:
        """Close the target."""
        self._scorer.close()

    def _check(self, setup: Setup) -> None:
        here, there = self._scorer.batches.device, setup.scoring["device"]
        wrong = ""
        if self._scorer.fingerprint != setup.fingerprint:
            wrong = f"its {self._scorer.name} is not the run's: other weights, code or options"
        elif here != there:
            wrong = f"scores on {here}, and the run on {there}"
        for part, expected in setup.probes:
            wrong = wrong or self._compare(self.answer(part), expected)
        if wrong:
            other = [
                f"{name} {own}, and the run {setup.versions[name]}"
                for name, own in versions().items()
                if own != setup.versions[name]
            ]
            raise TargetError("; it has ".join([wrong, *other]))

    def _compare(self, answer: Answer, expected: Answer) -> str:
        """Say how answers differ; empty if all bits are equal."""
        pairs = zip(answer.checksums, expected.checksums, strict=True)
        if apart := sum(here != there for here, there in pairs):
            return f"draws {apart} of {len(answer.checksums)} probes differently"
        both = zip(astuple(answer.scores), astuple(expected.scores), strict=True)
        if all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in both if b is not a):
            return ""
        _, words = differ(expected.scores, answer.scores, self._scorer.spec.classes)
        return f"scores the probes differently ({words})"
