"""The whole path on a GPU: rendering, the band limit, gradients, copies, scoring, a run.

``python -m benchmarks --gpu`` measures on the first CUDA GPU: 400 random CPPNs of 45 nodes at
224x224 as colours, without a blur and with that of ``preset = patterns``; how many copies a batch
needs to get there; gradients of 40 of them; and some seconds late in a run against
EfficientNet-Lite0 (ResNet-18 where it is not installed), beside its target alone.

Where there is no GPU, the same code runs on the CPU with a tenth of the CPPNs, so that each line
has been run, and no bound is judged.
"""

from __future__ import annotations

import random
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.figures import Figure
from benchmarks.render import BLUR, INPUTS, OUTPUTS, random_genome
from benchmarks.run import LATE, PATTERNS, middle
from benchmarks.targets import EfficientNetTarget, ResNetTarget
from neatfool.cppn import compile_genomes, render, render_gradients

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.targets import NetworkTarget
    from neatfool.cppn import Program

NODES, CONNECTIONS, SIDE = 45, 140, 224
GENOMES, GENOMES_ON_CPU, DIFFERENTIATED = 400, 40, 40
ROUNDS = 5
MILLISECONDS, BLUR_BOUND, RATIO = 10.0, 2.5, 0.9
PICTURE: dict[str, Any] = {
    "height": SIDE,
    "width": SIDE,
    "inputs": "normalised",
    "colour_map": "hsv",
}


class Copies(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that take tensors of the CPU and give one of another device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **kwargs or {})
        if isinstance(result, torch.Tensor) and result.device.type != "cpu":
            given = (each for each in args if isinstance(each, torch.Tensor) and each.dim())
            self.count += any(each.device.type == "cpu" for each in given)
        return result


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure all on the GPU, or without bounds on the CPU."""
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    if not gpu:
        say("there is no GPU: the same code runs on the CPU, and no bound is judged")
    count = GENOMES if gpu else GENOMES_ON_CPU
    rng = random.Random(1)
    genomes = [random_genome(rng, key, NODES, CONNECTIONS) for key in range(count)]
    program = compile_genomes(genomes, INPUTS, OUTPUTS)
    few = compile_genomes(genomes[:DIFFERENTIATED], INPUTS, OUTPUTS)
    by_pixel = np.ones((1, DIFFERENTIATED, 3, SIDE, SIDE), np.float32)
    sharp, blurred, gradients = _alternate(
        [
            lambda: render(program, **PICTURE, device=device),
            lambda: render(program, **PICTURE, device=device, blur=BLUR),
            lambda: render_gradients(
                few, by_pixel, inputs="normalised", colour_map="hsv", blur=BLUR, device=device
            ),
        ],
        device,
    )
    what = f"{count} CPPNs of {NODES} nodes at {SIDE}x{SIDE} on {device.type}"
    found = [
        Figure(f"rendering {what}, ms", sharp, MILLISECONDS if gpu else None),
        Figure("the same, with blur / without", blurred / sharp, BLUR_BOUND if gpu else None),
        Figure(f"gradients of {DIFFERENTIATED} of them, ms", gradients),
        Figure("copies that a batch needs to get there", _count_copies(program, device), 1.0),
    ]
    run = middle(
        say, _target(say), LATE, {**PATTERNS, "device": device.type}, bound=RATIO if gpu else None
    )
    return [*found, run]


def _alternate(ways: Sequence[Callable[[], Any]], device: torch.device) -> list[float]:
    """Time ways in turn, round after round, the first round uncounted; medians in ms."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS + 1):
        for way, passed in zip(ways, times, strict=True):
            began = time.perf_counter()
            way()
            if device.type == "cuda":
                torch.cuda.synchronize()
            passed.append(1000 * (time.perf_counter() - began))
    return [median(passed[1:]) for passed in times]


def _count_copies(program: Program, device: torch.device) -> float:
    # Without a GPU, to a device that computes nothing, but to which all is sent as to a GPU.
    there = device if device.type == "cuda" else torch.device("meta")
    render(program, **PICTURE, device=there)
    with Copies() as copies:
        render(program, **PICTURE, device=there)
    return float(copies.count)


def _target(say: Callable[[str], None]) -> NetworkTarget:
    try:
        return EfficientNetTarget()
    except ImportError:
        say("EfficientNet-Lite0 is not installed: pip install 'neatfool[imagenet]'")
        return ResNetTarget()
