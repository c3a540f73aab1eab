"""The functions of a CPPN in GLSL ES 3.00, recorded from the tables of activations and colour maps.

The gallery and exported shaders draw with them. A node is a ``vec3``: its mean, and what it changes
by over the reach of a pixel, to the right and downwards.
GLSL's own sin, exp and tanh are too rough: a deep network multiplies their errors. Those here
err by a few units in the last place, on any GPU.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from jinja2 import Template

from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.draw import polynomials
from neatfool.cppn.draw.colour import COLOUR_MAPS
from neatfool.cppn.formulas import Expression
from neatfool.files import Json


def number(value: float) -> str:
    """Write a finite number of single precision."""
    text = str(np.float32(value))
    return f"({text})" if value < 0 else text


def _polynomial(coefficients: Sequence[float], z: str) -> str:
    """Write a polynomial, the constant term first."""
    *first, last = map(number, coefficients)
    text = last
    for each in reversed(first):
        text = f"({each} + {z} * {text})"
    return text


def fill(template: str, **values: Any) -> str:
    """Fill in a template of this folder."""
    text = files(__package__).joinpath(template).read_text(encoding="utf-8")
    filled: str = Template(text, trim_blocks=True, keep_trailing_newline=True).render(values)
    return filled


ELEMENTARY: Final = fill(
    "elementary.glsl.j2", **vars(polynomials), number=number, polynomial=_polynomial
)
"""The elementary functions that the others call."""

FUNCTIONS: Final = {
    "Min": "min",
    "Max": "max",
    "Abs": "abs",
    "Round": "nearest",
    "Sqrt": "sqrt",
    "Rsqrt": "inversesqrt",
    "Exp": "exponential",
    "Log": "logarithm",
    "Sin": "sine",
    "Cos": "cosine",
    "Tanh": "hyperbolic_tangent",
    "Step": "is_positive",
}
_OPERATORS: Final = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}


def declare(
    head: str,
    result: str,
    formula: Expression,
    given: Sequence[str],
    functions: Mapping[str, str] = FUNCTIONS,
) -> str:
    """Write a formula as a function, in GLSL or a language like it."""
    lines: list[str] = []

    def perform(kind: str, *inputs: str | float) -> str:
        names = [*map(_show, inputs)]
        if kind in _OPERATORS:
            text = f" {_OPERATORS[kind]} ".join(names)
        elif kind == "Neg":
            text = f"-{names[0]}"
        else:
            text = f"{functions[kind]}({', '.join(names)})"
        name = f"t{len(lines)}"
        lines.append(f"  float {name} = {text};")
        return name

    results = [*map(_show, formula.evaluate(perform, *given))]
    shown = result.format(*results, all=", ".join(results))
    return "\n".join([f"{head} {{", *lines, f"  return {shown};", "}\n"])


def _show(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def _declare_colours(name: str) -> str:
    colours = COLOUR_MAPS[name]
    letters = "abc"[: colours.outputs]
    arguments = ", ".join(f"vec3 {letter}" for letter in letters)
    given = [f"{letter}.{part}" for part in "xyz" for letter in letters]
    head = f"vec3 colour_{name}({arguments})"
    return declare(head, "vec3({all})", colours.within_reach, given)


@cache
def declare_activation(name: str) -> str:
    """Write the function ``act_NAME`` of an activation."""
    formula = ACTIVATIONS[name].within_reach
    return declare(f"vec3 act_{name}(vec3 z)", "vec3({all})", formula, ("z.x", "z.y", "z.z"))


COLOURS: Final = {name: _declare_colours(name) for name in COLOUR_MAPS}
"""The function ``colour_NAME`` of each colour map, by its name: outputs become a vec3."""


class _Table(Mapping[str, Json]):
    """All functions, with those of activations that were added here."""

    def __getitem__(self, name: str) -> Json:
        if name != "ACTIVATIONS":
            return {"ELEMENTARY": ELEMENTARY, "COLOUR_MAPS": COLOURS}[name]
        return {each: declare_activation(each) for each in ACTIVATIONS}

    def __iter__(self) -> Iterator[str]:
        return iter(("ELEMENTARY", "COLOUR_MAPS", "ACTIVATIONS"))

    def __len__(self) -> int:
        return 3


GLSL: Final[Mapping[str, Json]] = _Table()
"""All of this, for other programs that write shaders: code, and the functions by name."""
