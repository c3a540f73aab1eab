"""Turns genomes of Picbreeder into neatfool's, which draw the same pictures.

The pictures are those of Kumar, Clune, Lehman and Stanley's reading of Picbreeder
(github.com/akarshkumar0101/fer): x and y go from -1 to 1, and d is 1.4 sqrt(x^2 + y^2). The hue is
h + 1 modulo 1, the saturation is clipped to [0, 1], and of the brightness the size counts.

Picbreeder's functions are neatfool's but for factors and summands, which weights and biases take
up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import networkx as nx

from neatfool.cppn.exchange.picbreeder_file import (
    INPUTS,
    name_of,
    parse_picbreeder,
)
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import Genome
from neatfool.cppn.genome.markings import PICBREEDER, first_free
from neatfool.errors import GenomeError, nearest

if TYPE_CHECKING:
    from neatfool.cppn.exchange.picbreeder_file import Marking, Node, Picbreeder
    from neatfool.cppn.exchange.picture import Look


class _Function(NamedTuple):
    """Picbreeder's f(z) = factor * activation(response * z + bias) + summand."""

    activation: str
    response: float = 1.0
    bias: float = 0.0
    factor: float = 1.0
    summand: float = 0.0


_FUNCTIONS: Final = {
    "identity": _Function("identity"),
    "sin": _Function("paper_sine"),
    "cos": _Function("paper_sine", bias=math.pi / 2),
    "sigmoid": _Function("paper_sigmoid"),
    "gaussian": _Function("paper_gaussian", factor=2.0, summand=-1.0),
    # CPPN-X has these, too.
    "tanh": _Function("paper_sigmoid", response=2.0),
    "usigmoid": _Function("paper_sigmoid", factor=0.5, summand=0.5),
    "ugaussian": _Function("paper_gaussian"),
    "ublin": _Function("clamped", response=2.0, bias=-1.0, factor=0.5, summand=0.5),
}

_STEEP: Final = 1e6
"""How steep the step is that tells hues below 0: any that no picture shows."""


class _Source(NamedTuple):
    """A value of Picbreeder's: factor * (the value of our node or input) + summand."""

    key: int
    factor: float
    summand: float


def read_picbreeder(data: bytes, look: Look) -> Genome:
    """Read a genome of Picbreeder, as one that draws the same picture.

    A grey picture may become coloured images, and a coloured one grey images (by its brightness).
    Weights are at most twice as large as Picbreeder's, which go from -3 to 3. (With raw inputs,
    biases take up where the middle of the picture is, and may be larger.)

    Args:
        data: The file: XML, or a ZIP archive with one file of it.
        look: How the outputs of the genome become a picture. A picture with hues needs the colour
            map ``hsv``, or ``grey``.

    Returns:
        The genome. Nodes of one marking have the same id in all genomes.

    Raises:
        GenomeError: The file is damaged or something else, or has a cycle, or a function that
            Picbreeder did not have, or the look has no place for its colours; the message says
            where, what, and what to do.
        ExperimentError: The look is wrong.
    """
    given = parse_picbreeder(data)
    _check_cycles(given)
    genome = _Translation(given, look)
    labels = look.colours.labels
    for key, label in enumerate(labels):
        genome.add_output(key, label)
    return Genome.of(genome.nodes.values(), genome.connections.values())


def _check_cycles(given: Picbreeder) -> None:
    graph = nx.DiGraph((source, target) for source, target, _ in given.links)
    try:
        cycle = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return
    way = " -> ".join(name_of(source) for source, _ in [*cycle, cycle[0]])
    raise GenomeError(
        f"links close a cycle ({way}); only networks without one can be drawn, so take one of its "
        "links out"
    )


class _Translation:
    """A genome that is made of Picbreeder's."""

    def __init__(self, given: Picbreeder, look: Look) -> None:
        self.nodes: dict[int, NodeGene] = {
            # Outputs stand first, as in neatfool's own genomes.
            key: NodeGene(key, "identity")
            for key in range(look.colours.outputs)
        }
        self.connections: dict[tuple[int, int], ConnectionGene] = {}
        self._look = look
        self._labelled = given.labelled
        self._sources = _inputs(given, look)
        inner = [node for node in given.nodes if node.marking not in self._sources]
        for node in inner:
            self._add_node(node)
        for node in inner:
            self._join(node, given)

    def _add_node(self, node: Node) -> None:
        function = _FUNCTIONS.get(node.activation)
        if function is None:
            raise GenomeError(
                f"{name_of(node.marking)}: there is no function {node.activation!r}"
                f"{nearest(node.activation, _FUNCTIONS)}"
            )
        key = first_free(PICBREEDER, *node.marking, taken=self.nodes)
        self.nodes[key] = NodeGene(key, function.activation, response=function.response)
        self._sources[node.marking] = _Source(key, function.factor, function.summand)

    def _join(self, node: Node, given: Picbreeder) -> None:
        function = _FUNCTIONS[node.activation]
        terms = [
            (source, weight) for source, target, weight in given.links if target == node.marking
        ]
        summand = self._connect(self._sources[node.marking].key, terms)
        gene = self.nodes[self._sources[node.marking].key]
        gene.bias = function.response * (node.bias + summand) + function.bias

    def _connect(self, target: int, terms: list[tuple[Marking, float]]) -> float:
        """Connect a node with its sources; give what is to be added to their sum."""
        total = 0.0
        for marking, weight in terms:
            source = self._sources[marking]
            edge = source.key, target
            weight_before = self.connections[edge].weight if edge in self.connections else 0.0
            whole = weight_before + weight * source.factor
            self.connections[edge] = ConnectionGene(edge, whole)
            total += weight * source.summand
        return total

    def add_output(self, key: int, label: str) -> None:
        """Connect one of our outputs with those of Picbreeder."""
        coloured = "ink" not in self._labelled
        if not coloured and label in {"hue", "saturation", "green-red", "blue-yellow"}:
            return  # a grey picture: they stay 0
        if coloured and label not in {"hue", "saturation", "value", "grey"}:
            raise GenomeError(
                f"a picture in hues, for which colour = {self._look.colour_map} has no place; set "
                "colour = hsv"
            )
        if label == "hue":
            self._add_hue(key)
        else:
            theirs = label if label == "saturation" else "brightness" if coloured else "ink"
            self._copy(key, theirs, "relu" if theirs == "saturation" else "identity")

    def _copy(self, key: int, label: str, activation: str) -> NodeGene:
        """Make a node that gives an output of theirs."""
        node = self.nodes[key] = NodeGene(key, activation)
        node.bias = self._connect(key, [(self._labelled[label].marking, 1.0)])
        return node

    def _add_hue(self, key: int) -> None:
        """Make the hue h, or h + 1 if it is below 0."""
        step = first_free(PICBREEDER, *self._labelled["hue"].marking, taken=self.nodes)
        # 1 from 0 on, and -1 below.
        node = self._copy(step, "hue", "clamped")
        self.connections[-4, step] = ConnectionGene((-4, step), node.bias)
        node.bias, node.response = 1.0, _STEEP
        hue = self._copy(key, "hue", "identity")
        self.connections[step, key] = ConnectionGene((step, key), -0.5)
        hue.bias += 0.5


def _inputs(given: Picbreeder, look: Look) -> dict[Marking, _Source]:
    """Give our inputs for those of Picbreeder."""
    axes = []
    for key, side in ((-1, look.width), (-2, look.height)):
        raw = look.inputs == "raw" and side > 1
        axes.append(_Source(key, 2 / (side - 1), -1.0) if raw else _Source(key, 1.0, 0.0))
    ours = dict(zip(INPUTS, (*axes, _Source(-3, 1.4, 0.0), _Source(-4, 1.0, 0.0)), strict=True))
    inputs = [node for node in given.nodes if node.label in ours]
    for node in inputs:
        if node.activation != "identity" or node.bias:
            raise GenomeError(
                f"{name_of(node.marking)}: the input {node.label!r} has a function or a bias, "
                "which Picbreeder's do not have; make it identity(x)"
            )
    markings = {node.marking for node in inputs}
    for _, target, _ in given.links:
        if target in markings:
            raise GenomeError(f"a link leads into {name_of(target)}, an input; take it out")
    return {node.marking: ours[node.label] for node in inputs}
