"""What the commands say about weights: in their file, as JSON and in a sentence."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import click

from neatfool import (
    level,
    share,
)
from neatfool.present import Output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from neatfool.ood import Digits, Mnist

    from .lenet import LeNet
    from .training import Recipe


def describe(recipe: Recipe, digits: Mnist, accuracy: float) -> dict[str, Any]:
    """Describe how weights were trained; this is what their file says of itself."""
    import torch

    return {
        "network": "LeNet",
        "accuracy": accuracy,
        "test_images": len(digits.test.images),
        "training_images": len(digits.training.images),
        "data_sha256": digits.sha256(),
        "torch": torch.__version__,
        **{key: value for key, value in asdict(recipe).items() if value is not None},
    }


def attack(network: LeNet, test: Digits, epsilon: float) -> dict[str, Any]:
    """Attack a network, with a progress bar; tell its robust accuracy and what the attack was."""
    from .attack import TEST_STEPS, Attack, choose_attacked, measure_robust_accuracy

    attack, digits = Attack(epsilon, TEST_STEPS), choose_attacked(test)
    with Output(stderr=True).progress(len(digits.labels)) as note:
        robust = measure_robust_accuracy(network, digits, attack, note)
    return {
        "robust_accuracy": robust,
        "attacked_images": len(digits.labels),
        "test_attack": {**asdict(attack), "starts": 2},
    }


def warn(accuracy: float, *, adversarial: bool) -> None:
    """Warn of a network that the target will refuse, as one that was attacked too hard."""
    from .target import RECOGNISED

    if adversarial and accuracy < RECOGNISED:
        click.echo(
            f"Warning: the network recognises only {share(accuracy, 2)} of the test digits; the "
            f"target mnist refuses one below {level(RECOGNISED)}. Give a smaller --epsilon, or "
            "more --epochs",
            err=True,
        )


def show(path: Path, facts: Mapping[str, Any], *, as_json: bool) -> None:
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
