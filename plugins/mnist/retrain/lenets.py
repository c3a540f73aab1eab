"""LeNets that learn fooling images of digits as an eleventh class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.ood import Digits

from .. import lenet
from ..dataset import read
from ..options import SPEC
from ..training import train

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ..training import Recipe

_BATCH: Final = 1000


class Lenets:
    """Trains LeNets from nothing on MNIST and fooling images, by the recipe of ``mnist train``."""

    classes = SPEC.classes
    """The classes that are searched for: those of the first network."""

    def __init__(self, data: Path | None, weights: Path | None, recipe: Recipe) -> None:
        """Read the digits.

        Args:
            data: The folder with MNIST's four idx files; None downloads them.
            weights: Those of the first network; None stands for the packaged ones.
            recipe: How to train; each network has a seed of its own.

        Raises:
            ExperimentError: Files are missing or damaged.
            NeatfoolError: The download failed.
        """
        self._digits = read(data)
        self._first = weights or lenet.PACKAGED
        self._recipe = recipe

    def identity(self) -> dict[str, str | int | float]:
        """Give what the networks depend on, besides the fooling images."""
        recipe = self._recipe
        return {
            "data": self._digits.sha256(),
            "epochs": recipe.epochs,
            "learning_rate": recipe.learning_rate,
        }

    def learn(self, batches: Iterable[np.ndarray], seed: int, file: Path) -> Iterator[int]:
        """Train a network, and at the end write its weights completely or not at all.

        Args:
            batches: The fooling images, uint8 [N, C, H, W] each.
            seed: Where all chance comes from.
            file: The file for the weights.

        Yields:
            The epoch, now and then.

        Raises:
            ExperimentError: The loss became infinite or NaN.
            StorageError: The file cannot be written.
        """
        real = self._digits.training
        fooling = np.concatenate([*batches])[:, 0]
        label = len(self.classes)
        training = Digits(
            np.concatenate([real.images, fooling]),
            np.concatenate([real.labels, np.full(len(fooling), label, real.labels.dtype)]),
        )
        recipe = replace(self._recipe, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = lenet.LeNet(label + 1)
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

    @torch.inference_mode()
    def judge(self, file: Path | None) -> dict[str, float | None]:
        """Show the test digits to a network, by default the first: give some fields of Judged."""
        network = lenet.load(file or self._first)
        images = torch.tensor(self._digits.test.images).unsqueeze(1)
        answers = [network(lenet.normalise(some)).argmax(1) for some in torch.split(images, _BATCH)]
        said, truth = torch.cat(answers).numpy(), self._digits.test.labels
        return {
            "accuracy": float((said == truth).mean()),
            "real_images": len(truth),
            "false_alarms": None if file is None else int((said == len(self.classes)).sum()),
        }
