"""A NEAT network, which neat-python evaluates and other programs are given; and its picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

import networkx as nx
import numpy as np
from neat.activations import ActivationFunctionSet
from neat.aggregations import AggregationFunctionSet, sum_aggregation
from neat.nn import FeedForwardNetwork

from neatfool.cppn.activations import ACTIVATIONS, LIMIT
from neatfool.cppn.draw.colour import COLOUR_MAPS, HALF
from neatfool.cppn.draw.lattice import Lattice, Look, lay_lattice
from neatfool.cppn.formulas import by_numpy
from neatfool.cppn.genome.genes import INPUTS, ConnectionGene, NodeGene, unpack
from neatfool.cppn.genome.genome import Genome, check_genome, flat_of, layers
from neatfool.cppn.genome.serial import to_graph
from neatfool.errors import ExperimentError, GenomeError, nearest

NodeTuple = tuple[int, str, str, float, float]
"""A node of neat-python: id, activation, aggregation, bias and response."""
ConnectionTuple = tuple[int, int, float, bool]
"""A connection: from, to, weight and whether it is enabled."""

NATIVE: Final = 256
"""The pixels of a side of a picture whose genome comes without a size."""
MEMORY: Final = 64 << 20
"""The bytes of nodes' values that are computed at once."""
_NEAT_PYTHONS: Final = ActivationFunctionSet().functions
_AGGREGATIONS: Final = AggregationFunctionSet().functions


class Node(NamedTuple):
    """A node: ``activation(bias + response * the sum of weights times sources)``."""

    key: int
    activation: str
    bias: float
    response: float
    terms: list[tuple[int, float]]  # the sources (keys of nodes or inputs) and their weights


@dataclass(frozen=True)
class NeatNetwork:
    """A NEAT network: a genome with its inputs and outputs.

    Attributes:
        genome: The genome. Its inputs have the keys -1, -2, …, and its outputs 0, 1, …
        inputs: The label of each input.
        outputs: The label of each output.
    """

    genome: Genome
    inputs: tuple[str, ...] = tuple(INPUTS.values())
    outputs: tuple[str, ...] = ("0",)

    def __repr__(self) -> str:
        nodes, connections = len(self.genome.nodes), len(self.genome.connections)
        ends = f"{len(self.inputs)} inputs, {len(self.outputs)} outputs"
        return f"<NeatNetwork: {nodes} nodes, {connections} connections, {ends}>"

    @classmethod
    def of(cls, genome: Any, config: Any) -> Self:
        """Take a genome of neat-python's, with its ``neat.Config``.

        Raises:
            GenomeError: It has a cycle, or a function that neatfool does not have.
        """
        settings = getattr(config, "genome_config", config)
        nodes, edges = genome.nodes.items(), genome.connections.items()
        return cls.assemble(
            ((key, n.activation, n.aggregation, n.bias, n.response) for key, n in nodes),
            ((*edge, gene.weight, gene.enabled) for edge, gene in edges),
            len(settings.input_keys),
            len(settings.output_keys),
        )

    @classmethod
    def assemble(
        cls,
        nodes: Iterable[NodeTuple],
        connections: Iterable[ConnectionTuple],
        inputs: int,
        outputs: int,
    ) -> Self:
        """Make a network of nodes and connections as neat-python has them, in their order.

        An aggregation that equals a sum becomes one: each of one value, and a mean, whose response
        is divided.

        Raises:
            GenomeError: They are no feed-forward network, or have a function that neatfool has not.
        """
        rows, edges = list(nodes), list(connections)
        counts = Counter(target for _, target, _, enabled in edges if enabled)
        genome = Genome.of(
            (_as_sum(*row, counts[row[0]]) for row in rows),
            (ConnectionGene((a, b), weight, enabled) for a, b, weight, enabled in edges),
        )
        if not inputs or not outputs:
            raise GenomeError("a network without inputs, or without outputs")
        if len(genome.nodes) < len(rows) or len(genome.connections) < len(edges):
            raise GenomeError("a genome with two nodes, or two connections, of one id")
        keys = [-1 - place for place in range(inputs)]
        check_genome(genome, keys, range(outputs))
        return cls(genome, tuple(map(str, keys)), tuple(map(str, range(outputs))))

    def graph(self) -> nx.DiGraph:
        """Give the network as a graph, with its attributes as in :func:`~neatfool.cppn.from_graph`.

        Its nodes are the genome's ids, and the inputs' (negative) ids; its edges are all
        connections, also disabled ones. Nodes have ``kind`` ("input", "hidden" or "output"),
        ``label`` and ``layer``: the longest way from an input over enabled connections, 0 for an
        input, at least 1 for others. Hidden nodes and outputs have ``activation``, ``aggregation``,
        ``bias``, ``response`` and ``order``, edges ``weight``, ``enabled``, ``innovation`` and
        ``order``, which numbers the genome's nodes or connections.
        """
        return to_graph(self.genome, self.outputs, self.inputs)

    def formula(self) -> list[Node]:
        """Give the nodes that the outputs depend on, each after those that it needs.

        Raises:
            GenomeError: There is a cycle, or a node is missing.
        """
        genes, connections = unpack(flat_of(self.genome))
        terms = defaultdict[int, list[tuple[int, float]]](list)
        for (source, target), gene in connections.items():
            if gene.enabled:
                terms[target].append((source, gene.weight))
        needed, waiting = set[int](), [*range(len(self.outputs))]
        while waiting:
            if (key := waiting.pop()) >= 0 and key not in needed:
                needed.add(key)
                waiting += (source for source, _ in terms[key])
        edges = [(source, key) for key in needed for source, _ in terms[key]]
        keys = range(-len(self.inputs), 0)
        if needed - {*genes} or any(source < 0 and source not in keys for source, _ in edges):
            check_genome(self.genome, keys, range(len(self.outputs)))
        layer = layers(edges)
        used = (gene for key, gene in genes.items() if key in needed)
        return [
            Node(gene.key, gene.activation, gene.bias, gene.response, terms[gene.key])
            for gene in sorted(used, key=lambda gene: layer.get(gene.key, 1))
        ]

    @cached_property
    def feed_forward(self) -> FeedForwardNetwork:
        """The network of neat-python's, with its own functions where it has them."""
        nodes = [
            (node.key, _function(node.activation), sum_aggregation, node.bias, node.response, terms)
            for node in self.formula()
            for terms in [node.terms]
        ]
        keys = [-1 - place for place in range(len(self.inputs))]
        return FeedForwardNetwork(keys, [*range(len(self.outputs))], nodes)

    def activate(self, values: Sequence[float]) -> list[float]:
        """Give the outputs for a value of each input, as neat-python computes them."""
        if len(values) != len(self.inputs):
            raise ValueError(f"{len(values)} values for {len(self.inputs)} inputs")
        return [float(each) for each in self.feed_forward.activate(values)]

    def picture(self, size: int = NATIVE, colour: str | None = None) -> Picture:
        """Give the picture that it draws as a CPPN, of x, y, d and 1, or the first of them.

        Args:
            size: The pixels of a side, over which x and y go from -1 to 1.
            colour: One of :data:`~neatfool.cppn.COLOUR_MAPS`. If left out, that with the outputs'
                labels; else ``grey`` for one output, and ``hsv`` for three.

        Raises:
            ExperimentError: It has more than four inputs, or no colour map takes its outputs.
        """
        if len(self.inputs) > len(INPUTS):
            raise ExperimentError(
                f"a network of {len(self.inputs)} inputs draws no picture, which has x, y, d and 1"
            )
        labelled = (each.name for each in COLOUR_MAPS.values() if each.labels == self.outputs)
        name = colour or next(labelled, "grey" if len(self.outputs) == 1 else "hsv")
        if name in COLOUR_MAPS and COLOUR_MAPS[name].outputs != len(self.outputs):
            fault = f"a network of {len(self.outputs)} outputs"
            raise ExperimentError(f"{fault}, and {name} takes {COLOUR_MAPS[name].outputs}")
        return Picture(self.genome, Look(size, size, inputs="normalised", colour_map=name))


def _as_sum(
    key: int, activation: str, aggregation: str, bias: float, response: float, count: int
) -> NodeGene:
    """Make a node whose sum equals an aggregation of so many values."""
    if aggregation not in _AGGREGATIONS:
        known = nearest(aggregation, _AGGREGATIONS)
        raise GenomeError(f"node {key}: there is no aggregation {aggregation!r}{known}")
    if aggregation == "product" and not count:
        bias += response
    elif aggregation == "mean" and count:
        response /= count
    elif aggregation != "sum" and count > 1:
        fault = f"aggregates {count} values by {aggregation!r}, and neatfool's nodes by sums"
        raise GenomeError(f"node {key}: {fault}; evolve with aggregation_options = sum")
    return NodeGene(key, activation, bias=bias, response=response)


def _function(name: str) -> Callable[[float], float]:
    if name in _NEAT_PYTHONS:
        known: Callable[[float], float] = _NEAT_PYTHONS[name]
        return known
    scalar = ACTIVATIONS[name].scalar
    scalar.__name__ = f"{name}_activation"  # as neat-python's exporter expects
    return scalar


@dataclass(frozen=True)
class Picture:
    """The picture of a CPPN, for other programs.

    Attributes:
        genome: The genome; ``nodes`` and ``connections`` as :func:`~neatfool.cppn.compile_genomes`
            takes them, the inputs' keys -1 to -4, the outputs' 0, 1, …
        look: How outputs become a picture.
    """

    genome: Any
    look: Look

    @property
    def network(self) -> NeatNetwork:
        """Its network, whose outputs have the labels of the colour map."""
        return NeatNetwork(self.genome, outputs=self.look.colours.labels)

    def pixels(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """Draw the picture with numpy.

        Args:
            size: (height, width) in pixels; the native size if absent.

        Returns:
            uint8 [C, H, W]: that of :func:`~neatfool.cppn.render` to within a level, except where
            a network magnifies the last bits of a number.

        Raises:
            ExperimentError: The genome cannot be drawn, or its outputs do not fit the colour map.
        """
        lattice, colours = lay_lattice(self.look, size), self.look.colours
        nodes, tables = self.network.formula(), 3 if self.look.band_limit else 1
        step = max(MEMORY // (4 * tables * (len(nodes) + len(INPUTS))), 1024)
        parts = [
            self._draw(nodes, lattice, start, min(start + step, lattice.points))
            for start in range(0, lattice.points, step)
        ]
        pixels = np.concatenate(parts, 1).reshape(-1, len(lattice.y), len(lattice.x))
        if lattice.axes:
            down, across = (axis.matrix for axis in lattice.axes)
            pixels = np.rint(down @ pixels.astype(np.float32) @ across.T + np.float32(HALF))
        repeats = (self.look.channels or colours.channels) // colours.channels
        return np.tile(pixels.astype(np.uint8), (repeats, 1, 1))

    def _draw(self, nodes: list[Node], lattice: Lattice, start: int, stop: int) -> np.ndarray:
        """Draw some points: uint8 [C, stop - start]."""
        tables, colours = lattice.arrays(start, stop), self.look.colours
        values = {key: tables[:, place] for place, key in enumerate(INPUTS)}
        with np.errstate(all="ignore"):
            for node in nodes:
                z = np.zeros_like(values[-1])
                z[0] = node.bias
                for source, weight in node.terms:
                    z += np.float32(weight * node.response) * values[source]
                activation = ACTIVATIONS[node.activation]
                formula = activation.at_points if len(z) == 1 else activation.within_reach
                z = np.nan_to_num(z, nan=LIMIT, posinf=LIMIT, neginf=-LIMIT)
                values[node.key] = _stack(formula.evaluate(by_numpy, *z), stop - start)
            outputs = np.stack([values[key] for key in range(colours.outputs)], 1)
            formula = colours.at_points if len(tables) == 1 else colours.within_reach
            channels = formula.evaluate(by_numpy, *outputs.reshape(-1, stop - start))
        levels: np.ndarray = np.rint(255 * _stack(channels, stop - start)).astype(np.uint8)
        return levels


def _stack(values: Sequence[Any], points: int) -> np.ndarray:
    """Stack arrays, or numbers that are the same everywhere: float32 [n, P]."""
    stacked = np.stack([np.broadcast_to(each, points) for each in values])
    return stacked.astype(np.float32)
