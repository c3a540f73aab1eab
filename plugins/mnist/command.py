"""The commands ``neatfool mnist ...``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool import ExperimentError
from neatfool.network import pick_device
from neatfool.present import FileToWrite, FiniteRange, Output, option
from neatfool.wording import level, share

if TYPE_CHECKING:
    from neatfool.ood import Digits

    from .lenet import LeNet
    from .training import Recipe, TrainingStep

EPOCHS: Final = 12
ADVERSARIAL_EPOCHS: Final = 4
"""Fewer, because each image costs as much as eight do without an attack."""
EPSILON: Final = 0.3
ATTACK_STEPS: Final = 7
AN_EPSILON: Final = FiniteRange(min=0, max=1, min_open=True)
EPSILON_IS: Final = (
    "How far the attack may move each pixel, as a share of the range from background to ink."
)

data_option = option(
    "--data DIR",
    "The folder with MNIST's four idx files, gzipped or not.  [default: download them]",
    exists=True,
    file_okay=False,
)
device_option = option(
    "--device DEVICE",
    "Where to compute: cpu, cuda, xpu or mps; auto takes the GPU if there is one.",
    str,
    "auto",
)
json_option = option("--json", "Print JSON.", into="as_json")


@click.group(
    epilog="""\b
Examples:
  neatfool mnist train
  neatfool mnist train --adversarial --out robust.safetensors
  neatfool mnist test --weights robust.safetensors"""
)
def mnist() -> None:
    """Train the network that the target mnist fools, and test it."""


@mnist.command(
    epilog="""\b
Examples:
  neatfool mnist train
  neatfool mnist train --data ~/mnist --out mine.safetensors
  neatfool mnist train --seed 7 --epochs 5 --out quick.safetensors
  neatfool mnist train --adversarial --out robust.safetensors
  neatfool mnist train --adversarial --epsilon 0.2 --attack-steps 20 --json
Then fool it:
  neatfool run experiments/mnist.ini --set target.weights=mine.safetensors"""
)
@data_option
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
@option("--batch N", "Images a step.", default=128)
@option(
    "--learning-rate X",
    "The highest learning rate of the training's cycle.",
    FiniteRange(min=0, min_open=True),
    0.05,
)
@option(
    "--adversarial",
    "Train on digits that an attack (PGD) has changed so that the network errs; it grows "
    "during the first half of the training.",
)
@option("--epsilon X", f"{EPSILON_IS}  [default: {EPSILON}]", AN_EPSILON)
@option(
    "--attack-steps N",
    f"Steps of the attack on each image in each epoch.  [default: {ATTACK_STEPS}]",
)
@device_option
@json_option
def train(
    *,
    data: Path | None,
    out: Path,
    force: bool,
    device: str,
    as_json: bool,
    epochs: int | None,
    adversarial: bool,
    epsilon: float | None,
    attack_steps: int | None,
    **recipe: Any,
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
    for name, value in (("--epsilon", epsilon), ("--attack-steps", attack_steps)):
        if value is not None and not adversarial:
            raise ExperimentError(
                f"{name}: nothing attacks the network; add --adversarial, or leave {name} out"
            )
    import torch

    from . import lenet, training
    from .options import RECOGNISED

    where = pick_device(device)
    digits = training.read(data)
    attack = training.Attack(epsilon or EPSILON, attack_steps or ATTACK_STEPS)
    options = training.Recipe(
        epochs=epochs or (ADVERSARIAL_EPOCHS if adversarial else EPOCHS),
        attack=attack if adversarial else None,
        **recipe,
    )
    network = training.new_lenet(options.seed).to(where)
    steps = training.train(network, digits.training, digits.test, options)
    accuracy = _follow(steps, options, len(digits.training.images))
    facts = {
        "network": "LeNet",
        "accuracy": accuracy,
        "test_images": len(digits.test.images),
        "training_images": len(digits.training.images),
        "data_sha256": digits.sha256(),
        "torch": torch.__version__,
        **{key: value for key, value in asdict(options).items() if value is not None},
    }
    if options.attack is not None:
        facts |= _attack(network, digits.test, options.attack.epsilon)
    lenet.save_weights(network, out, facts)
    if adversarial and accuracy < RECOGNISED:
        click.echo(
            f"Warning: the network recognises only {share(accuracy, 2)} of the test digits; the "
            f"target mnist refuses one below {level(RECOGNISED)}. Give a smaller --epsilon, "
            "or more --epochs",
            err=True,
        )
    _show(out, facts, as_json=as_json)


@mnist.command(
    epilog="""\b
Examples:
  neatfool mnist test
  neatfool mnist test --weights robust.safetensors --data ~/mnist
  neatfool mnist test --epsilon 0.1 --json"""
)
@option("--weights FILE", "The weights of a LeNet.  [default: the packaged ones]", dir_okay=False)
@data_option
@option("--epsilon X", EPSILON_IS, AN_EPSILON, EPSILON)
@device_option
@json_option
def test(
    *, weights: Path | None, data: Path | None, epsilon: float, device: str, as_json: bool
) -> None:
    """Test a LeNet on MNIST's 10,000 test digits, and on 1,000 of them under an attack.

    The attack is PGD with 40 steps, from two random starts. What it may do is --epsilon.
    """
    from . import lenet, training

    path = lenet.PACKAGED if weights is None else weights.expanduser()
    network = lenet.load(path).to(pick_device(device))
    digits = training.read(data).test
    accuracy = training.measure_accuracy(network, digits)
    facts = {"accuracy": accuracy, "test_images": len(digits.images)}
    _show(path, facts | _attack(network, digits, epsilon), as_json=as_json)


def _follow(steps: Iterable[TrainingStep], recipe: Recipe, images: int) -> float:
    console, accuracy, began = Output(stderr=True), 0.0, time.monotonic()
    with console.progress(recipe.epochs * recipe.steps(images), "steps") as note:
        for step in steps:
            text = f"epoch {step.epoch}/{recipe.epochs}: loss {step.loss:.4f}"
            note(text, 1)
            if step.accuracy is not None:
                accuracy = step.accuracy
                seconds = time.monotonic() - began
                text += f", test accuracy {share(accuracy, 2)}, {seconds:.0f} s"
                console.print(text, soft_wrap=True, highlight=False)
    return accuracy


def _attack(network: LeNet, test: Digits, epsilon: float) -> dict[str, Any]:
    """Attack a network, with a progress bar; tell its robust accuracy and what the attack was."""
    from .training import TEST_STEPS, Attack, choose_attacked, measure_robust_accuracy

    attack, digits = Attack(epsilon, TEST_STEPS), choose_attacked(test)
    with Output(stderr=True).progress(len(digits.labels)) as note:
        robust = measure_robust_accuracy(network, digits, attack, note)
    return {
        "robust_accuracy": robust,
        "attacked_images": len(digits.labels),
        "test_attack": {**asdict(attack), "starts": 2},
    }


def _show(path: Path, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what is known about the weights in a file, as JSON or in a sentence."""
    digest = sha256(path.read_bytes()).hexdigest()
    if as_json:
        click.echo(json.dumps({"weights": str(path), "sha256": digest, **facts}, indent=1))
        return
    robust = ""
    if "robust_accuracy" in facts:
        attack = facts["test_attack"]
        robust = (
            f", and {share(facts['robust_accuracy'], 2)} of {facts['attacked_images']} under "
            f"attack (PGD, epsilon {attack['epsilon']:g}, {attack['steps']} steps, two starts)"
        )
    click.echo(
        f"{path}: recognises {share(facts['accuracy'], 2)} of {facts['test_images']} test digits"
        f"{robust}; SHA-256 {digest}"
    )
