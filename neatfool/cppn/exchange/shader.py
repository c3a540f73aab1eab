"""A CPPN's picture as a fragment shader in GLSL ES 3.00."""

from __future__ import annotations

from functools import reduce
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Template

from neatfool.cppn.functions.glsl import (
    COLOURS,
    DECLARATIONS,
    ELEMENTARY,
    REDUCTIONS,
    declare,
    number,
)
from neatfool.cppn.functions.lattice import TAPS, input_formula

if TYPE_CHECKING:
    from neatfool.cppn.exchange.picture import Look, Node, Picture

_INPUTS: Final = {-1: "in_x", -2: "in_y", -3: "in_d", -4: "vec3(1.0, 0.0, 0.0)"}

_FOLDS: Final = {"product": "product", "max": "larger", "min": "smaller", "maxabs": "larger_size"}


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
    functions = [
        ELEMENTARY,
        REDUCTIONS if any(node.joins != "sum" for node in nodes) else "",
        COLOURS[look.colour_map],
        *(DECLARATIONS[name] for name in sorted({node.gene.activation for node in nodes})),
        _function(nodes, look),
        declare("vec3 drawn(vec2 at)", f"draw({', '.join(inputs)})", places, ["at.x", "at.y"])
        + "\n",
    ]
    template = files(__package__).joinpath("picture.glsl.j2").read_text(encoding="utf-8")
    shader: str = Template(template, trim_blocks=True, keep_trailing_newline=True).render(
        title=_comment(title),
        version=version("neatfool"),
        look=look,
        functions="".join(functions),
        step=number(look.band_limit),
        taps=TAPS,
    )
    return shader


def _comment(text: str) -> str:
    """Write text that a comment can hold: printable ASCII, which no backslash continues."""
    plain = text.encode("ascii", "backslashreplace").decode()
    shown = "".join(each if each.isprintable() else " " for each in plain)
    return shown.rstrip("\\ ") or "A picture"


def _function(nodes: list[Node], look: Look) -> str:
    """Write what turns inputs into a colour."""
    lines = [line for node in nodes for line in _statements(node)]
    outputs = ", ".join(map(_name, range(look.colours.outputs)))
    lines = [*lines, f"return colour_{look.colour_map}({outputs});"]
    body = "\n".join(f"  {line}" for line in lines)
    return (
        f"vec3 draw(vec3 in_x, vec3 in_y, vec3 in_d) {{\n{body}\n}}\n\n"
        "// `at` is in native pixels; 0 is the centre of the first.\n"
    )


def _statements(node: Node) -> list[str]:
    """Write the lines that compute a node."""
    lines: list[str] = []
    if node.joins == "sum":
        z = " + ".join([*map(_term, node.scaled), f"vec3({_number(node.gene.bias)}, 0.0, 0.0)"])
    else:
        lines, joined = _join(node)
        z = f"{joined} * {_number(node.gene.response)} + vec3({_number(node.gene.bias)}, 0.0, 0.0)"
    return [*lines, f"vec3 {_name(node.gene.key)} = act_{node.gene.activation}({z});"]


def _join(node: Node) -> tuple[list[str], str]:
    terms = [*map(_term, node.terms)]
    if node.joins == "product":
        terms = terms or ["vec3(1.0, 0.0, 0.0)"]
    if node.joins != "median":
        return [], reduce(lambda a, b: f"{_FOLDS[node.joins]}({a}, {b})", terms)
    names = [f"{_name(node.gene.key)}_{place}" for place in range(len(terms))]
    lines = [f"vec3 {name} = {term};" for name, term in zip(names, terms, strict=True)]
    count = len(names)
    for end in range(count - 1, 0, -1):
        lines += [f"sort({names[place]}, {names[place + 1]});" for place in range(end)]
    middle = names[count // 2]
    return lines, middle if count % 2 else f"({names[count // 2 - 1]} + {middle}) * 0.5"


def _term(term: tuple[int, float]) -> str:
    source, weight = term
    return f"{_number(weight)} * {_name(source)}"


def _name(key: int) -> str:
    return _INPUTS[key] if key < 0 else f"n{key}"


def _number(value: float) -> str:
    return number(min(max(value, -1e38), 1e38))
