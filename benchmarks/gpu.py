"""The whole path on a GPU: the kernel, the band limit, gradients, copies, scoring, runs.

``python -m benchmarks --gpu --json`` measures on the first CUDA GPU: 400 random CPPNs of 45 nodes
at 224x224 as colours, at points and with the band limit of ``preset = patterns``, by the kernel
where it works and else by PyTorch; how many of their values differ from the CPU's; how many copies
a batch needs to get there; gradients of 40 of them; the memory that all this took; and some seconds
late in runs against EfficientNet-Lite0, ResNet-50 and ViT-B, each beside its target alone.

Where there is no GPU, the same code runs on the CPU with a tenth of the CPPNs and one network, so
that each line has been run, and no bound is judged.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.figures import Figure
from benchmarks.render import BAND_LIMIT, INPUTS, OUTPUTS, random_genome
from benchmarks.run import LATE, PATTERNS, middle
from benchmarks.targets import EfficientNetTarget, ResNetTarget
from neatfool.cppn import Look, can_launch, compile_genomes, compile_tape, render, render_gradients

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.targets import NetworkTarget

NODES, CONNECTIONS, SIDE = 45, 140, 224
GENOMES, GENOMES_ON_CPU, DIFFERENTIATED = 400, 40, 40
ROUNDS = 5
MILLISECONDS, LIMITED_BOUND, RATIO = 2.0, 2.5, 0.9
PICTURE = Look(SIDE, SIDE, "normalised", "hsv")


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure all on the GPU, or without bounds on the CPU."""
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    if not gpu:
        say("there is no GPU: the same code runs on the CPU, and no bound is judged")
    elif not can_launch("cuda"):
        say("PyTorch draws, as the kernel does not work here: pip install 'neatfool[cuda]'")
    count = GENOMES if gpu else GENOMES_ON_CPU
    rng = random.Random(1)
    genomes = [random_genome(rng, key, NODES, CONNECTIONS) for key in range(count)]
    tape = compile_tape(genomes, INPUTS, OUTPUTS)
    program = tape if can_launch(device.type) else compile_genomes(genomes, INPUTS, OUTPUTS)
    few = compile_genomes(genomes[:DIFFERENTIATED], INPUTS, OUTPUTS)
    by_pixel = np.ones((1, DIFFERENTIATED, 3, SIDE, SIDE), np.float32)
    limit = replace(PICTURE, band_limit=BAND_LIMIT)
    points, limited, gradients = _alternate(
        [
            lambda: render(program, PICTURE, device=device),
            lambda: render(program, limit, device=device),
            lambda: render_gradients(few, by_pixel, limit, device=device),
        ],
        device,
    )
    apart = render(program, limit, device=device).cpu().int() - render(tape, limit).int()
    what = f"{count} CPPNs of {NODES} nodes at {SIDE}x{SIDE} on {device.type}"
    found = [
        Figure(f"drawing {what}, ms", limited, MILLISECONDS if gpu else None),
        Figure("node-pixels a second", 1000 * count * NODES * SIDE**2 / limited),
        Figure("band limit / points", limited / points, LIMITED_BOUND if gpu else None),
        Figure("share of values off by more than 1", (apart.abs() > 1).float().mean().item(), 1e-3),
        Figure(f"gradients of {DIFFERENTIATED} of them, ms", gradients),
    ]
    if gpu:
        found.append(Figure("memory of all this, GiB", torch.cuda.max_memory_allocated() / 2**30))
    encoding = {**PATTERNS, "device": device.type}
    bound = RATIO if gpu else None
    targets = _targets(say) if gpu else _targets(say)[:1]
    return [*found, *(middle(say, each, LATE, encoding, bound=bound) for each in targets)]


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


def _targets(say: Callable[[str], None]) -> list[NetworkTarget]:
    others: list[NetworkTarget] = [ResNetTarget("resnet50"), ResNetTarget("vit_b_16")]
    try:
        return [EfficientNetTarget(), *others]
    except ImportError:
        say("EfficientNet-Lite0 is not installed: pip install 'neatfool[imagenet]'")
        return others
