"""Runs that stand in the middle: an archive filled, a database as large as it is then, a target
that costs next to nothing."""

from __future__ import annotations

import random
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import NormalDist
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.experiments import assembled
from neatfool import Candidate, GenomeSize, ImageSpec, Replacement, Scores, Target, cppn
from neatfool.evolution.session import start
from neatfool.run.schema import GenerationRecord, StoredCandidate
from neatfool.run.statistics import GenerationReport
from neatfool.spec.archive import Elite
from neatfool.spec.scores import rank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.evolution.assembly import Assembly
    from neatfool.run.store import RunStore

INPUTS, OUTPUTS = (-1, -2, -3, -4), (0, 1, 2)
ACTIVATIONS = ("paper_sine", "paper_sigmoid", "paper_gaussian", "paper_linear")
GENERATIONS_BEFORE = 20
"""How many generations' best images hold the niches."""
FEATURES = 4
"""The target looks at so many pixels of a row and of a column."""


@dataclass(frozen=True)
class Setting:
    """What a generation's time may depend on."""

    population: int = 200
    nodes: int = 20
    classes: int = 10
    side: int = 28

    @property
    def spec(self) -> ImageSpec:
        names = tuple(f"class {number}" for number in range(self.classes))
        return ImageSpec(self.side, self.side, 3, names, array="torch")


class LinearTarget(Target):
    """A linear classifier of a few pixels: its cost does not depend on the images' size."""

    def __init__(self, spec: ImageSpec) -> None:
        self.spec = spec
        self._step = spec.height // FEATURES, spec.width // FEATURES
        inputs, generator = spec.channels * FEATURES**2, torch.Generator().manual_seed(1)
        self._weights = torch.randn(inputs, len(spec.classes), generator=generator)

    def score(self, images: torch.Tensor) -> Scores:
        rows, columns = self._step
        pixels = images[:, :, ::rows, ::columns][:, :, :FEATURES, :FEATURES]
        logits = (pixels.flatten(1).float() / 255 - 0.5) @ self._weights
        return Scores(logits.softmax(1).numpy(), logits.numpy())


def random_genome(rng: random.Random, nodes: int) -> cppn.Genome:
    """Grow a genome: split connections, then add some that close no cycle, 2.5 a node in all."""
    order = [*INPUTS, *OUTPUTS]
    edges = [(source, sink) for source in INPUTS for sink in OUTPUTS]
    for node in range(len(OUTPUTS), nodes):
        place = rng.randrange(len(edges))
        source, sink = edges[place]
        order.insert(rng.randint(order.index(source) + 1, order.index(sink)), node)
        edges[place : place + 1] = [(source, node), (node, sink)]
    known = set(edges)
    position = {key: place for place, key in enumerate(order)}
    while len(known) < 5 * nodes // 2:
        source, sink = sorted(rng.sample(order, 2), key=position.__getitem__)
        if sink not in INPUTS and source not in OUTPUTS:
            known.add((source, sink))
    return cppn.Genome.of(
        [cppn.NodeGene(key, rng.choice(ACTIVATIONS)) for key in range(nodes)],
        [cppn.ConnectionGene(edge, rng.uniform(-3.0, 3.0)) for edge in sorted(known)],
    )


@contextmanager
def midrun(setting: Setting, *, generations: int) -> Iterator[Iterator[GenerationReport]]:
    """Make a run that has been going on for a while, in a temporary folder, to be gone on with.

    Args:
        setting: What the run is like.
        generations: How many generations it is still to do.
    """
    sections: dict[str, dict[str, Any]] = {
        "experiment": {"generations": generations},
        "encoding": {"inputs": "normalised"},
        "scheme": {"batch": setting.population},
    }
    with TemporaryDirectory(prefix="neatfool-midrun-") as name:
        folder = Path(name)
        assembly, _ = assembled(lambda: LinearTarget(setting.spec), folder, sections)
        fill_archive(assembly, setting.nodes, generations=GENERATIONS_BEFORE)
        session = start(assembly, folder / "run")
        try:
            _fill_store(session._store, assembly)
            with closing(session._evolution.run()) as run:
                yield (report for report, _ in run)
        finally:
            session._ending.close()


def fill_archive(assembly: Assembly, nodes: int, *, generations: int) -> None:
    """Give every niche an elite, as sure of it as the best of so many generations would be.

    That is the part of the scores of random images, taken for normally distributed, that an image
    surpasses with a chance of one in so many generations. Each niche gets a candidate of its own;
    the candidates share the genomes of one population.

    Args:
        assembly: What a run is made of, at its beginning.
        nodes: Of each genome.
        generations: How many.
    """
    spec, scheme = assembly.spec, assembly.scheme
    count, rng = len(spec.classes), random.Random(1)
    genomes = [random_genome(rng, nodes) for _ in range(min(scheme.batch, 200))]
    # So many scores are enough for their mean and deviation, and take little memory.
    at_once = max(2, 10_000_000 // count)
    ranks = rank(assembly.scorer.score(assembly.encoding.render(genomes[:at_once])))
    surpassed = 1 - 1 / (generations * scheme.batch)
    best = ranks.mean(0) + NormalDist().inv_cdf(surpassed) * ranks.std(0)
    pairs = zip((1 / (1 + np.exp(-best))).tolist(), best.tolist(), strict=True)
    for index, pair in enumerate(pairs):
        scheme.archive.place(Elite(index, Candidate(index, genomes[index % len(genomes)]), *pair))
    scheme.restore({"generation": 1, "asked": count}, {})


def _fill_store(store: RunStore, assembly: Assembly) -> None:
    """Write as many rows as there would be; the genomes and images in them are never read."""
    elites = list(assembly.scheme.archive.elites())
    ids = [elite.candidate.id for elite in elites]
    record = GenerationRecord(
        report=_before_the_first(),
        replacements=[Replacement(elite, None, False) for elite in elites],
        candidates=[StoredCandidate(id_, 0, (), "{}", GenomeSize(0, 0)) for id_ in ids],
        images=dict.fromkeys(ids, b""),
    )
    store.commit(record, assembly.scheme.state(), {})


def _before_the_first() -> GenerationReport:
    """Make the report of generation -1, all zero."""
    zeros: dict[str, Any] = {
        each.name: 0
        for each in fields(GenerationReport)
        if each.name not in {"generation", "classes_ge", "stages"}
    }
    return GenerationReport(generation=-1, classes_ge=(0, 0, 0, 0), **zeros)
