"""The scripts with which a browser draws CPPNs by WebGL2, and what these scripts are given."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from neatfool.cppn import Look, Picture

FOLDER: Final = Path(__file__).with_name("drawing")
FORMULAS: Final = "glsl.js"
ORDER: Final = (
    *("functions", "network", "places", "shaders"),
    *("programs", "textures", "passes", "renderer"),
)
FIRST_NODE: Final = 4
"""The sources before this one are the inputs x, y, d and 1."""


def drawing_scripts() -> dict[str, bytes]:
    """Give the scripts by their files' names, in the order in which a page loads them.

    They define ``window.neatfool.Renderer`` and ``window.neatfool.Network``.
    """
    from neatfool.cppn import GLSL

    table = json.dumps({**GLSL}, indent=1)
    formulas = f"window.neatfool = window.neatfool || {{}};\nwindow.neatfool.glsl = {table};\n"
    files = [FOLDER / f"{name}.js" for name in ORDER]
    return {FORMULAS: formulas.encode()} | {file.name: file.read_bytes() for file in files}


def describe_look(look: Look) -> dict[str, Any]:
    """Say how a browser draws formulas: the spec of a picture, but for its width and height."""
    return {
        "inputs": look.inputs,
        "colour": look.colours.name,
        "labels": [*look.colours.labels],
        "band_limit": look.band_limit,
    }


def encode_formula(picture: Picture) -> dict[str, Any]:
    """Give the nodes that a picture depends on, each after those that it depends on.

    ``n`` has for each node its function, as a place in ``neatfool.cppn.ACTIVATIONS``, and its
    sources: 0 to 3 are the inputs, and 4 + i is node i; ``w`` bias, response and weights, ``o`` the
    outputs' places.
    """
    from neatfool.cppn import ACTIVATIONS

    nodes, functions = picture.network.formula(), [*ACTIVATIONS]
    places = {-1 - place: place for place in range(FIRST_NODE)}
    places |= {node.key: FIRST_NODE + place for place, node in enumerate(nodes)}
    rows: list[list[int]] = []
    numbers: list[float] = []
    for node in nodes:
        sources = [places[source] for source, _ in node.terms]
        rows.append([functions.index(node.activation), *sources])
        numbers += [node.bias, node.response, *(weight for _, weight in node.terms)]
    return {
        "n": rows,
        "w": b64encode(np.array(numbers, "<f4").tobytes()).decode("ascii"),
        "o": [places[key] - FIRST_NODE for key in range(picture.look.colours.outputs)],
    }
