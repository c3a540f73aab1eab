"""The commands ``neatfool mnist ...``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool import ExperimentError, present
from neatfool.present import FOLDER, FileToWrite, FiniteRange, option
from neatfool.wording import share

if TYPE_CHECKING:
    from neatfool.ood import Digits

    from .lenet import LeNet

EPOCHS: Final = 12
ADVERSARIAL_EPOCHS: Final = 4
"""Fewer, because each image costs as much as eight do without an attack."""


@click.group(
    epilog="""\b
Examples:
  neatfool mnist train
  neatfool mnist train --adversarial --out robust.safetensors"""
)
def mnist() -> None:
    """Train the digit classifier that the target mnist fools."""


@mnist.command(
    epilog="""\b
Examples:
  neatfool mnist train
  neatfool mnist train --data ~/mnist --out mine.safetensors
  neatfool mnist train --seed 7 --epochs 5 --out quick.safetensors
  neatfool mnist train --adversarial --out robust.safetensors
Then fool it:
  neatfool run experiments/mnist.ini --set target.weights=mine.safetensors"""
)
@option(
    "--data DIR",
    "The folder with MNIST's four idx files, gzipped or not.  [default: download them]",
    FOLDER,
)
@option("--out FILE", "Where to write the weights.", FileToWrite(), "lenet.safetensors")
@option("--force", "Replace FILE if it exists.")
@option(
    "--epochs N",
    f"How often to train on each image.  [default: {EPOCHS}; {ADVERSARIAL_EPOCHS} with "
    "--adversarial]",
)
@option(
    "--seed N",
    "The seed of the first weights and of the images' order.",
    click.IntRange(min=0, max=2**63 - 1),
    0,
)
@option(
    "--adversarial",
    "Train on digits that an attack (PGD) has changed so that the network errs; it grows "
    "during the first half of the training.",
)
@option(
    "--epsilon X",
    "How far the attack may move each pixel, as a share of the range from background to ink.",
    FiniteRange(min=0, max=1, min_open=True),
    0.3,
)
@option(
    "--device DEVICE",
    "Where to compute: cpu, cuda, xpu or mps; auto takes the GPU if there is one.",
    str,
    "auto",
)
@option("--json", "Print JSON.", into="as_json")
def train(
    *,
    data: Path | None,
    out: Path,
    force: bool,
    device: str,
    as_json: bool,
    epochs: int | None,
    seed: int,
    adversarial: bool,
    epsilon: float,
) -> None:
    """Train a LeNet on MNIST's 60,000 digits, and test it on the other 10,000.

    With --adversarial it learns from digits that are attacked anew in each epoch, and a stronger
    attack on 1,000 of the test digits then says how robust it is: the share that it recognises
    whatever the attack does.

    The same seed gives the same weights on the same machine with the same number of threads. An
    interrupted training begins anew.
    """
    if out.exists() and not force:
        raise ExperimentError(f"--out {out}: already exists; give another name, or --force")
    import torch

    from neatfool.network import pick_device

    from . import lenet, training

    where = pick_device(device)
    digits = training.read(data)
    recipe = training.Recipe(
        epochs=epochs or (ADVERSARIAL_EPOCHS if adversarial else EPOCHS),
        seed=seed,
        attack=training.Attack(epsilon) if adversarial else None,
    )
    network = training.new_lenet(seed).to(where)
    console, began = present.Output(stderr=True), time.monotonic()
    for epoch in training.train(network, digits.training, digits.test, recipe):
        console.say(
            f"epoch {epoch.number}/{recipe.epochs}: loss {epoch.loss:.4f}, test accuracy "
            f"{share(epoch.accuracy, 2)}, {time.monotonic() - began:.0f} s"
        )
    facts = {
        "network": "LeNet",
        "accuracy": epoch.accuracy,
        "test_images": len(digits.test.images),
        "training_images": len(digits.training.images),
        "data_sha256": digits.sha256(),
        "torch": torch.__version__,
        **{key: value for key, value in asdict(recipe).items() if value is not None},
    }
    if adversarial:
        facts |= _attack(network, digits.test, epsilon)
    lenet.save_weights(network, out, facts)
    _show(out, facts, as_json=as_json)


def _attack(network: LeNet, test: Digits, epsilon: float) -> dict[str, Any]:
    """Attack a network, with a progress bar; tell its robust accuracy and what the attack was."""
    from .training import TEST_STEPS, Attack, choose_attacked, measure_robust_accuracy

    attack, digits = Attack(epsilon, TEST_STEPS), choose_attacked(test)
    with present.Output(stderr=True).progress(len(digits.labels)) as note:
        robust = measure_robust_accuracy(network, digits, attack, note)
    return {
        "robust_accuracy": robust,
        "attacked_images": len(digits.labels),
        "test_attack": {**asdict(attack), "starts": 2},
    }


def _show(path: Path, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what is known about the weights in a file, as JSON or in a sentence."""
    digest = sha256(path.read_bytes()).hexdigest()
    console = present.Output()
    if as_json:
        console.print_json(
            data={"weights": str(path), "sha256": digest, **facts}, ensure_ascii=True
        )
        return
    robust = ""
    if "robust_accuracy" in facts:
        attack = facts["test_attack"]
        robust = (
            f", and {share(facts['robust_accuracy'], 2)} of {facts['attacked_images']} under "
            f"attack (PGD, epsilon {attack['epsilon']:g}, {attack['steps']} steps, two starts)"
        )
    console.say(
        f"{path}: recognises {share(facts['accuracy'], 2)} of {facts['test_images']} test digits"
        f"{robust}; SHA-256 {digest}"
    )
