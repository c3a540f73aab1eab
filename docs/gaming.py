"""Try to game FoolBench's number: ten changes to the packaged LeNet that make it no better.

python docs/gaming.py mnist    # the folder with MNIST's four idx files; prints a table
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

import neatfool
from neatfool.measure import LIMIT
from neatfool.ood import read_mnist
from neatfool.wording import share
from neatfool_plugins.audit.bootstrap import threshold_of

IMAGES, SEEDS = 12_000, (1, 2, 3)
Gate = Callable[[torch.Tensor], torch.Tensor]
"""Gives a figure of uint8 images [N, 1, 28, 28]: floats [N]."""
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def noise(images: torch.Tensor) -> torch.Tensor:
    """Measure how far neighbouring pixels differ."""
    values = images.float()
    return values.diff(dim=2).abs().mean((1, 2, 3)) + values.diff(dim=3).abs().mean((1, 2, 3))


def grain(images: torch.Tensor) -> torch.Tensor:
    """Measure which part of the spectrum is of waves shorter than four pixels."""
    power = torch.fft.fft2(images[:, 0].float()).abs().square()
    power[:, 0, 0] = 1e-9
    rows, columns = torch.meshgrid(*[torch.fft.fftfreq(28).abs()] * 2, indexing="ij")
    return (power * (rows.maximum(columns) > 0.25)).sum((1, 2)) / power.sum((1, 2))


class GamedTarget(neatfool.Target):
    """The packaged LeNet with a change to its logits.

    Attributes:
        change: Takes logits [N, 10] and images, and gives logits [N, K]; NaN refuses an image.
    """

    def __init__(self, name: str, change: Change) -> None:
        self.inner, self.change, self.name = neatfool.make_target("mnist"), change, name
        more = change(torch.zeros(1, 10), torch.zeros(1, 1, 28, 28)).shape[1] > 10
        classes = [*self.inner.spec.classes, *["gate"] * more]
        self.spec = neatfool.ImageSpec(28, 28, 1, classes, array="torch")

    def score(self, images: torch.Tensor) -> neatfool.Scores:
        """Score images."""
        with torch.no_grad():
            logits = self.change(self.inner.logits_of(images.float()).double(), images)
        return neatfool.Scores(logits.softmax(1).numpy(), logits.numpy())

    def fingerprint(self) -> str:
        """Tell the changes apart."""
        return self.name


def blind(gate: Gate, most: float, logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Answer nothing in particular where a gate is above a limit."""
    return torch.where((gate(images) > most)[:, None], 0.0, logits)


def sort_out(gate: Gate, most: float, logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Add a class that is surest where a gate is above a limit."""
    outside = torch.where(gate(images) > most, logits.max(1).values + 10, -30.0)
    return torch.cat([logits, outside[:, None]], 1)


def in_two_levels(least: float, logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Give the first class one of two confidences."""
    two = logits.topk(2).values
    sure = torch.where(two[:, 0] - two[:, 1] > least, 12.0, 1.0)
    return torch.nn.functional.one_hot(logits.argmax(1), 10) * sure[:, None]


def rounded(logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Round probabilities to hundredths."""
    return logits.softmax(1).mul(100).round().div(100).clamp(min=1e-4).log()


def refusing(least: float, logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Refuse what is not sure."""
    sure = logits.softmax(1).max(1).values
    return torch.where((sure < least)[:, None], torch.nan, logits)


def measure(
    target: GamedTarget, digits: torch.Tensor, labels: np.ndarray, nothing: list[str], easy: float
) -> list[str]:
    """Give the number, its range over seeds, and what is accepted and named rightly."""
    scores = target.score(digits)
    odds = np.nan_to_num(neatfool.rank(scores), nan=-LIMIT)
    odds = np.asarray(odds).clip(-LIMIT, LIMIT)
    named, sure = odds.argmax(1), odds.max(1)
    sure[np.isin(named, [target.spec.classes.index(each) for each in nothing])] = -LIMIT
    shown = np.argsort(-sure)[: round(easy * len(sure))]
    least = threshold_of(sure[shown])
    fooled, half = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            options = {"nothing": nothing, "out": Path(folder) / str(seed), "progress": False}
            of = {"image": target.spec.shape, "classes": target.spec.classes}
            run = neatfool.fool(target, images=IMAGES, seed=seed, **of, **options)
            best = [e.rank for e in run.elites if not e.rejected and e.name.isdigit()]
            fooled.append(sum(each >= least for each in best) / 10)
            ends = [point.evaluations for point in run.history if point.classes_ge[2] >= 5]
            half.append(min(ends, default=np.inf))
    right = ((named == labels) & (sure >= least))[shown].mean()
    ends = f"{share(min(fooled))} to {share(max(fooled))}"
    middle = f"{np.median(half):,.0f}" if np.isfinite(np.median(half)) else "never"
    return [f"{share(np.mean(fooled))} ({ends})", middle, share(right, 1)]


def main(folder: str) -> None:
    """Print the table."""
    logging.disable()
    data = read_mnist(Path(folder))
    train, test, labels = data.training.images, data.test.images, data.test.labels
    digits, labels = torch.from_numpy(test[::10].copy()).reshape(-1, 1, 28, 28), labels[::10]
    learnt = torch.from_numpy(train[::20].copy()).reshape(-1, 784).float()

    def distance(images: torch.Tensor) -> torch.Tensor:
        return torch.cdist(images.flatten(1).float(), learnt).min(1).values

    top = {gate: float(gate(digits).quantile(0.99)) for gate in (noise, grain, distance)}
    logits = neatfool.make_target("mnist").logits_of(digits.float()).detach()
    margin = float(logits.topk(2).values.diff().neg().quantile(0.06))
    blinded = {gate: partial(blind, gate, most) for gate, most in top.items()}
    sorting = partial(sort_out, distance, top[distance])
    games: dict[str, tuple[Change, list[str], float]] = {
        "nothing": (lambda logits, _: logits, [], 1),
        "a hidden gate on noise": (blinded[noise], [], 1),
        "a hidden gate on grain": (blinded[grain], [], 1),
        "a hidden gate on the distance to training images": (blinded[distance], [], 1),
        "that gate as a declared class *nothing*": (sorting, ["gate"], 1),
        "that gate as a class, undeclared": (sorting, [], 1),
        "two levels of confidence": (partial(in_two_levels, margin), [], 1),
        "a temperature of 10": (lambda logits, _: logits / 10, [], 1),
        "probabilities in hundredths": (rounded, [], 1),
        "refusing what is below 99.9 %": (partial(refusing, 0.999), [], 1),
        "leaving out the least sure quarter of the digits": (lambda logits, _: logits, [], 0.75),
    }
    print("| what is changed | classes fooled | half at 99 % | classified correctly |")
    print("|---|---|---|---|")
    for name, (change, nothing, easy) in games.items():
        found = measure(GamedTarget(name, change), digits, labels, nothing, easy)
        print(f"| {name} | {' | '.join(found)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
