"""A run made up for the report: real PNGs, real graphs, no search behind them."""

import io
import random
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from made_up_runs import report_of
from PIL import Image

from neatfool import GenerationReport, GenomeSize, ImageSpec, RunError
from neatfool.run.statistics import Stages

ACTIVATIONS = ("sin", "sigmoid", "gauss", "clamped")


def grow_graph(hidden: int, seed: int = 0, outputs: tuple[str, ...] = ("grey",)) -> nx.DiGraph:
    """Grow a layered graph with disabled edges and, now and then, a dead end."""
    rng = random.Random(seed)
    graph = nx.DiGraph()
    for i, label in enumerate(("x", "y", "d", "1")):
        graph.add_node(-1 - i, kind="input", label=label)
    for i in range(len(outputs) + hidden):
        kind, label = ("output", outputs[i]) if i < len(outputs) else ("hidden", str(i))
        graph.add_node(
            i,
            kind=kind,
            label=label,
            activation=rng.choice(ACTIVATIONS),
            aggregation="sum",
            bias=rng.gauss(0, 1),
            response=1.0,
        )
    for output in range(len(outputs)):
        for source in (-1, -2, -3, -4):
            graph.add_edge(source, output, weight=rng.uniform(-10, 10), enabled=True)
    for node in range(len(outputs), len(outputs) + hidden):
        source, target = rng.choice(list(graph.edges))
        graph.edges[source, target]["enabled"] = rng.random() < 0.5
        graph.add_edge(source, node, weight=rng.uniform(-10, 10), enabled=True)
        if node % 7:
            graph.add_edge(node, target, weight=rng.uniform(-10, 10), enabled=True)
    for number, edge in enumerate(graph.edges):
        graph.edges[edge]["innovation"] = number
    for layer, nodes in enumerate(nx.topological_generations(graph)):
        for node in nodes:
            graph.nodes[node]["layer"] = layer
    return graph


@dataclass
class FakeIndividual:
    run: "FakeRun"
    candidate_id: int
    generation: int
    name: str | None
    confidence: float | None
    index: int = -1
    rank: float = 0.0

    @cached_property
    def size(self) -> GenomeSize:
        graph = grow_graph(self.candidate_id % 17, self.candidate_id)
        return GenomeSize(len(graph), graph.number_of_edges())

    @property
    def top(self) -> list[tuple[str, float]]:
        """The classes that it scores highest in: its own, the next one and the one after that."""
        names = self.run.classes
        others = [names[(self.index + i) % len(names)] for i in (0, 1, 2)]
        left = 1 - self.confidence
        return [*zip(others, (self.confidence, 0.6 * left, 0.3 * left), strict=True)]

    @property
    def top1(self) -> bool | None:
        """Whether it is surest of its own class; None if it has no :attr:`top`."""
        return self.top[0][0] == self.name if self.top else None

    @property
    def file(self) -> Path:
        return self.run.path / "images" / f"{self.index:03} & co.png"

    def describe_measures(self) -> dict[str, str]:
        return {}

    def graph(self) -> nx.DiGraph:
        if not self.run.has_graphs:
            raise RunError("genomes are not graphs")
        outputs = ("grey",) if self.run.spec.channels == 1 else ("hue", "saturation", "value")
        return grow_graph(self.candidate_id % 17, self.candidate_id, outputs)

    def image(self, size: int | tuple[int, int] | None = None) -> Image.Image:
        spec = self.run.spec
        height, width = size if isinstance(size, tuple) else (size or spec.height,) * 2
        if size is None:
            height, width = spec.height, spec.width
        rng = np.random.default_rng(self.candidate_id)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        waves = rng.uniform(-12, 12, (spec.channels, 3))
        planes = [np.sin(a * x + b * y + c * np.hypot(x, y)) for a, b, c in waves]
        pixels = (255 * np.abs(planes)).astype(np.uint8)
        return Image.fromarray(pixels[0] if spec.channels == 1 else pixels.transpose(1, 2, 0))

    @cached_property
    def png(self) -> bytes:
        buffer = io.BytesIO()
        self.image().save(buffer, "PNG")
        return buffer.getvalue()


@dataclass
class FakeRun:
    path: Path
    classes: tuple[str, ...] = tuple("0123456789")
    name: str = "mnist"
    seed: int = 1
    generations: int = 40
    channels: int = 1
    side: int = 28
    target: str = "mnist"
    has_graphs: bool = True
    about: str = ""
    ranks: tuple[float, float] = (0.0, 0.0)
    without_elite: frozenset[int] = frozenset()
    requests: dict[str, tuple[int, int]] = field(default_factory=dict)
    above_threshold: tuple[int, int] | None = None
    info: dict[str, Any] = field(
        default_factory=lambda: {
            "versions": {"python": "3.11.2", "neatfool": "0.1.0", "torch": "2.6.0"},
            "clock": {"started": "2026-11-25T00:00:00+00:00", "machine": "Linux-x86_64"},
            "target": {"name": "target 'mnist'", "fingerprint": "f00d"},
        }
    )

    @property
    def spec(self) -> ImageSpec:
        return ImageSpec(self.side, self.side, self.channels, self.classes)

    @property
    def searched(self) -> tuple[int, ...]:
        return tuple(range(len(self.classes)))

    @property
    def generation(self) -> int:
        return self.generations - 1

    @property
    def evaluations(self) -> int:
        return 200 * self.generations

    @property
    def experiment(self) -> dict[str, Any]:
        return {
            "experiment": {"name": self.name, "generations": self.generations, "seed": self.seed},
            "target": {"plugin": self.target, "weights": None},
            "encoding": {"plugin": "cppn", "preset": "paper"},
            "scheme": {"plugin": "map_elites", "batch": 200},
        }

    @cached_property
    def history(self) -> list[GenerationReport]:
        rng = np.random.default_rng(0)
        odds = rng.normal(-2, 2, len(self.classes))
        reports = []
        for generation in range(self.generations):
            gain = rng.exponential(2, len(odds)) * (rng.random(len(odds)) < 0.3)
            odds = odds + gain
            p = 1 / (1 + np.exp(-odds))
            reports.append(
                report_of(
                    generation,
                    p,
                    batch=200,
                    replacements=int((gain > 0).sum()),
                    goal_switches=int((gain > 2).sum()),
                    nodes=5 + generation / 3,
                    connections=4 + generation,
                    stages=Stages(0.03, 0.01, 0.02, 0.001, 0.004, 0.05),
                )
            )
        return reports

    def best(self) -> FakeIndividual:
        return max(self.elites, key=lambda elite: elite.rank)

    @property
    def elites(self) -> list[FakeIndividual]:
        return [self.elite(i) for i in self.searched if i not in self.without_elite]

    def __len__(self) -> int:
        return len(self.elites)

    def elite(self, name: str | int) -> FakeIndividual:
        index = self.spec.class_index(name)
        confidence = 1 - 10 ** -(1 + (index * 7 % 10) / 2)
        return FakeIndividual(
            self,
            100 + index,
            (index * 13) % max(1, self.generations),
            self.classes[index],
            confidence,
            index,
            confidence,
        )

    @property
    def replacements(self) -> list[tuple[int, int, float, float]]:
        """Each class is taken by two candidates: in generation 0, and in that of its elite."""
        if not self.generations:
            return []
        told = [(0, elite.index, 0.01) for elite in self.elites]
        told += [(e.generation, e.index, e.confidence) for e in self.elites if e.generation]
        return [(*each, each[2]) for each in sorted(told)]  # of a target without logits

    def holders(self) -> list[tuple[int, int, float]]:
        return [
            each
            for e in self.elites
            for each in ((e.index, 1000 + e.index, 0.01), (e.index, e.candidate_id, e.confidence))
        ]

    def holder(self, index: int, candidate_id: int) -> FakeIndividual:
        return FakeIndividual(self, candidate_id, 0, self.classes[index], 0.5, index)

    def phylogeny(self, *, kinds: bool = True) -> nx.DiGraph:
        """The first of each class is the parent of the next class's elite."""
        graph = nx.DiGraph()
        for elite in self.elites:
            held = {elite.name: 0.01}
            graph.add_node(1000 + elite.index, generation=0, kind="first", held=held)
        for elite in self.elites:
            held = {elite.name: elite.confidence}
            later = max(1, elite.generation)
            graph.add_node(elite.candidate_id, generation=later, kind="bred", held=held)
            before = 1000 + (elite.index - 1) % len(self.classes)
            if before in graph:
                graph.add_edge(before, elite.candidate_id, position=0)
        return graph

    def lineage(self, name: str | int) -> list[FakeIndividual]:
        elite = self.elite(name)
        count = 1 + 3 * elite.index % 25
        steps = [
            FakeIndividual(
                self,
                elite.index + 200 * i,
                elite.generation * i // max(count - 1, 1),
                self.classes[(elite.index + i) % len(self.classes)],
                0.3 + 0.02 * i,
            )
            for i in range(count - 1)
        ]
        return [elite, *reversed(steps)]
