"""Round after round: evolve images that fool a network, and teach a new network to know them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, cast

import numpy as np

from neatfool import (
    Experiment,
    ExperimentError,
    Run,
    RunError,
    derive_seed,
    derive_seeds,
    differences,
)
from neatfool.files import lock_folder, refuse_link
from neatfool.ood import Digits, Mnist
from neatfool.present import save

from .. import lenet
from ..options import SPEC, Options
from ..training import Recipe, new_lenet, train
from .finding import NetworkFacts, Round

BATCH: Final = 128
"""Images that are drawn at once: a large image has 150 KB."""
LABEL: Final = len(SPEC.classes)
"""The class "fooling"."""


@dataclass(frozen=True)
class Rounds:
    """What is to be done, mostly as the options of the same names say."""

    experiment: Experiment
    folder: Path
    digits: Mnist
    recipe: Recipe
    rounds: int
    until_safe: bool
    searches: int
    first_images: int
    more_images: int
    least_accuracy: float
    evolve: Callable[[Path, int, dict[str, str]], Run]
    """Makes a search, or finishes one: its folder, its seed, and options."""
    note: Callable[[str], None]

    @cached_property
    def _learning(self) -> dict[str, str | int | float]:
        """What the networks depend on, besides the fooling images."""
        recipe = self.recipe
        return {
            "data": self.digits.sha256(),
            "epochs": recipe.epochs,
            "learning_rate": recipe.learning_rate,
        }

    def take_folder(self) -> AbstractContextManager[object]:
        """Begin in a new folder, or go on in one where the same was begun; give its lock."""
        folder, record = self.folder, self.folder / "retrain.json"
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder}: is a file; give another folder with --out")
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if names - {".lock"} and not record.exists():
            raise RunError(
                f"{folder}: holds something else; give an empty or new folder with --out"
            )
        lock = lock_folder(folder)
        general = self.experiment.general
        identity = {
            **self.experiment.identity(),
            "length": {"generations": general.generations, "images": general.images},
            "retrain": {
                "searches": self.searches,
                "first_images": self.first_images,
                "more_images": self.more_images,
                "seed": general.seed,
                **self._learning,
            },
        }
        text = json.dumps(identity, indent=1, sort_keys=True, default=str) + "\n"
        if not record.exists():
            save(record, text.encode())
            return lock
        try:
            begun = json.loads(record.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"{record}: is damaged ({error}); begin anew elsewhere") from error
        for name, now, then in differences(json.loads(text), begun):
            raise ExperimentError(
                f"{folder}: was begun with another {name}: {then!r}, and not {now!r}. Give the "
                "same options to go on, or another folder with --out"
            )
        return lock

    def go_on(self) -> Iterator[NetworkFacts]:
        """Go from round to round; what is finished is only read.

        Each :class:`Round` comes when it has ended. The last one is only judged, and no round, if
        its network recognises too few real images.
        """
        chosen = self.experiment.resolved()["scheme"].get("classes")
        options = {} if chosen else {"scheme.classes": ",".join(SPEC.classes)}
        seed = self.experiment.general.seed
        before: list[list[Run]] = []
        fooling: list[np.ndarray] = []
        for number in range(1, self.rounds + 1):
            folder = self.folder / f"round-{number:02}"
            refuse_link(folder).mkdir(exist_ok=True)
            network = folder / "network.safetensors" if number > 1 else None
            if network is not None:
                options["target.weights"] = str(network.absolute())
                if not network.exists():
                    for each in range(len(fooling) + 1, number):  # drawn once, and only if needed
                        self.note(f"round {each}: taking its images")
                        own_seed = derive_seed(seed, "fooling images", each)
                        images = take_fooling_images(before[each - 1], self._count(each), own_seed)
                        fooling.append(np.concatenate([*images]))
                    self._teach(number, fooling, network)
            judged = self._judge(number, network, folder / "judged.json")
            if network is not None and judged.accuracy < self.least_accuracy:
                yield judged
                return
            before.append(runs := [])
            for place in range(self.searches):
                self.note(f"round {number}: search {place + 1} of {self.searches}")
                own_seed = seed + (number - 1) * self.searches + place
                runs.append(self.evolve(folder / f"search-{place + 1}", own_seed, options))
            yield (ended := Round.of(judged, runs))
            if self.until_safe and ended.safe:
                return

    def _count(self, number: int) -> int:
        """Count the fooling images that are taken from a round's runs."""
        return self.first_images if number == 1 else self.more_images

    def _teach(self, number: int, fooling: Sequence[np.ndarray], file: Path) -> None:
        """Train a network on real digits and fooling images, uint8 [N, 1, 28, 28], and write it."""
        real = self.digits.training
        images = np.concatenate([*fooling])[:, 0]
        training = Digits(
            np.concatenate([real.images, images]),
            np.concatenate([real.labels, np.full(len(images), LABEL, real.labels.dtype)]),
        )
        seed = derive_seed(self.experiment.general.seed, "retrain", number)
        network = new_lenet(seed, LABEL + 1)
        for step in train(network, training, self.digits.test, replace(self.recipe, seed=seed)):
            self.note(f"round {number}: training, epoch {step.epoch}")
        about = {
            "network": "LeNet with the class fooling",
            "training_images": len(real.images),
            "fooling_images": len(images),
            "seed": seed,
            **self._learning,
        }
        lenet.save_weights(network, file, about)

    def _judge(self, number: int, network: Path | None, file: Path) -> NetworkFacts:
        """Show the test digits to a round's network, unless that was done."""
        if not file.exists():
            test, options = self.digits.test, cast("Options", self.experiment.target.options)
            weights = network or options.weights or lenet.PACKAGED
            answers = lenet.recognise(lenet.load(weights), test.images)
            judgement = {
                "accuracy": float((answers == test.labels).mean()),
                "real_images": len(test.labels),
                "false_alarms": int((answers == LABEL).sum()) if network else None,
            }
            save(file, f"{json.dumps(judgement)}\n".encode())
        return NetworkFacts(
            round=number,
            network=str(network) if network else None,
            fooling_images=sum(map(self._count, range(1, number))),
            **json.loads(file.read_text(encoding="utf-8")),
        )


def take_fooling_images(runs: Sequence[Run], count: int, seed: int) -> Iterator[np.ndarray]:
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
        own_seed = derive_seed(seed, "last generation", number)
        generator = np.random.default_rng(own_seed)
        niches = run.elites
        elites = [*{elite.candidate_id: elite for elite in niches}.values()]
        chosen = generator.permutation(len(elites))[:share].tolist()
        for some in _parts(chosen):
            yield np.stack([elites[place].saved_pixels() for place in some])
        encoding = run.encoding.in_generation(run.generation)
        for seeds in _parts(derive_seeds(own_seed, "child", ids=range(share - len(chosen)))):
            litters = []
            for size in encoding.litter_sizes(seeds):
                parents = (niches[place] for place in generator.integers(len(niches), size=size))
                litters.append([e.genome for e in sorted(parents, key=lambda elite: -elite.rank)])
            yield encoding.render(encoding.breed(litters, seeds)).cpu().numpy()


def _parts(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
