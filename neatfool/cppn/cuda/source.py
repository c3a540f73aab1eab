"""The kernel's source: CUDA C, with the formulas of activations and colour maps written in."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from neatfool.cppn.exchange.glsl import ELEMENTARY, FUNCTIONS, declare
from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import AGGREGATIONS
from neatfool.cppn.functions.colour import COLOUR_MAPS

if TYPE_CHECKING:
    from neatfool.cppn.functions.recording import Formula

_FUNCTIONS: Final = {
    **FUNCTIONS,
    "Min": "fminf",
    "Max": "fmaxf",
    "Abs": "fabsf",
    "Sqrt": "sqrtf",
    "Rsqrt": "inverse_root",
}

_FLOAT: Final = re.compile(r"(?<![\w.])(\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)(?![\w.])")

_HEAD: Final = """\
#define intBitsToFloat __int_as_float
#define floatBitsToInt __float_as_int

__device__ float clamp(float z, float low, float high) { return fminf(fmaxf(z, low), high); }
__device__ float inverse_root(float z) { return 1.0f / sqrtf(z); }
"""

_OF_POINTS: Final = """\
typedef float Number;

__device__ float mean_of(float a) { return a; }
__device__ float constant(float a) { return a; }
__device__ float product(float a, float b) { return a * b; }
__device__ float read_input(const float *there, int) { return *there; }
"""

_WITHIN_REACH: Final = """\
struct Number { float x, y, z; };  // a mean, and its derivatives

__device__ Number operator+(Number a, Number b) {
  Number sum = {a.x + b.x, a.y + b.y, a.z + b.z};
  return sum;
}
__device__ Number operator*(float a, Number b) {
  Number scaled = {a * b.x, a * b.y, a * b.z};
  return scaled;
}
__device__ float mean_of(Number a) { return a.x; }
__device__ Number constant(float a) {
  Number whole = {a, 0.0f, 0.0f};
  return whole;
}
__device__ Number product(Number a, Number b) {
  Number whole = {a.x * b.x, a.y * b.x + a.x * b.y, a.z * b.x + a.x * b.z};
  return whole;
}
__device__ Number read_input(const float *there, int table) {
  Number own = {there[0], there[table], there[2 * table]};
  return own;
}
"""


@cache
def write_source(colour_map: str, *, limited: bool) -> str:
    """Write the kernel for pictures of one colour map.

    Args:
        colour_map: One of :data:`~neatfool.cppn.COLOUR_MAPS`.
        limited: Whether nodes fade; else pictures show points.
    """
    colours = COLOUR_MAPS[colour_map]
    names = [f"given[{place}]" for place in range(colours.outputs)]
    given = [f"{name}.{part}" for part in "xyz" for name in names] if limited else names
    switch = "".join(
        f"    case {code}: return act_{name}(z);\n" for code, name in enumerate(ACTIVATIONS)
    )
    parts = [
        _HEAD,
        _in_c(ELEMENTARY),
        _WITHIN_REACH if limited else _OF_POINTS,
        *(
            _function(
                f"Number act_{name}(Number z)",
                "Number{{{}}}",
                each.within_reach if limited else each.at_points,
                ["z.x", "z.y", "z.z"] if limited else ["z"],
            )
            for name, each in ACTIVATIONS.items()
        ),
        f"__device__ Number activate(int code, Number z) {{\n  switch (code) {{\n{switch}  }}\n"
        "  return z;\n}\n",
        f"struct Colour {{ float levels[{colours.channels}]; }};\n",
        _function(
            "Colour colour(const Number *given)",
            "Colour{{{{{}}}}}",
            colours.within_reach if limited else colours.at_points,
            given,
        ),
    ]
    constants = {
        **{name.upper(): place for place, name in enumerate(AGGREGATIONS)},
        "OUTPUTS": colours.outputs,
        "CHANNELS": colours.channels,
    }
    defined = "".join(f"#define {name} {value}\n" for name, value in constants.items())
    kernel = files(__package__).joinpath("kernel.cu").read_text(encoding="utf-8")
    return "\n".join([defined, *parts, kernel])


def _function(head: str, result: str, formula: Formula, given: list[str]) -> str:
    return _in_c(declare(head, result, formula, given, _FUNCTIONS))


def _in_c(code: str) -> str:
    """Turn functions in GLSL into those of CUDA C: floats end with f, and run on the GPU."""
    code = _FLOAT.sub(r"\1f", code).replace("floor(", "floorf(")
    return re.sub(r"^(?=(?:float|Number|Colour) \w+\()", "__device__ ", code, flags=re.M)
