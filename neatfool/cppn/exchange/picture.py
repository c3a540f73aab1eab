"""A CPPN's picture as a PyTorch module, and as a fragment shader in GLSL ES 3.00."""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from importlib.metadata import version
from importlib.resources import files
from itertools import product
from typing import Any, Final, Literal

import torch
from jinja2 import Template
from torch import nn

from neatfool.cppn.activations import WEIGHTED_SUMS
from neatfool.cppn.compile.program import compile_genomes
from neatfool.cppn.draw import glsl
from neatfool.cppn.draw.colour import ColourMap, find_colour_map, quantise
from neatfool.cppn.draw.lattice import (
    TAPS,
    InputKind,
    input_formula,
    lay_lattice,
    smooth,
    weigh,
)
from neatfool.cppn.draw.rendering import evaluate
from neatfool.cppn.formulas import by_torch
from neatfool.cppn.genome.genes import NodeGene, unpack
from neatfool.cppn.genome.genome import Genome, flat_of, layers

_INPUT_NAMES: Final = {-1: "in_x", -2: "in_y", -3: "in_d", -4: "vec3(1.0, 0.0, 0.0)"}

_FOLDS: Final = {"product": "product", "max": "larger", "min": "smaller", "maxabs": "larger_size"}

INPUT_KEYS: Final = (-1, -2, -3, -4)
"""The keys of the inputs x, y, d and 1."""


@dataclass(frozen=True)
class Node:
    """A node: ``activation(bias + response * aggregation(terms))``."""

    gene: NodeGene
    terms: tuple[tuple[int, float], ...]  # the sources (keys of nodes or inputs) and their weights

    @property
    def joins(self) -> Literal["sum", "product", "max", "min", "maxabs", "median"]:
        """How terms are joined: means are sums of :attr:`scaled` terms, and so is nothing."""
        how = self.gene.aggregation
        if how in WEIGHTED_SUMS or not (self.terms or how == "product"):
            return "sum"
        return how  # type: ignore[return-value]

    @property
    def scaled(self) -> tuple[tuple[int, float], ...]:
        """The terms of a sum, whose weights hold the response and the divisor of a mean."""
        scale = self.gene.response
        if self.gene.aggregation == "mean":
            scale /= max(len(self.terms), 1)
        return tuple((source, weight * scale) for source, weight in self.terms)


@dataclass(frozen=True)
class Look:
    """How the outputs of a CPPN become a picture; see :func:`~neatfool.cppn.render`.

    Attributes:
        height: Pixels of the native image, the target's, from top to bottom.
        width: Pixels of the native image from left to right.
        inputs: ``"raw"`` or ``"normalised"``.
        colour_map: One of :data:`~neatfool.cppn.COLOUR_MAPS`.
        channels: 3 repeats a grey channel three times; by default those of the colour map.
        band_limit: How far each node reaches for the mean that it shows, in native pixels.
    """

    height: int
    width: int
    inputs: InputKind = "raw"
    colour_map: str = "grey"
    channels: int | None = None
    band_limit: float = 0.0

    @property
    def colours(self) -> ColourMap:
        """The colour map.

        Raises:
            ExperimentError: There is none of that name, or it does not fit the channels.
        """
        return find_colour_map(self.colour_map, channels=self.channels)


class Picture(nn.Module):
    """The picture of a CPPN, at any size and differentiable.

    Its parameters are the numbers that the picture depends on: ``weights``, ``biases`` and
    ``responses``, float32. An optimiser may change them; :meth:`genome` gives the genome that has
    the numbers of now. The picture is that of :func:`~neatfool.cppn.render` but for rounding:
    values differ by one level at most, except where a network magnifies the last bits of a number.

    Args:
        genome: The genome; ``nodes`` and ``connections`` as :func:`~neatfool.cppn.compile_genomes`
            takes them, the inputs' keys -1 to -4, the outputs' 0, 1, …
        look: How outputs become a picture.

    Raises:
        ExperimentError: The genome cannot be drawn, or its outputs do not fit the colour map.
    """

    def __init__(self, genome: Any, look: Look) -> None:
        super().__init__()
        self.look = look
        self._colours = look.colours
        self._genome = genome
        self._outputs = range(self._colours.outputs)
        self._program = compile_genomes([genome], INPUT_KEYS, self._outputs)
        self.weights = nn.Parameter(self._program.weights.float())
        self.biases = nn.Parameter(self._program.biases.float())
        self.responses = nn.Parameter(self._program.responses.float())

    def forward(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Draw the picture.

        Args:
            size: (height, width) in pixels; the native size if absent.

        Returns:
            float32 [C, H, W] in [0, 1], on the parameters' device, differentiable by them.

        Raises:
            ValueError: The size is below 1.
        """
        look = self.look
        height, width = size or (look.height, look.width)
        lattice = lay_lattice(
            height,
            width,
            band_limit=look.band_limit,
            native=(look.height, look.width),
            kind=look.inputs,
        )
        points = self._colour(lattice.grid.tables(0, lattice.grid.pixels))
        image = smooth(points.view(1, len(points), *lattice.shape), lattice)[0]
        return image.expand(look.channels or len(image), -1, -1)

    def at(self, points: torch.Tensor) -> torch.Tensor:
        """Give the colours of points.

        Args:
            points: Floats [..., 2]: x from -1 (the centre of the first native column) to 1 (the
                last), and y likewise from the top to the bottom. A native side of one pixel has
                only the centre, 0.

        Returns:
            Floats [..., C] in [0, 1], differentiable by the points, too.
        """
        look = self.look
        sides = torch.tensor([look.width, look.height]).to(self.weights)
        places = (points.to(sides) + 1) * ((sides - 1) / 2)
        if not look.band_limit:
            total = self._colour(self._tables(places))
        else:
            counted = (places + 0.5) / look.band_limit - 0.5
            below = counted.detach().floor()
            total = sides.new_zeros(())
            for place in product(range(-1, TAPS - 1), repeat=2):
                there = below + below.new_tensor(place)
                weight = weigh(torch, counted - there).prod(-1).flatten()
                inputs = self._tables((there + 0.5) * look.band_limit - 0.5)
                total = total + weight * self._colour(inputs)
        channels = look.channels or len(total)
        return total.expand(channels, -1).mT.reshape(*points.shape[:-1], -1)

    def _tables(self, places: torch.Tensor) -> torch.Tensor:
        """Give the inputs at places in native pixels, and their derivatives for a band limit."""
        look = self.look
        x, y = places.reshape(-1, 2).unbind(-1)
        formula = input_formula((look.height, look.width), look.inputs, look.band_limit)
        found = [each + torch.zeros_like(x) for each in formula.play(by_torch, x, y)]
        tables = torch.stack(found).view(len(INPUT_KEYS), 3, -1).transpose(0, 1)
        return tables if look.band_limit else tables[:1]

    def pixels(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Draw the picture as uint8 [C, H, W]; see :meth:`forward`."""
        with torch.no_grad():
            return quantise(self(size))

    def genome(self) -> Genome:
        """Give the genome with the numbers that the parameters have now."""
        nodes, connections = unpack(flat_of(self._genome))
        given = (each.detach().tolist() for each in (self.weights, self.biases, self.responses))
        weights, biases, responses = given
        for (_, edge), weight in zip(self._program.weight_keys, weights, strict=True):
            connections[edge].weight = weight
        for (_, key), bias, response in zip(
            self._program.node_keys, biases, responses, strict=True
        ):
            nodes[key].bias, nodes[key].response = bias, response
        return Genome.of(nodes.values(), connections.values())

    def formula(self) -> list[Node]:
        """Give the nodes, each after those that it needs, with the numbers of now."""
        genome, terms = self.genome(), defaultdict(list)
        edges = [edge for _, edge in self._program.weight_keys]
        for source, target in edges:
            terms[target].append((source, genome.connections[source, target].weight))
        layer = layers(edges)
        keys = sorted(
            (key for _, key in self._program.node_keys), key=lambda key: layer.get(key, 1)
        )
        return [Node(genome.nodes[key], tuple(terms[key])) for key in keys]

    def _colour(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give floats [C, P] for inputs [1 or 3, 4, P]."""
        outputs = evaluate(
            self._program,
            inputs.to(self.weights),
            weights=self.weights,
            biases=self.biases,
            responses=self.responses,
        )
        return self._colours(outputs if len(inputs) == 3 else outputs.squeeze(2))[0]


def to_glsl(picture: Picture, *, title: str = "") -> str:
    """Write a picture as a complete fragment shader in GLSL ES 3.00.

    It runs in Shadertoy as it is, and in three.js and WebGL 2 as its first lines say. It draws the
    picture of :func:`~neatfool.cppn.render`, to within a level but for networks that magnify the
    last bits of a number, in the middle of the canvas and with the native proportions.

    Args:
        picture: The picture, with the numbers that its parameters have now.
        title: What it shows, for the first line.
    """
    look, nodes = picture.look, picture.formula()
    places = input_formula((look.height, look.width), look.inputs, look.band_limit)
    inputs = (f"vec3({{{n}}}, {{{n + 1}}}, {{{n + 2}}})" for n in (0, 3, 6))
    outputs = ", ".join(map(_name, range(look.colours.outputs)))
    functions = [
        glsl.ELEMENTARY,
        glsl.REDUCTIONS if any(node.joins != "sum" for node in nodes) else "",
        glsl.COLOURS[look.colour_map],
        *(glsl.DECLARATIONS[name] for name in sorted({node.gene.activation for node in nodes})),
        "vec3 draw(vec3 in_x, vec3 in_y, vec3 in_d) {\n",
        *(f"  {line}\n" for node in nodes for line in _statements(node)),
        f"  return colour_{look.colour_map}({outputs});\n}}\n\n",
        "// `at` is in native pixels; 0 is the centre of the first.\n",
        glsl.declare("vec3 drawn(vec2 at)", f"draw({', '.join(inputs)})", places, ["at.x", "at.y"])
        + "\n",
    ]
    # What a comment can hold: printable ASCII, which no backslash continues.
    plain = title.encode("ascii", "backslashreplace").decode()
    shown = "".join(each if each.isprintable() else " " for each in plain)
    template = files(__package__).joinpath("picture.glsl.j2").read_text(encoding="utf-8")
    shader: str = Template(template, trim_blocks=True, keep_trailing_newline=True).render(
        title=shown.rstrip("\\ ") or "A picture",
        version=version("neatfool"),
        look=look,
        functions="".join(functions),
        step=glsl.number(look.band_limit),
        taps=TAPS,
    )
    return shader


def _statements(node: Node) -> list[str]:
    """Write the lines that compute a node."""
    lines: list[str] = []
    own, gene = node.scaled if node.joins == "sum" else node.terms, node.gene
    terms = [f"{_number(weight)} * {_name(source)}" for source, weight in own]
    if node.joins == "sum":
        z = "".join(f"{term} + " for term in terms)
    elif node.joins == "median":
        count, names = len(terms), [f"{_name(gene.key)}_{place}" for place in range(len(terms))]
        lines += [f"vec3 {name} = {term};" for name, term in zip(names, terms, strict=True)]
        for end in range(count - 1, 0, -1):
            lines += [f"sort({names[place]}, {names[place + 1]});" for place in range(end)]
        z = names[count // 2] if count % 2 else f"({' + '.join(names[count // 2 - 1 :][:2])}) * 0.5"
    else:  # only a product may be of nothing
        terms = terms or ["vec3(1.0, 0.0, 0.0)"]
        z = reduce(lambda a, b: f"{_FOLDS[node.joins]}({a}, {b})", terms)
    if node.joins != "sum":
        z = f"{z} * {_number(gene.response)} + "
    z += f"vec3({_number(gene.bias)}, 0.0, 0.0)"
    return [*lines, f"vec3 {_name(gene.key)} = act_{gene.activation}({z});"]


def _name(key: int) -> str:
    return _INPUT_NAMES[key] if key < 0 else f"n{key}"


def _number(value: float) -> str:
    return glsl.number(min(max(value, -1e38), 1e38))
