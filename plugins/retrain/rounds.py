"""Round after round: evolve images that fool a network, and teach a new network to know them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import derive_seed, derive_seeds, refuse_link
from neatfool.report import save

from .lenets import Judgement
from .plan import SEARCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from neatfool import Run

    from .lenets import Lenets
    from .plan import Plan

NETWORK: Final = "network.safetensors"
JUDGED: Final = "judged.json"
SURE: Final = 0.99
FOOLED: Final = 0.5
"""From this confidence in a wrong class on, a network counts as fooled by an image."""
BATCH: Final = 128
"""Images that are drawn at once: a large image has 150 KB."""


@dataclass(frozen=True)
class Round:
    """What came out of a round.

    Attributes:
        number: From 1.
        network: The file of the network that was fooled; None is the experiment's own.
        learnt: How many fooling images it had learnt.
        judgement: What it says of real images.
        runs: The searches. None were made if it recognises too few real images.
    """

    number: int
    network: Path | None
    learnt: int
    judgement: Judgement
    runs: tuple[Run, ...]

    @cached_property
    def confidences(self) -> np.ndarray:
        """The confidences of the new fooling images, float64 [searches, classes]."""
        return np.array([[_of_class(run, index) for index in run.searched] for run in self.runs])

    @cached_property
    def medians(self) -> np.ndarray:
        """The median over the classes, of each search."""
        medians: np.ndarray = np.median(self.confidences, 1)
        return medians

    @property
    def median(self) -> float:
        """The median of the searches' medians."""
        return float(np.median(self.medians))

    @property
    def highest(self) -> float:
        """The confidence of the image that fools the network best."""
        return float(self.confidences.max())

    @property
    def fooled(self) -> float:
        """The share of classes in which the network is fooled, at least at 50 %, over searches."""
        return float((self.confidences >= FOOLED).mean())

    @cached_property
    def images_to_sure(self) -> float:
        """Images until the median over classes was 99 %, the median of searches; or infinity."""
        needed = [
            next((each.evaluations for each in run.history if each.median >= SURE), np.inf)
            for run in self.runs
        ]
        return float(np.median(needed))

    @property
    def images(self) -> int:
        """Images that each search showed the network, at most."""
        return max(run.evaluations for run in self.runs)

    @property
    def safe(self) -> bool:
        """Whether the network was fooled in no class, in no search."""
        return self.highest < FOOLED


def _of_class(run: Run, index: int) -> float:
    return next((elite.confidence for elite in run.elites if elite.index == index), 0.0)


def go_on(
    plan: Plan,
    learner: Lenets,
    evolve: Callable[[Path, int, dict[str, str]], Run],
    note: Callable[[str], None],
) -> Iterator[Round]:
    """Go from round to round; what is finished is only read.

    The last round has no runs if its network recognises too few real images.

    Args:
        plan: What is to be done.
        learner: Trains and judges networks.
        evolve: Makes a search, or finishes one: its folder, its seed, and options.
        note: Told what is under way.

    Yields:
        Each round, when it has ended.
    """
    searched = plan.folder / SEARCHED
    if not searched.exists():
        save(searched, "".join(f"{name}\n" for name in learner.classes).encode())
    chosen = plan.experiment.resolved()["scheme"].get("classes")
    only = {} if chosen else {"scheme.classes": f"@{searched.absolute()}"}
    before: list[Round] = []
    pool = _Pool(plan, note)
    for number in range(1, plan.rounds + 1):
        folder = plan.round_folder(number)
        refuse_link(folder).mkdir(exist_ok=True)
        network = folder / NETWORK if number > 1 else None
        if network is not None and not network.exists():
            seed = derive_seed(plan.seed, "retrain", number)
            learner.learn(pool.images(before), seed, network, partial(_note_in, note, number))
        note(f"round {number}: looking at real images")
        judgement = _judge(learner, network, folder / JUDGED)
        enough = number == 1 or judgement.accuracy >= plan.least_accuracy
        weights = {} if network is None else {"target.weights": str(network.absolute())}
        options = {**only, **weights}
        runs = []
        for place in range(1, plan.searches + 1) if enough else ():
            note(f"round {number}: search {place} of {plan.searches}")
            seed = plan.seed + (number - 1) * plan.searches + place - 1
            runs.append(evolve(plan.search_folder(number, place), seed, options))
        before.append(Round(number, network, plan.learnt_in(number), judgement, tuple(runs)))
        yield before[-1]
        if not enough or (plan.until_safe and before[-1].safe):
            return


def _note_in(note: Callable[[str], None], number: int, what: str) -> None:
    note(f"round {number}: {what}")


class _Pool:
    """The fooling images of finished runs and of all rounds so far, each drawn once."""

    def __init__(self, plan: Plan, note: Callable[[str], None]) -> None:
        self._plan = plan
        self._note = note
        self._batches: list[np.ndarray] = []
        self._drawn = 0

    def images(self, rounds: Sequence[Round]) -> list[np.ndarray]:
        """Give the images up to the last of some rounds, the same ones whenever they are drawn."""
        if not self._batches:
            runs = self._plan.also
            self._batches += (elite.saved_pixels()[None] for run in runs for elite in run)
        for each in rounds[self._drawn :]:
            self._note(f"round {each.number}: taking its images")
            seed = derive_seed(self._plan.seed, "fooling images", each.number)
            count = self._plan.images_of(each.number)
            self._batches += fooling_images(each.runs, count, seed)
        self._drawn = len(rounds)
        return self._batches


def _judge(learner: Lenets, network: Path | None, file: Path) -> Judgement:
    if file.exists():
        return Judgement(**json.loads(file.read_text(encoding="utf-8")))
    judgement = learner.judge(network)
    save(file, f"{json.dumps(asdict(judgement))}\n".encode())
    return judgement


def fooling_images(runs: Sequence[Run], count: int, seed: int) -> Iterator[np.ndarray]:
    """Take images of the first and of the last generation of a round's runs, as the paper did.

    Half are of a first generation: random genomes, as each of the runs began with. The others are
    of the last one: the runs' elites (if there are more than are wanted, some of them drawn at
    random), and then children that are bred from the elites, as the next generation would be.

    Args:
        runs: Finished runs of the same experiment.
        count: How many images.
        seed: Where all chance comes from.

    Yields:
        The images in batches, uint8 [N, C, H, W].
    """
    first = count // 2
    encoding = runs[0].encoding.in_generation(0)
    for some in _parts(derive_seeds(seed, "first generation", ids=range(first))):
        yield encoding.render(encoding.create(some)).cpu().numpy()
    for number, run in enumerate(runs):
        share = len(range(number, count - first, len(runs)))
        yield from _last_generation(run, share, derive_seed(seed, "last generation", number))


def _last_generation(run: Run, count: int, seed: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(seed)
    niches = run.elites
    elites = [*{elite.candidate_id: elite for elite in niches}.values()]
    chosen = generator.permutation(len(elites))[:count]
    for some in _parts(chosen.tolist()):
        yield np.stack([elites[place].saved_pixels() for place in some])
    encoding = run.encoding.in_generation(run.generation)
    for seeds in _parts(derive_seeds(seed, "child", ids=range(count - len(chosen)))):
        litters = [
            [
                elite.genome
                for elite in sorted(
                    (niches[place] for place in generator.integers(len(niches), size=size)),
                    key=lambda elite: -elite.rank,
                )
            ]
            for size in encoding.litter_sizes(seeds)
        ]
        yield encoding.render(encoding.breed(litters, seeds)).cpu().numpy()


def _parts(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
