"""Round after round: evolve images that fool a network, and teach a new network to know them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import click
import numpy as np

from neatfool import (
    Experiment,
    ExperimentError,
    Run,
    RunError,
    derive_seed,
    derive_seeds,
    differences,
    open_run,
)
from neatfool.files import lock_folder, refuse_link
from neatfool.ood import Digits, Mnist
from neatfool.present import Output, run_command, save
from neatfool.wording import counted

from .. import lenet
from ..options import SPEC, Options
from ..training import Recipe, new_lenet, train
from .finding import Round

BATCH: Final = 128
"""Images that are drawn at once: a large image has 150 KB."""
LABEL: Final = len(SPEC.classes)
"""The class "fooling"."""
SURE: Final = 0.99


@dataclass(frozen=True)
class Rounds:
    """What is to be done, mostly as the options of the same names say."""

    experiment: Experiment
    folder: Path
    digits: Mnist
    epochs: int
    first_images: int
    more_images: int
    overrides: Sequence[str]
    console: Output

    def take_folder(self) -> AbstractContextManager[object]:
        """Begin in a new folder, or go on in one where the same was begun; give its lock."""
        folder, record = self.folder, self.folder / "retrain.json"
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
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
                "first_images": self.first_images,
                "more_images": self.more_images,
                "seed": general.seed,
                "epochs": self.epochs,
                "data": self.digits.sha256(),
            },
        }
        text = json.dumps(identity, indent=1, sort_keys=True, default=str) + "\n"
        if not record.exists():
            save(record, text.encode())
        begun = json.loads(record.read_text(encoding="utf-8"))
        for name, now, then in differences(json.loads(text), begun):
            raise ExperimentError(
                f"{folder}: was begun with another {name}: {then!r}, and not {now!r}. Give the "
                "same options to go on, or another folder with --out"
            )
        return lock

    def go_on(self, rounds: int) -> Iterator[Round]:
        """Go from round to round, and give each when it has ended; finished ones are only read."""
        chosen = self.experiment.resolved()["scheme"].get("classes")
        options = {} if chosen else {"scheme.classes": ",".join(SPEC.classes)}
        runs: list[Run] = []
        with ExitStack() as ending:
            for number in range(1, rounds + 1):
                folder = self.folder / f"round-{number:02}"
                refuse_link(folder).mkdir(exist_ok=True)
                network = folder / "network.safetensors" if number > 1 else None
                if network is not None:
                    options["target.weights"] = str(network.absolute())
                    if not network.exists():
                        self._teach(number, runs, network)
                self.console.say(f"round {number}: evolving images")
                seed = self.experiment.general.seed + number - 1
                run = ending.enter_context(closing(self._evolve(folder / "run", seed, options)))
                runs.append(run)
                yield self._judge(number, network, run)

    def _evolve(self, folder: Path, seed: int, options: Mapping[str, str]) -> Run:
        """Make a run, or finish one; what it prints goes to standard error."""
        if (folder / "run.db").is_file():
            run = open_run(folder)
            if run.finished:
                return run
            run.close()
            name, arguments = "resume", [str(folder), "--no-report"]
        else:
            settings = (*self.overrides, *(f"{key}={value}" for key, value in options.items()))
            name, arguments = "run", [str(self.experiment.path), "--no-report"]
            arguments += ["--out", str(folder), "--seed", str(seed)]
            arguments += [word for each in settings for word in ("--set", each)]
        run_command(click.get_current_context(), name, arguments)
        return open_run(folder)

    def _count(self, number: int) -> int:
        """Count the fooling images that are taken from a round's run."""
        return self.first_images if number == 1 else self.more_images

    def _teach(self, number: int, runs: Sequence[Run], file: Path) -> None:
        """Train a network on real digits and the fooling images of all runs, and write it."""
        say = self.console.say
        say(f"round {number}: taking the images of the rounds before")
        real, seed = self.digits.training, self.experiment.general.seed
        fooling: list[np.ndarray] = []
        for before, run in enumerate(runs, 1):
            own_seed = derive_seed(seed, "fooling images", before)
            fooling += take_fooling_images([run], self._count(before), own_seed)
        images = np.concatenate(fooling)[:, 0]
        training = Digits(
            np.concatenate([real.images, images]),
            np.concatenate([real.labels, np.full(len(images), LABEL, real.labels.dtype)]),
        )
        recipe = Recipe(self.epochs, derive_seed(seed, "retrain", number))
        network = new_lenet(recipe.seed, LABEL + 1)
        for epoch in train(network, training, self.digits.test, recipe):
            say(f"round {number}: trained for {counted(epoch.number, 'epoch', 'epochs')}")
        about = {
            "network": "LeNet with the class fooling",
            "training_images": len(real.images),
            "fooling_images": len(images),
            "seed": recipe.seed,
            "epochs": recipe.epochs,
        }
        lenet.save_weights(network, file, about)

    def _judge(self, number: int, network: Path | None, run: Run) -> Round:
        """Show the test digits to a round's network, and sum up how it was fooled."""
        test, options = self.digits.test, cast("Options", self.experiment.target.options)
        weights = network or options.weights or lenet.PACKAGED
        answers = lenet.recognise(lenet.load(weights), test.images)
        nothing = dict.fromkeys((run.classes[index] for index in run.searched), 0.0)
        classes = nothing | {elite.name: elite.confidence for elite in run.elites}
        sure = (each.evaluations for each in run.history if each.median >= SURE)
        return Round(
            round=number,
            network=str(network) if network else None,
            fooling_images=sum(map(self._count, range(1, number))),
            accuracy=float((answers == test.labels).mean()),
            false_alarms=int((answers == LABEL).sum()) if network else None,
            run=str(run.path),
            seed=run.seed,
            images=run.evaluations,
            images_to_99=next(sure, None),
            classes=classes,
            median=float(np.median([*classes.values()])),
            pictures={elite.name: (elite.png, elite.rank) for elite in run.elites},
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
            parent_groups = []
            for size in encoding.parent_counts(seeds):
                parents = (niches[place] for place in generator.integers(len(niches), size=size))
                parent_groups.append(
                    [e.genome for e in sorted(parents, key=lambda elite: -elite.rank)]
                )
            yield encoding.render(encoding.breed(parent_groups, seeds)).cpu().numpy()


def _parts(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
