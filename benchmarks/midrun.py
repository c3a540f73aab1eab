"""Runs that stand in the middle: an archive filled, a database as large as it is then, a target
that costs next to nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neatfool import Candidate, GenomeSize, ImageSpec, Replacement, Scores, cppn
from neatfool.archive import rank
from neatfool.evolution import Evolution, Limits
from neatfool.generation_report import GenerationReport
from neatfool.plugin_manager import PluginManager
from neatfool.run_records import GenerationRecord, StoredCandidate
from neatfool.run_store import RunStore
from neatfool.scoring import Scorer, automatic_batch_size
from neatfool.spec import Elite

if TYPE_CHECKING:
    from pathlib import Path

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


def stand(folder: Path, setting: Setting, *, generations: int) -> Evolution:
    """Make a run that has been going on for a while.

    Each niche is held by a candidate of its own, as sure of it as the best of twenty generations
    would be. The candidates share the genomes of one population.

    Args:
        folder: An empty folder, for the database.
        setting: What the run is like.
        generations: How many generations it is still to do.
    """
    spec, plugins = setting.spec, PluginManager()
    encoding = _made(plugins, "encoding", "cppn", {"inputs": "normalised"}, spec=spec)
    scheme = _made(
        plugins,
        "scheme",
        "map_elites",
        {"batch": setting.population},
        encoding=encoding,
        spec=spec,
        seed=1,
    )
    target = LinearTarget(spec)
    rng = random.Random(1)
    genomes = [random_genome(rng, setting.nodes) for _ in range(min(setting.population, 200))]
    for elite in _elites(target, genomes, encoding, setting):
        scheme.archive.place(elite)
    scheme.restore({"generation": 1, "asked": setting.classes}, {})
    return Evolution(
        scorer=Scorer(target, name="linear", batch_size=automatic_batch_size(setting.population)),
        encoding=encoding,
        encoding_name="cppn",
        scheme=scheme,
        scheme_name="map_elites",
        store=_store(folder, scheme, spec),
        limits=Limits(generations=generations + 1),
    )


def _made(
    plugins: PluginManager, kind: str, name: str, options: dict[str, Any], **beside: Any
) -> Any:
    registration = plugins.load(kind, name)
    assert registration.options is not None
    return registration.factory(registration.options.model_validate(options), **beside)


def _elites(
    target: LinearTarget, genomes: list[cppn.Genome], encoding: Any, setting: Setting
) -> list[Elite]:
    """Give every niche an elite that about one of 20 generations beats."""
    images = encoding.render(genomes)
    at_once = max(2, 10_000_000 // setting.classes)
    scores = target.score(images[:at_once])
    ranks = rank(Scores(scores.probs.numpy(), scores.logits.numpy()))
    surpassed = 1 - 1 / (GENERATIONS_BEFORE * setting.population)
    best = ranks.mean(0) + NormalDist().inv_cdf(surpassed) * ranks.std(0)
    confidences = 1 / (1 + np.exp(-best))
    return [
        Elite(index, Candidate(index, genomes[index % len(genomes)]), confidence, rank_)
        for index, (confidence, rank_) in enumerate(
            zip(confidences.tolist(), best.tolist(), strict=True)
        )
    ]


def _store(folder: Path, scheme: Any, spec: ImageSpec) -> RunStore:
    """Write a database with as many rows as there would be; the genomes in it are never read."""
    elites = list(scheme.archive.elites())
    store = RunStore.create(folder / "run.db", {}, spec.classes, scheme.archive.classes.tolist())
    report = GenerationReport(
        0, len(elites), *[0.0] * 5, (0, 0, 0, 0), len(elites), len(elites), 0, 0, 0.0, 0.0
    )
    record = GenerationRecord(
        report=report,
        replacements=[Replacement(elite, None, False) for elite in elites],
        candidates=[
            StoredCandidate(elite.candidate.id, 0, (), "{}", GenomeSize(0, 0)) for elite in elites
        ],
        images={elite.candidate.id: b"" for elite in elites},
    )
    store.commit([record], scheme.state())
    return store
