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
        answered, truth = torch.cat(answers).numpy(), self._digits.test.labels
        return {
            "accuracy": float((answered == truth).mean()),
            "real_images": len(truth),
            "false_alarms": None if file is None else int((answered == len(self.classes)).sum()),
        }
