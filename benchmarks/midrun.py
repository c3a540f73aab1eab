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
from neatfool import Candidate, GenomeSize, ImageSpec, Replacement, Scores, cppn
from neatfool.archive import rank
from neatfool.generation_report import GenerationReport
from neatfool.run_records import GenerationRecord, StoredCandidate
from neatfool.session import start
from neatfool.spec import Elite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.assembly import Assembly
    from neatfool.run_store import RunStore

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


class LinearTarget:
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
        return Scores(logits.softmax(1), logits)


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
        [cppn.NodeGene.make(key, rng.choice(ACTIVATIONS)) for key in range(nodes)],
        [cppn.ConnectionGene.make(edge, rng.uniform(-3.0, 3.0)) for edge in sorted(known)],
    )


@contextmanager
def midrun(setting: Setting, *, generations: int) -> Iterator[Iterator[GenerationReport]]:
    """Make a run that has been going on for a while, in a temporary folder, to be gone on with.

    Each niche is held by a candidate of its own, as sure of it as the best of twenty generations
    would be. The candidates share the genomes of one population.

    Args:
        setting: What the run is like.
        generations: How many generations it is still to do.
    """
    sections = {
        "experiment": {"generations": generations},
        "encoding": {"inputs": "normalised"},
        "scheme": {"batch": setting.population},
    }
    rng = random.Random(1)
    genomes = [random_genome(rng, setting.nodes) for _ in range(min(setting.population, 200))]
    with TemporaryDirectory(prefix="neatfool-midrun-") as name:
        folder = Path(name)
        assembly, _ = assembled(lambda: LinearTarget(setting.spec), folder, sections)
        scheme = assembly.scheme
        for elite in _elites(assembly, genomes, setting):
            scheme.archive.place(elite)
        scheme.restore({"generation": 1, "asked": setting.classes}, {})
        session = start(assembly, folder / "run")
        try:
            _fill(session._store, assembly)
            with closing(session._evolution.run()) as run:
                yield (report for report, _ in run)
        finally:
            session._close()


def _elites(assembly: Assembly, genomes: list[cppn.Genome], setting: Setting) -> list[Elite]:
    """Give every niche an elite that a generation in twenty surpasses."""
    images = assembly.encoding.render(genomes)
    # So many scores are enough for their mean and deviation, and take little memory.
    scores = assembly.scorer.target.score(images[: max(2, 10_000_000 // setting.classes)])
    ranks = rank(Scores(np.asarray(scores.probs), np.asarray(scores.logits)))
    surpassed = 1 - 1 / (GENERATIONS_BEFORE * setting.population)
    best = ranks.mean(0) + NormalDist().inv_cdf(surpassed) * ranks.std(0)
    pairs = zip((1 / (1 + np.exp(-best))).tolist(), best.tolist(), strict=True)
    return [
        Elite(index, Candidate(index, genomes[index % len(genomes)]), *pair)
        for index, pair in enumerate(pairs)
    ]


def _fill(store: RunStore, assembly: Assembly) -> None:
    """Write as many rows as there would be; the genomes and images in them are never read."""
    elites = list(assembly.scheme.archive.elites())
    ids = [elite.candidate.id for elite in elites]
    record = GenerationRecord(
        report=_before_the_first(),
        replacements=[Replacement(elite, None, False) for elite in elites],
        candidates=[StoredCandidate(id_, 0, (), "{}", GenomeSize(0, 0)) for id_ in ids],
        images=dict.fromkeys(ids, b""),
    )
    store.commit([record], assembly.scheme.state())


def _before_the_first() -> GenerationReport:
    """Make the report of generation -1, all zero."""
    zeros: dict[str, Any] = {
        each.name: 0
        for each in fields(GenerationReport)
        if each.name not in {"generation", "classes_ge", "stages"}
    }
    return GenerationReport(generation=-1, classes_ge=(0, 0, 0, 0), **zeros)
