"""Breeding against neat-python's own: children of parents of 20 nodes and 50 enabled connections.

``python -m benchmarks breeding`` compares, alternately in one process, batches of children with as
many of neat-python's own genomes, whose parents have the same content and which vary at the same
rates:

paper
    the preset ``paper``, against ``copy.deepcopy`` of the parent and ``mutate``;
neat
    the preset ``neat`` with two parents that are related, against ``configure_crossover`` and
    ``mutate``.

The seeds of our children are part of the time. Their genes are made for whoever looks at them; the
renderers read what is there when a child is born. How long reading it takes is told beside it.
"""

from __future__ import annotations

import copy
import random
import time
from itertools import count
from statistics import median
from typing import TYPE_CHECKING

from neat.genes import DefaultConnectionGene, DefaultNodeGene
from neat.genome import DefaultGenome, DefaultGenomeConfig
from neat.innovation import InnovationTracker

from benchmarks.figures import Figure
from neatfool.cppn import (
    ACTIVATIONS,
    PRESETS,
    Breeder,
    Genome,
    GenomeOptions,
    compile_genomes,
    resolve,
)
from neatfool.cppn import genome_config as config_of
from neatfool.spec.seeds import derive_seed, derive_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NODES, CONNECTIONS, OUTPUTS = 20, 50, 3
TRUNK = 12
"""Nodes that two parents have in common, because they are of one descent."""
PAIRS, CHILDREN, ROUNDS = 10, 200, 15

Pair = tuple[Genome, Genome]
Theirs = tuple[DefaultGenome, DefaultGenome]


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure a child of each preset."""
    paper, neat = took("paper", say), took("neat", say)
    return [
        Figure(
            "breeding, paper: a child / deepcopy + mutate of neat-python's genome",
            ratio(paper, "a child"),
            1 / 8,
        ),
        Figure(
            "breeding, neat: a child / neat-python's crossover + mutate",
            ratio(neat, "a child"),
            1 / 4,
        ),
        Figure(
            "breeding, paper: a child and reading it / deepcopy + mutate",
            ratio(paper, "a child", "reading it"),
        ),
    ]


def ratio(times: Mapping[str, list[float]], *ours: str) -> float:
    """Give the median over the rounds of the ratio to neat-python's time."""
    rounds = zip(times["neat-python"], *(times[name] for name in ours), strict=True)
    return float(median(sum(mine) / theirs for theirs, *mine in rounds))


def took(preset: str, say: Callable[[str], None]) -> dict[str, list[float]]:
    """Measure a preset: microseconds a child in each round but the first."""
    pairs = [relatives(preset, seed) for seed in range(PAIRS)]
    parents = [[type(genome).read(genome.flat) for genome in pair] for pair in pairs]
    parent_groups = [parents[n % PAIRS] for n in range(CHILDREN)]
    breeder, config = breeder_of(preset), neat_pythons_config(preset)
    theirs = [neat_pythons(pair) for pair in pairs]
    times: dict[str, list[float]] = {"a child": [], "reading it": [], "neat-python": []}
    elites: list[DefaultGenome] = []
    random.seed(1)
    for generation in range(ROUNDS):
        began = time.perf_counter()
        ids = range(generation * CHILDREN, (generation + 1) * CHILDREN)
        children = breeder.breed(parent_groups, derive_seeds(1, "breed", ids=ids))
        bred = time.perf_counter()
        compile_genomes(children, config.input_keys, config.output_keys)
        read = time.perf_counter()
        others = [neat_pythons_child(preset, theirs[n % PAIRS], config) for n in range(CHILDREN)]
        ended = time.perf_counter()
        for name, seconds in zip(times, (bred - began, read - bred, ended - read), strict=True):
            times[name].append(1e6 * seconds / CHILDREN)
        # Some stay, as in an archive, so that memory is not all given back between the rounds.
        elites += [*children[::20], *others[::20]]
        del children, others
    times = {name: each[1:] for name, each in times.items()}
    say(f"{preset}: " + ", ".join(f"{name} {median(each):.1f} us" for name, each in times.items()))
    return times


def breeder_of(preset: str, **given: object) -> Breeder:
    """Make a breeder of a preset with some other values."""
    options = resolve(GenomeOptions.model_validate(given), PRESETS[preset])
    return Breeder(PRESETS[preset], config_of(options, OUTPUTS))


def relatives(preset: str, seed: int) -> Pair:
    """Grow two parents of one descent, as evolution does without its deletions."""
    founder = breeder_of(preset).create([seed])[0]
    trunk = grow(preset, founder, TRUNK, 0, [seed, 0])
    first, second = (grow(preset, trunk, NODES, CONNECTIONS, [seed, line]) for line in (1, 2))
    return first, second


def grow(preset: str, genome: Genome, nodes: int, connections: int, name: Sequence[int]) -> Genome:
    """Breed a line until it has so many nodes, and then so many enabled connections."""
    kept = {"conn_delete_prob": 0.0, "node_delete_prob": 0.0}
    wider = breeder_of(preset, **kept, node_add_prob=1.0, conn_add_prob=0.2)
    denser = breeder_of(preset, **kept, node_add_prob=0.0, conn_add_prob=1.0)
    for generation in count():
        if genome.size()[0] < nodes:
            breeder = wider
        elif genome.size()[1] < connections:
            breeder = denser
        else:
            break
        (genome,) = breeder.breed([[genome]], [derive_seed(*name, generation)])
    return genome


class NeatPythonsConfig(DefaultGenomeConfig):  # type: ignore[misc]
    """neat-python's configuration, that knows the paper's activations."""

    def __init__(self, params: dict[str, object]) -> None:
        super().__init__(params)
        for name, activation in ACTIVATIONS.items():
            self.add_activation(name, activation.scalar)


def neat_pythons_config(preset: str) -> DefaultGenomeConfig:
    """Make neat-python's own configuration with a preset's values."""
    values: dict[str, object] = {
        key: " ".join(value) if isinstance(value, tuple) else str(value)
        for key, value in PRESETS[preset].values.items()
    }
    genes = {"node_gene_type": DefaultNodeGene, "connection_gene_type": DefaultConnectionGene}
    config = NeatPythonsConfig({**values, **genes, "num_outputs": str(OUTPUTS)})
    config.innovation_tracker = InnovationTracker()
    config.node_indexer = count(2**53)
    return config


def neat_pythons(pair: Pair) -> Theirs:
    """Make neat-python's genomes with the content of ours, the first the fitter."""
    first, second = DefaultGenome(1), DefaultGenome(2)
    for theirs, ours, fitness in ((first, pair[0], 1.0), (second, pair[1], 0.0)):
        theirs.fitness = fitness
        for key, node in ours.nodes.items():
            theirs.nodes[key] = with_attributes(DefaultNodeGene(key), node)
        for edge, connection in ours.connections.items():
            gene = DefaultConnectionGene(edge, innovation=connection.innovation)
            theirs.connections[edge] = with_attributes(gene, connection)
    return first, second


def with_attributes(
    gene: DefaultNodeGene | DefaultConnectionGene, like: DefaultNodeGene | DefaultConnectionGene
) -> DefaultNodeGene | DefaultConnectionGene:
    """Give a gene another's attributes."""
    for attribute in gene._gene_attributes:
        setattr(gene, attribute.name, getattr(like, attribute.name))
    return gene


def neat_pythons_child(preset: str, parents: Theirs, config: DefaultGenomeConfig) -> DefaultGenome:
    """Breed a child with neat-python."""
    if preset == "paper":
        child = copy.deepcopy(parents[0])
    else:
        child = DefaultGenome(3)
        child.configure_crossover(*parents, config)
    child.mutate(config)
    return child
