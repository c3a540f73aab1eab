"""A CPPN's picture as a fragment shader in GLSL ES 3.00."""

from importlib.metadata import version
from typing import Final

from neatfool.cppn.draw import glsl
from neatfool.cppn.draw.lattice import input_formula
from neatfool.cppn.draw.spline import TAPS
from neatfool.cppn.exchange.network import Node, Picture

_INPUT_NAMES: Final = {-1: "in_x", -2: "in_y", -3: "in_d", -4: "vec3(1.0, 0.0, 0.0)"}


def to_glsl(picture: Picture, *, title: str = "") -> str:
    """Write a picture as a complete fragment shader in GLSL ES 3.00.

    It runs in Shadertoy as it is, and in three.js and WebGL 2 as its first lines say. It draws the
    picture of :func:`~neatfool.cppn.render`, to within a level but for networks that magnify the
    last bits of a number, in the middle of the canvas and with the native proportions.

    Args:
        picture: The picture.
        title: What it shows, for the first line.
    """
    look, nodes = picture.look, picture.network.formula()
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
