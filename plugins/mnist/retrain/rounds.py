"""Round after round: evolve images that fool a network, and teach a new network to know them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from filelock import FileLock, Timeout

from neatfool import ExperimentError, RunError, StorageError, derive_seed, derive_seeds
from neatfool.files import refuse_link
from neatfool.ood import Digits
from neatfool.present import save

from .. import lenet
from ..options import SPEC
from ..training import new_lenet, read, train
from .finding import Judged, Round

if TYPE_CHECKING:
    from neatfool import Experiment, Run

    from ..training import Recipe

RECORD: Final = "retrain.json"
SEARCHED: Final = "classes.txt"
NETWORK: Final = "network.safetensors"
JUDGED: Final = "judged.json"
BATCH: Final = 128
"""Images that are drawn at once: a large image has 150 KB."""


@dataclass(frozen=True)
class Plan:
    """What is to be done, mostly as the options of the same names say."""

    experiment: Experiment
    folder: Path
    rounds: int
    until_safe: bool
    searches: int
    first_images: int
    more_images: int
    least_accuracy: float
    seed: int
    also: tuple[Run, ...] = ()
    """Finished runs whose elites' images the first retrained network learns, too."""
    learnt_by: dict[str, Any] = field(default_factory=dict)
    """What the networks depend on, besides."""

    def round_folder(self, number: int) -> Path:
        """Give a round's folder, from round 1."""
        return self.folder / f"round-{number:02}"

    def search_folder(self, number: int, search: int) -> Path:
        """Give the folder of a round's search, from search 1."""
        return self.round_folder(number) / f"search-{search}"

    def images_of(self, number: int) -> int:
        """Count the fooling images that are taken from a round's runs, from round 1."""
        return self.first_images if number == 1 else self.more_images

    def learnt_in(self, number: int) -> int:
        """Count the fooling images that a round's network has learnt, from round 1."""
        also = sum(map(len, self.also)) if number > 1 else 0
        return also + sum(map(self.images_of, range(1, number)))

    def identity(self) -> dict[str, dict[str, Any]]:
        """Give what the rounds depend on, but not how many there are."""
        general = self.experiment.general
        return {
            **self.experiment.identity(),
            "length": {"generations": general.generations, "images": general.images},
            "retrain": {
                "searches": self.searches,
                "first_images": self.first_images,
                "more_images": self.more_images,
                "seed": self.seed,
                "also": [[run.name, run.seed, run.evaluations, len(run)] for run in self.also],
                **self.learnt_by,
            },
        }


class Lenets:
    """Trains LeNets from nothing on MNIST and fooling images, by the recipe of ``mnist train``."""

    classes = SPEC.classes
    """The classes that are searched for: those of the first network."""

    def __init__(self, data: Path | None, weights: Path | None, recipe: Recipe) -> None:
        """Read the digits, or download them; the first network is the packaged one by default."""
        self._digits = read(data)
        self._first = weights or lenet.PACKAGED
        self._recipe = recipe

    def identity(self) -> dict[str, str | int | float]:
        """Give what the networks depend on, besides the fooling images."""
        learning = {name: getattr(self._recipe, name) for name in ("epochs", "learning_rate")}
        return {"data": self._digits.sha256(), **learning}

    def learn(self, batches: Iterable[np.ndarray], seed: int, file: Path) -> Iterator[int]:
        """Train a network on batches of fooling images, uint8 [N, C, H, W], and write its weights.

        Yields:
            The epoch, now and then.
        """
        real = self._digits.training
        fooling = np.concatenate([*batches])[:, 0]
        label = len(self.classes)
        training = Digits(
            np.concatenate([real.images, fooling]),
            np.concatenate([real.labels, np.full(len(fooling), label, real.labels.dtype)]),
        )
        recipe = replace(self._recipe, seed=seed)
        network = new_lenet(seed, label + 1)
        for step in train(network, training, self._digits.test, recipe):
            yield step.epoch
        about = {
            "network": "LeNet with the class fooling",
            "training_images": len(real.images),
            "fooling_images": len(fooling),
            "seed": seed,
            **self.identity(),
        }
        lenet.save_weights(network, file, about)

    def judge(self, file: Path | None) -> dict[str, float | None]:
        """Show the test digits to a network, by default the first: give some fields of Judged."""
        answered = lenet.recognise(lenet.load(file or self._first), self._digits.test.images)
        truth = self._digits.test.labels
        return {
            "accuracy": float((answered == truth).mean()),
            "real_images": len(truth),
            "false_alarms": None if file is None else int((answered == len(self.classes)).sum()),
        }


def take_folder(plan: Plan) -> FileLock:
    """Begin in a new folder, or go on in one where the same was begun; give its lock.

    Raises:
        RunError: The folder holds something else, or is in use.
        ExperimentError: Something else was begun in it.
        StorageError: It cannot be written.
    """
    folder = plan.folder
    record = folder / RECORD
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: is a file; give another folder with --out")
    if folder.is_dir() and not record.exists() and any(p.name != ".lock" for p in folder.iterdir()):
        raise RunError(f"{folder}: holds something else; give an empty or new folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(refuse_link(folder / ".lock"), timeout=0)
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process works in it; wait for it or stop it") from None
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    text = json.dumps(plan.identity(), indent=1, sort_keys=True, default=str) + "\n"
    if record.exists():
        _compare(record, text)
    else:
        save(record, text.encode())
    return lock


def _compare(record: Path, text: str) -> None:
    from neatfool import differences

    try:
        begun = json.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{record}: is damaged ({error}); begin anew in another folder") from error
    if unlike := [*differences(json.loads(text), begun)]:
        name, now, then = unlike[0]
        raise ExperimentError(
            f"{record.parent}: was begun with another {name}: {then!r}, and not {now!r}. Give the "
            "same options to go on, or another folder with --out"
        )


def go_on(
    plan: Plan,
    learner: Lenets,
    evolve: Callable[[Path, int, dict[str, str]], Run],
    note: Callable[[str], None],
) -> Iterator[Judged]:
    """Go from round to round; what is finished is only read.

    ``evolve`` makes a search, or finishes one: its folder, its seed, and options.

    Yields:
        Each :class:`Round`, when it has ended. The last one is only judged, and no round, if its
        network recognises too few real images.
    """
    searched = plan.folder / SEARCHED
    if not searched.exists():
        save(searched, "".join(f"{name}\n" for name in learner.classes).encode())
    chosen = plan.experiment.resolved()["scheme"].get("classes")
    only = {} if chosen else {"scheme.classes": f"@{searched.absolute()}"}
    before: list[Sequence[Run]] = []

    @cache
    def images_of(number: int) -> list[np.ndarray]:
        """Give the fooling images of a round's runs, the same ones whenever they are drawn."""
        note(f"round {number}: taking its images")
        seed = derive_seed(plan.seed, "fooling images", number)
        return [*fooling_images(before[number - 1], plan.images_of(number), seed)]

    for number in range(1, plan.rounds + 1):
        folder = plan.round_folder(number)
        refuse_link(folder).mkdir(exist_ok=True)
        network = folder / NETWORK if number > 1 else None
        if network is not None and not network.exists():
            seed = derive_seed(plan.seed, "retrain", number)
            images = [elite.saved_pixels()[None] for run in plan.also for elite in run]
            images += chain.from_iterable(map(images_of, range(1, number)))
            for epoch in learner.learn(images, seed, network):
                note(f"round {number}: training, epoch {epoch}")
        judged = Judged(
            round=number,
            network=None if network is None else str(network),
            fooling_images=plan.learnt_in(number),
            **_judge(learner, network, folder / JUDGED),
        )
        if number > 1 and judged.accuracy < plan.least_accuracy:
            yield judged
            return
        weights = {} if network is None else {"target.weights": str(network.absolute())}
        runs = []
        for place in range(1, plan.searches + 1):
            note(f"round {number}: search {place} of {plan.searches}")
            seed = plan.seed + (number - 1) * plan.searches + place - 1
            runs.append(evolve(plan.search_folder(number, place), seed, only | weights))
        before.append(runs)
        yield (ended := Round.of(judged, runs))
        if plan.until_safe and ended.safe:
            return


def _judge(learner: Lenets, network: Path | None, file: Path) -> dict[str, Any]:
    if not file.exists():
        save(file, f"{json.dumps(learner.judge(network))}\n".encode())
    judgement: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return judgement


def fooling_images(runs: Sequence[Run], count: int, seed: int) -> Iterator[np.ndarray]:
    """Take images of the first and of the last generation of a round's runs, as the paper did.

    Half are of a first generation: random genomes, as each of the runs began with. The others are
    of the last one: the runs' elites (if there are more than are wanted, some of them drawn at
    random), and then children that are bred from the elites, as the next generation would be. The
    images come in batches, uint8 [N, C, H, W].
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
        litters = []
        for size in encoding.litter_sizes(seeds):
            parents = (niches[place] for place in generator.integers(len(niches), size=size))
            litters.append([e.genome for e in sorted(parents, key=lambda elite: -elite.rank)])
        yield encoding.render(encoding.breed(litters, seeds)).cpu().numpy()


def _parts(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
