"""A CPPN's picture as a fragment shader in GLSL ES 3.00."""

from __future__ import annotations

from functools import reduce
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from neatfool.cppn.functions.bell import TAPS
from neatfool.cppn.functions.glsl import COLOURS, DECLARATIONS, ELEMENTARY, REDUCTIONS, number
from neatfool.cppn.functions.inputs import pixel_grid

if TYPE_CHECKING:
    from neatfool.cppn.exchange.picture import Look, Node, Picture

_INPUTS: Final = {-1: "in_x", -2: "in_y", -3: "in_d", -4: "vec3(1.0, 0.0, 0.0)"}

_FOLDS: Final = {"product": "product", "max": "larger", "min": "smaller", "maxabs": "larger_size"}

_HEADER: Final = """\
// {title}
//
// A picture that neatfool {version} evolved: https://github.com/neatfool/neatfool
// The functions are neatfool's. SPDX-License-Identifier: Apache-2.0
//
// This is GLSL ES 3.00.
// - Shadertoy: paste it as it is.
// - three.js: it is the fragmentShader of a RawShaderMaterial with glslVersion = GLSL3 and the
//   uniform iResolution, a Vector3 that holds the canvas's width and height in pixels.
// - WebGL 2: put "#version 300 es" in a line before it, and set that uniform.
//
// picture(place, size) is the colour of a pixel. `place` is its centre, counted from the left and
// the top (0.5, 1.5, ...), and `size` the size of the whole picture, both in pixels.

precision highp float;
precision highp int;

// The width and height of the image that was evolved.
const vec2 NATIVE = vec2({width}.0, {height}.0);

"""

# Shadertoy defines HW_PERFORMANCE.
_MAIN: Final = """\
#ifndef HW_PERFORMANCE
uniform vec3 iResolution;
#endif

// The picture keeps its proportions, and stands in the middle of the canvas.
void mainImage(out vec4 colour, in vec2 from_below) {
  vec2 canvas = iResolution.xy;
  vec2 size = floor(NATIVE * min(canvas.x / NATIVE.x, canvas.y / NATIVE.y) + 0.5);
  vec2 place = vec2(from_below.x, canvas.y - from_below.y) - floor((canvas - size) * 0.5);
  bool inside = all(greaterThan(place, vec2(0.0))) && all(lessThan(place, size));
  colour = vec4(inside ? picture(place, size) : vec3(0.0), 1.0);
}

#ifndef HW_PERFORMANCE
out vec4 colour_of_pixel;
void main() { mainImage(colour_of_pixel, gl_FragCoord.xy); }
#endif
"""

_PICTURE: Final = """\
// `place` is in pixels of a picture of `size`.
vec3 picture(vec2 place, vec2 size) {
  return drawn(place * (NATIVE / size) - 0.5);
}

"""

_SMOOTH_PICTURE: Final = """\
// How far the points of the picture's lattice are apart, in native pixels.
const float STEP = {step};

vec2 bell(vec2 away) {{
  vec2 far = max(2.0 - abs(away), 0.0), near = max(1.0 - abs(away), 0.0);
  return (far * far * far - 4.0 * near * near * near) / 6.0;
}}

// A pixel shows a weighted mean of the points around it.
vec3 picture(vec2 place, vec2 size) {{
  vec2 counted = place * (NATIVE / size) / STEP - 0.5;
  vec3 total = vec3(0.0);
  for (int j = -1; j < {end}; j++) {{
    for (int i = -1; i < {end}; i++) {{
      vec2 point = floor(counted) + vec2(float(i), float(j)), weight = bell(counted - point);
      total += weight.x * weight.y * drawn((point + 0.5) * STEP - 0.5);
    }}
  }}
  return total;
}}

"""


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
    smooth = _SMOOTH_PICTURE.format(step=number(look.band_limit), end=TAPS - 1)
    activations = sorted({node.gene.activation for node in nodes})
    head = {"title": _comment(title), "version": version("neatfool")}
    return "".join(
        (
            _HEADER.format(**head, height=look.height, width=look.width),
            ELEMENTARY,
            REDUCTIONS if any(node.joins != "sum" for node in nodes) else "",
            COLOURS[look.colour_map],
            *(DECLARATIONS[name] for name in activations),
            _function(nodes, look),
            _drawn(look),
            smooth if look.band_limit else _PICTURE,
            _MAIN,
        )
    )


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
    return f"vec3 draw(vec3 in_x, vec3 in_y, vec3 in_d) {{\n{body}\n}}\n\n"


def _drawn(look: Look) -> str:
    """Write what draws a place in native pixels, 0 being the centre of the first."""
    steps = pixel_grid(look.height, look.width, kind=look.inputs).steps
    along_x, along_y, *normal_steps = (number(look.band_limit * each) for each in steps)
    scale = [
        f"at.{axis} * {number(2 / (side - 1))} - 1.0" if side > 1 else "0.0"
        for axis, side in (("x", look.width), ("y", look.height))
    ]
    x, y = ("at.x", "at.y") if look.inputs == "raw" else ("normal.x", "normal.y")
    return (
        "// `at` is in native pixels; 0 is the centre of the first.\n"
        "vec3 drawn(vec2 at) {\n"
        f"  vec2 normal = vec2({scale[0]}, {scale[1]});\n"
        "  float d = sqrt(normal.x * normal.x + normal.y * normal.y);\n"
        f"  vec2 along = vec2({', '.join(normal_steps)}) * normal / max(d, 1e-30);\n"
        f"  return draw(vec3({x}, {along_x}, 0.0), vec3({y}, 0.0, {along_y}), vec3(d, along));\n"
        "}\n\n"
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
