"""Writes the page that fools a network in the browser: one file, which asks nothing of anybody.

With :mod:`.onnxruntime_web` beside it, it also fools networks of its visitors'.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from neatfool import cppn, make_target
from neatfool.present import drawing_scripts

LAYERS: Final = ("conv1", "conv2", "fc1", "fc2")
LARGEST: Final = 127
"""The largest weight of a row, in 8 bits."""
WORKER: Final = ("kernels.js", "network.js", "genome.js", "search.js", "onnx.js", "worker.js")
SCRIPT: Final = (
    *WORKER[:3],
    *("graph.js", "painting.js", "page.js", "play.js", "own.js", "figures.js"),
)
_FUNCTIONS: Final = {
    **{name: f"Math.{name.lower()}({{}})" for name in ("Abs", "Sqrt", "Sin", "Cos")},
    **{name: f"Math.{name.lower()}({{}})" for name in ("Exp", "Log", "Tanh")},
    **{name: f"Math.{name.lower()}({{}}, {{}})" for name in ("Min", "Max")},
    **{"Add": "({} + {})", "Sub": "({} - {})", "Mul": "({} * {})", "Div": "({} / {})"},
    **{"Neg": "(-{})", "Rsqrt": "(1 / Math.sqrt({}))", "Round": "Math.round({})"},
}
"""The operations of formulas in JavaScript."""


@dataclass(frozen=True)
class SuppliedNetwork:
    """A network that the page offers beside its visitors' own."""

    label: str
    """What its button says."""
    address: str
    """The address of its ONNX file, from the page."""
    names: tuple[str, ...]
    """The names of its classes."""
    scaling: str
    """How pixels are given to it: an option of the page's list."""
    author: str
    """Whose it is, and its licence's name."""
    licence: str
    """The address of the licence's text."""


def make_page(*, engine: bool = False, networks: Sequence[SuppliedNetwork] = ()) -> str:
    """Make the page, with the network's weights, the formulas and the code in it.

    Args:
        engine: Whether onnxruntime-web lies beside it: it then takes ONNX files.
        networks: Those that it offers then.
    """
    page = Environment(autoescape=True).from_string(_read("index.html.j2"))
    wasm = files(__package__).joinpath("page/kernels.wasm").read_bytes()
    drawing = [each.decode() for each in drawing_scripts().values()]
    parts = {
        "style": _read("style.css"),
        "worker": "\n".join([format_functions(), *map(_read, WORKER)]),
        "script": "\n".join([*drawing, format_functions(), *map(_read, SCRIPT)]),
        "weights": b64encode(quantise()).decode(),
        "wasm": b64encode(wasm).decode(),
    }
    ours = {name: Markup(text) for name, text in parts.items()}  # noqa: S704 - all of it is ours
    return page.render(ours, hash=_hash, engine=engine, networks=networks)


def quantise() -> bytes:
    """Give the packaged LeNet's weights in 8 bits, and each row's scale and bias in float32."""
    target = make_target("mnist")
    tensors = target.networks[0].module.state_dict()
    codes, numbers = [], []
    for layer in LAYERS:
        weights = tensors[f"{layer}.weight"].numpy().reshape(len(tensors[f"{layer}.bias"]), -1)
        scales = np.abs(weights).max(axis=1) / LARGEST
        codes.append(np.rint(weights / scales[:, None]).astype("i1").tobytes())
        numbers += [scales.astype("<f4").tobytes(), tensors[f"{layer}.bias"].numpy().tobytes()]
    return b"".join(codes + numbers)


def format_functions() -> str:
    """Write what nodes compute, and how outputs become pixels, as functions of JavaScript."""
    own = {name: each.at_points for name, each in cppn.ACTIVATIONS.items() if not each.source}
    written = [f"{name}: (z) => {_write(each)}" for name, each in own.items()]
    paper = json.dumps(cppn.PRESETS["paper"].values["activation_options"])
    grey = _write(cppn.COLOUR_MAPS["grey"].at_points)
    hsv = ", ".join(_write_all(cppn.COLOUR_MAPS["hsv"].at_points, "h", "s", "v"))
    colours = f"grey: (z) => {grey}, hsv: (h, s, v) => [{hsv}]"
    body = f"paper: {paper}, {colours}, activations: {{ {', '.join(written)} }}"
    return f"const functions = {{ {body} }};"


def _write(formula: Any) -> str:
    (result,) = _write_all(formula, "z")
    return result


def _write_all(formula: Any, *given: str) -> list[str]:
    def perform(kind: str, *inputs: str | float) -> str:
        return _FUNCTIONS[kind].format(*inputs)

    return [str(each) for each in formula.evaluate(perform, *given)]


def _hash(text: str) -> str:
    """Name a script or a style for the page's policy, which allows nothing else."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return files(__package__).joinpath(f"page/{name}").read_text(encoding="utf-8")
