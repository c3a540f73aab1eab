"""The commands ``neatfool mnist ...``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neatfool import ExperimentError, FiniteRange, StorageError, pick_device

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .dataset import Mnist
    from .training import Recipe, Step


@click.group(
    epilog="""\b
Examples:
  neatfool mnist train
  neatfool mnist train --help"""
)
def mnist() -> None:
    """Train the network that the target mnist fools."""


@mnist.command(
    epilog="""\b
Examples:
  neatfool mnist train
  neatfool mnist train --data ~/mnist --out mine.safetensors
  neatfool mnist train --seed 7 --epochs 5 --out quick.safetensors
Then fool it:
  neatfool run experiments/mnist.ini --set target.weights=mine.safetensors"""
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder with MNIST's four idx files, gzipped or not.  [default: download them]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("lenet.safetensors"),
    metavar="FILE",
    show_default=True,
    help="Where to write the weights.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="How often to train on each image.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    default=0,
    show_default=True,
    help="The seed of the first weights and of the images' order.",
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=128, show_default=True, help="Images a step."
)
@click.option(
    "--learning-rate",
    type=FiniteRange(min=0, min_open=True),
    default=0.05,
    show_default=True,
    help="The highest learning rate of the cycle.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto takes the GPU if there is one.",
)
def train(*, data: Path | None, out: Path, force: bool, device: str, **recipe: Any) -> None:
    """Train a LeNet on MNIST's 60,000 digits, and test it on the other 10,000.

    The same seed gives the same weights on the same machine with the same number of threads.
    """
    _check_out(out, force=force)
    from . import lenet, training

    where = pick_device(device)
    digits = _read(data)
    options = training.Recipe(**recipe)
    network = training.new_lenet(options.seed).to(where)
    steps = training.train(network, digits.training, digits.test, options)
    accuracy = _follow(steps, options, len(digits.training.images))
    lenet.save_weights(network, out, _describe(options, digits, accuracy))
    click.echo(
        f"{out}: recognises {accuracy:.2%} of {len(digits.test.images)} test digits; "
        f"SHA-256 {_sha256(out)}"
    )


def _check_out(out: Path, *, force: bool) -> None:
    if not out.parent.is_dir():
        raise ExperimentError(f"--out {out}: there is no folder {out.parent}; make it first")
    if out.exists() and not force:
        raise ExperimentError(f"--out {out}: already exists; give another name, or --force")
    if not os.access(out.parent, os.W_OK):
        raise StorageError(f"--out {out}: the folder {out.parent} is read-only; give another")


def _read(folder: Path | None) -> Mnist:
    from . import dataset

    if folder is not None:
        return dataset.read_folder(folder)
    click.echo("Downloading MNIST, unless it was downloaded before ...", err=True)
    return dataset.download()


def _follow(steps: Iterable[Step], recipe: Recipe, images: int) -> float:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    accuracy, began = 0.0, time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    console = Console(stderr=True, highlight=False)
    live = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not live) as progress:
        task = progress.add_task("", total=recipe.epochs * recipe.steps(images))
        for step in steps:
            text = f"epoch {step.epoch}/{recipe.epochs}: loss {step.loss:.4f}"
            if step.accuracy is not None:
                accuracy = step.accuracy
                seconds = time.monotonic() - began
                console.print(f"{text}, test accuracy {accuracy:.2%}, {seconds:.0f} s")
            progress.update(task, advance=1, description=text)
    return accuracy


def _describe(recipe: Recipe, digits: Mnist, accuracy: float) -> dict[str, Any]:
    from dataclasses import asdict

    import torch

    return {
        "network": "LeNet",
        "accuracy": accuracy,
        "test_images": len(digits.test.images),
        "training_images": len(digits.training.images),
        "data_sha256": digits.sha256(),
        "torch": torch.__version__,
        **asdict(recipe),
    }


def _sha256(path: Path) -> str:
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest()
