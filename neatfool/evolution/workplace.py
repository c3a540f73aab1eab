"""What an engine's workers need of a run, and a run's place in a worker's process."""

from contextlib import ExitStack, suppress
from dataclasses import astuple, replace
from typing import Final

import numpy as np
import torch

from neatfool.errors import TargetError, blaming
from neatfool.evolution.assembly import Assembly, assemble, versions
from neatfool.experiment.experiment import Experiment
from neatfool.machine import tune_process
from neatfool.network.devices import OutOfMemory
from neatfool.scoring.checks import draw, saved_images
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.remote import checksums_of
from neatfool.scoring.repeatability import compare_scores
from neatfool.spec.engine import Answer, Part, Setup
from neatfool.spec.seeds import derive_seeds

PROBES: Final = 8
ROUNDS: Final = 20
"""So often the probes are mutated: large networks show more of how a machine draws."""


def make_setup(assembly: Assembly) -> Setup:
    """Write down what a worker needs for a run, with probes that this process has answered."""
    encoding, scorer, resolved = assembly.encoding, assembly.scorer, assembly.experiment.resolved()
    seed = assembly.experiment.general.seed
    genomes = encoding.create(derive_seeds(seed, "probe", 0, ids=range(PROBES)))
    for number in range(1, ROUNDS + 1):
        seeds = derive_seeds(seed, "probe", number, ids=range(PROBES))
        genomes = encoding.breed([[genome] for genome in genomes], seeds)
    sent, probes = [*map(encoding.to_bytes, genomes)], []
    for screen in (False, True) if scorer.plan.screening else (False,):
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
        genomes = [*map(encoding.from_bytes, part.genomes)]
    images = draw(assembly.encodings, genomes, batches.spec, name)
    batches.sizes[part.screen] = part.size
    scores, seconds = batches.collect(batches.submit(images, screen=part.screen))
    return Answer(
        scores, checksums_of(saved_images(images).cpu().numpy()), seconds * batches.workers
    )


class Workplace:
    """A run's target and encoding in a worker's process, which score as the run's own do."""

    def __init__(self, setup: Setup) -> None:
        """Make them, and check them by the setup's fingerprint and probes.

        Raises:
            NeatfoolError: This process cannot be used for the run, with the reason.
        """
        tune_process()  # which is there for this alone
        plan = ScoringPlan.from_json(setup.scoring)
        if plan.threads is None:
            torch.set_num_threads(setup.threads)
        experiment = Experiment.from_resolved(setup.experiment)
        # An engine has as many workers as are to work side by side.
        calls = experiment.calls.model_copy(update={"threads": 1})
        self._assembly = assemble(replace(experiment, calls=calls), plan, to_search=False)
        self._scorer = self._assembly.scorer
        with ExitStack() as undo:
            undo.callback(self.close)
            self._check(setup)
            undo.pop_all()

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
        scorer, wrong = self._scorer, ""
        here, there = scorer.batches.device, setup.scoring["device"]
        if scorer.fingerprint != setup.fingerprint:
            wrong = f"its {scorer.name} is not the run's: other weights, code or options"
        elif here != there:
            wrong = f"it scores on {here}, and the run on {there}"
        for part, expected in setup.probes if not wrong else ():
            answer = self.answer(part)
            both = zip(astuple(answer.scores), astuple(expected.scores), strict=True)
            if [*answer.checksums] != [*expected.checksums]:
                wrong = "it draws the probes differently"
            elif any(np.asarray(a).tobytes() != np.asarray(b).tobytes() for a, b in both):
                _, words = compare_scores(
                    expected.scores,
                    answer.scores,
                    scorer.spec.classes,
                    objective=scorer.spec.is_objective,
                )
                wrong = f"it scores the probes differently ({words})"
        if wrong:
            known = [(name, own, setup.versions[name]) for name, own in sorted(versions().items())]
            other = [f"{name} {own}, and the run {its}" for name, own, its in known if own != its]
            raise TargetError("; it has ".join([wrong, *other]))
