"""A CPPN's picture for other programs, and as a fragment shader in GLSL ES 3.00."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import torch

from neatfool.cppn.draw import glsl
from neatfool.cppn.draw.lattice import TAPS, Look, input_formula
from neatfool.cppn.draw.rendering import render
from neatfool.cppn.genome.genes import INPUTS, unpack
from neatfool.cppn.genome.genome import flat_of, layers
from neatfool.cppn.program import Program, compile_genomes

_INPUT_NAMES: Final = {-1: "in_x", -2: "in_y", -3: "in_d", -4: "vec3(1.0, 0.0, 0.0)"}


class Node(NamedTuple):
    """A node: ``activation(bias + response * the sum of weights times sources)``."""

    key: int
    activation: str
    bias: float
    response: float
    terms: list[tuple[int, float]]  # the sources (keys of nodes or inputs) and their weights


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

    @cached_property
    def _program(self) -> Program:
        return compile_genomes([self.genome], [*INPUTS], range(self.look.colours.outputs))

    def pixels(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Draw the picture.

        Args:
            size: (height, width) in pixels; the native size if absent.

        Returns:
            uint8 [C, H, W].

        Raises:
            ExperimentError: The genome cannot be drawn, or its outputs do not fit the colour map.
        """
        return render(self._program, self.look, size=size)[0]

    def formula(self) -> list[Node]:
        """Give the nodes that the picture depends on, each after those that it needs."""
        genes, connections = unpack(flat_of(self.genome))
        edges, terms = [edge for _, edge in self._program.weight_keys], defaultdict(list)
        for source, target in edges:
            terms[target].append((source, connections[source, target].weight))
        layer = layers(edges)
        needed = (genes[key] for _, key in self._program.node_keys)
        return [
            Node(gene.key, gene.activation, gene.bias, gene.response, terms[gene.key])
            for gene in sorted(needed, key=lambda gene: layer.get(gene.key, 1))
        ]


def to_glsl(picture: Picture, *, title: str = "") -> str:
    """Write a picture as a complete fragment shader in GLSL ES 3.00.

    It runs in Shadertoy as it is, and in three.js and WebGL 2 as its first lines say. It draws the
    picture of :func:`~neatfool.cppn.render`, to within a level but for networks that magnify the
    last bits of a number, in the middle of the canvas and with the native proportions.

    Args:
        picture: The picture.
        title: What it shows, for the first line.
    """
    look, nodes = picture.look, picture.formula()
    places = input_formula(look)
    inputs = (f"vec3({{{n}}}, {{{n + 1}}}, {{{n + 2}}})" for n in (0, 3, 6))
    outputs = ", ".join(map(_name, range(look.colours.outputs)))
    functions = [
        glsl.ELEMENTARY,
        glsl.COLOURS[look.colour_map],
        *map(glsl.declare_activation, sorted({node.activation for node in nodes})),
        "vec3 draw(vec3 in_x, vec3 in_y, vec3 in_d) {\n",
        *(f"  {_statement(node)}\n" for node in nodes),
        f"  return colour_{look.colour_map}({outputs});\n}}\n\n",
        "// `at` is in native pixels; 0 is the centre of the first.\n",
        glsl.declare("vec3 drawn(vec2 at)", f"draw({', '.join(inputs)})", places, ["at.x", "at.y"])
        + "\n",
    ]
    # What a comment can hold: printable ASCII, which no backslash continues.
    plain = title.encode("ascii", "backslashreplace").decode()
    shown = "".join(each if each.isprintable() else " " for each in plain)
    return glsl.fill(
        "picture.glsl.j2",
        title=shown.rstrip("\\ ") or "A picture",
        version=version("neatfool"),
        look=look,
        functions="".join(functions),
        step=glsl.number(look.band_limit),
        taps=TAPS,
    )


def _statement(node: Node) -> str:
    """Write the line that computes a node."""
    terms = [f"{_number(w * node.response)} * {_name(source)}" for source, w in node.terms]
    z = " + ".join([*terms, f"vec3({_number(node.bias)}, 0.0, 0.0)"])
    return f"vec3 {_name(node.key)} = act_{node.activation}({z});"


def _name(key: int) -> str:
    return _INPUT_NAMES[key] if key < 0 else f"n{key}"


def _number(value: float) -> str:
    return glsl.number(min(max(value, -1e38), 1e38))
