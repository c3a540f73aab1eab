"""A CPPN's picture as a fragment shader in GLSL ES 3.00."""

from __future__ import annotations

import math
from functools import reduce
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.cppn.functions.glsl import (
    COLOUR_MAPS,
    COLOURS,
    DECLARATIONS,
    ELEMENTARY,
    REDUCTIONS,
    TRIANGLE,
)
from neatfool.cppn.functions.surroundings import REACH, SAMPLES

if TYPE_CHECKING:
    from neatfool.cppn.exchange.formula import Formula, Node
    from neatfool.cppn.exchange.picture import Look, Picture

_INPUTS: Final = {-1: "x", -2: "y", -3: "d", -4: "1.0"}

_FOLDS: Final = {"max": "larger", "min": "smaller", "maxabs": "larger_size"}

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

_SHARP: Final = """\
vec3 picture(vec2 place, vec2 size) { return drawn(place * (NATIVE / size) - 0.5); }

"""

# As functions.surroundings does: the mean of the samples around a pixel, weighed by a bell.
_SMOOTH: Final = """\
const vec2 SHIFTS[{count}] = vec2[{count}]({shifts});

// Hann's bell.
float bell(float distance) {{
  float root = small_sine(1.5707963267948966 * (1.0 - min(abs(distance), 1.0)));
  return root * root;
}}

vec3 picture(vec2 place, vec2 size) {{
  vec2 pixel = NATIVE / size;
  vec2 centre = place * pixel - 0.5;
  vec2 reach = max({reach} * sqrt(pixel * pixel / 12.0 + {variance}), vec2(1.0));
  vec3 mean = vec3(0.0);
  for (int k = 0; k < {count}; k++) {{
    vec2 first = max(ceil(centre - SHIFTS[k] - reach), vec2(0.0));
    vec2 last = min(floor(centre - SHIFTS[k] + reach), NATIVE - 1.0);
    vec2 from = SHIFTS[k] - centre;
    vec3 total = vec3(0.0);
    float weights = 0.0;
    for (float y = first.y; y <= last.y; y++) {{
      float down = bell((y + from.y) / reach.y);
      for (float x = first.x; x <= last.x; x++) {{
        float weight = down * bell((x + from.x) / reach.x);
        total += weight * floor(drawn(vec2(x, y) + SHIFTS[k]) * 255.0 + 0.5);
        weights += weight;
      }}
    }}
    mean += total / weights;
  }}
  return mean / {count}.0 / 255.0;
}}

"""


def to_glsl(picture: Picture, *, title: str = "") -> str:
    """Write a picture as a complete fragment shader in GLSL ES 3.00.

    It runs in Shadertoy as it is, and in three.js and WebGL 2 as its first lines say. It draws the
    picture of :func:`~neatfool.cppn.render`, to within a level but for networks that magnify the
    last bits of a number, in the middle of the canvas and with the native proportions. A blur is
    part of it: the shader then computes all samples around each pixel, some 240 with ``blur = 2``,
    every time that it draws.

    Args:
        picture: The picture, with the numbers that its parameters have now.
        title: What it shows, for the first line.
    """
    look, formula = picture.look, picture.formula()
    activations = sorted({f"act_{node.activation}" for node in formula.nodes})
    head = {"title": _comment(title), "version": version("neatfool")}
    return "".join(
        (
            _HEADER.format(**head, height=look.height, width=look.width),
            ELEMENTARY,
            TRIANGLE if "act_triangle" in activations else "",
            REDUCTIONS if any(node.joins != "sum" for node in formula.nodes) else "",
            COLOURS,
            *(DECLARATIONS[name] for name in activations),
            _function(formula, look),
            _drawn(look),
            _smooth(look) if look.blur else _SHARP,
            _MAIN,
        )
    )


def _comment(text: str) -> str:
    """Write text that a comment can hold: printable ASCII, which no backslash continues."""
    plain = text.encode("ascii", "backslashreplace").decode()
    shown = "".join(each if each.isprintable() else " " for each in plain)
    return shown.rstrip("\\ ") or "A picture"


def _function(formula: Formula, look: Look) -> str:
    """Write what turns inputs into a colour."""
    lines = [line for node in formula.nodes for line in _statements(node)]
    names = dict(zip("abc", map(_name, formula.outputs), strict=False))
    declared = ", ".join(f"{letter} = {name}" for letter, name in names.items())
    lines += [f"float {declared};", f"return {COLOUR_MAPS[look.colour_map]};"]
    body = "\n".join(f"  {line}" for line in lines)
    return f"vec3 draw(float x, float y, float d) {{\n{body}\n}}\n\n"


def _drawn(look: Look) -> str:
    """Write what draws a place in native pixels, 0 being the centre of the first."""
    scale = [
        f"at.{axis} * {_number(2 / (side - 1))} - 1.0" if side > 1 else "0.0"
        for axis, side in (("x", look.width), ("y", look.height))
    ]
    chosen = "at.x, at.y" if look.inputs == "raw" else "normal.x, normal.y"
    return (
        "// `at` is in native pixels; 0 is the centre of the first.\n"
        "vec3 drawn(vec2 at) {\n"
        f"  vec2 normal = vec2({scale[0]}, {scale[1]});\n"
        f"  return draw({chosen}, sqrt(normal.x * normal.x + normal.y * normal.y));\n"
        "}\n\n"
    )


def _smooth(look: Look) -> str:
    shifts = SAMPLES[look.samples]
    return _SMOOTH.format(
        count=len(shifts),
        shifts=", ".join(f"vec2({_number(x)}, {_number(y)})" for x, y in shifts),
        reach=_number(REACH),
        variance=_number(look.blur**2),
    )


def _statements(node: Node) -> list[str]:
    """Write the lines that compute a node."""
    lines: list[str] = []
    if node.joins == "sum":
        z = " + ".join([*map(_term, node.scaled), _number(node.bias)])
    else:
        lines, joined = _join(node)
        z = f"{joined} * {_number(node.response)} + {_number(node.bias)}"
    return [*lines, f"float {_name(node.key)} = act_{node.activation}({z});"]


def _join(node: Node) -> tuple[list[str], str]:
    terms = [*map(_term, node.terms)]
    if node.joins == "product":
        return [], f"({' * '.join(terms) or '1.0'})"
    if node.joins != "median":
        return [], reduce(lambda a, b: f"{_FOLDS[node.joins]}({a}, {b})", terms)
    names = [f"{_name(node.key)}_{place}" for place in range(len(terms))]
    lines = [f"float {name} = {term};" for name, term in zip(names, terms, strict=True)]
    count = len(names)
    for end in range(count - 1, 0, -1) if count > 2 else ():
        lines += [f"sort({names[place]}, {names[place + 1]});" for place in range(end)]
    middle = names[count // 2]
    return lines, middle if count % 2 else f"(({names[count // 2 - 1]} + {middle}) / 2.0)"


def _term(term: tuple[int, float]) -> str:
    source, weight = term
    return f"{_number(weight)} * {_name(source)}"


def _name(key: int) -> str:
    return _INPUTS[key] if key < 0 else f"n{key}"


def _number(value: float) -> str:
    """Write a number of single precision."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if math.isinf(single):
        return f"({'-' if single < 0 else ''}uintBitsToFloat(0x7f800000u))"
    text = str(single)
    return f"({text})" if single < 0 else text
