"""Activations as they are shown: a small curve and a colour each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BLUE: Final = "#3f74b5"
GREEN: Final = "#1d8552"
RED: Final = "#d4556a"
PURPLE: Final = "#9a3a86"
OLIVE: Final = "#8f7d1e"
CYAN: Final = "#1f8fa8"
GREY: Final = "#747d8a"
WHITE: Final = "#ffffff"
"""The glyphs' own, which stays as it is on a dark page."""

_PAPER: Final[Mapping[str, str]] = {
    "paper_sine": "sin",
    "paper_sigmoid": "sigmoid",
    "paper_gaussian": "gauss",
    "paper_linear": "clamped",
    "paper_tanh": "tanh",
}

_COLOURS: Final[Mapping[str, str]] = {
    "sin": BLUE,
    "sigmoid": GREEN,
    "tanh": CYAN,
    "gauss": RED,
    "hat": OLIVE,
    "clamped": PURPLE,
    "identity": GREY,
    "abs": OLIVE,
    "relu": PURPLE,
    "square": RED,
    "cube": BLUE,
}

_CURVES: Final[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {
    "sin": lambda z: np.sin(np.pi * z),
    "sigmoid": lambda z: np.tanh(3 * z),
    "tanh": lambda z: np.tanh(5 * z),
    "gauss": lambda z: 2 * np.exp(-6 * z**2) - 1,
    "hat": lambda z: 2 * np.maximum(0, 1 - np.abs(2 * z)) - 1,
    "clamped": lambda z: np.clip(2 * z, -1, 1),
    "identity": lambda z: z,
    "abs": lambda z: 2 * np.abs(z) - 1,
    "relu": lambda z: 2 * np.maximum(0, z) - 1,
    "lelu": lambda z: 2 * np.maximum(0.15 * z, z) - 1,
    "elu": lambda z: np.where(z > 0, z, 0.3 * np.expm1(4 * np.minimum(z, 0))) - 0.3,
    "selu": lambda z: np.where(z > 0, z, 0.5 * np.expm1(4 * np.minimum(z, 0))) - 0.2,
    "softplus": lambda z: 0.4 * np.log1p(np.exp(5 * z)) - 1,
    "inv": lambda z: np.clip(0.2 / np.where(z == 0, 1e-9, z), -1, 1),
    "log": lambda z: np.clip(0.5 * np.log(np.maximum(1e-9, 3 * (z + 1))), -1, 1),
    "exp": lambda z: 2 * np.exp(2.5 * (z - 1)) - 1,
    "square": lambda z: 2 * z**2 - 1,
    "cube": lambda z: z**3,
}


def glyph(activation: str) -> np.ndarray | None:
    """Give an activation's curve as an icon: its shape, not its scale.

    Args:
        activation: Its name; the paper's activations look like neat-python's of the same shape.

    Returns:
        float64 [33, 2], x and y in [-1, 1], or None for an activation that is not known.
    """
    curve = _CURVES.get(_shape(activation))
    if curve is None:
        return None
    x = np.linspace(-1, 1, 33)
    return np.stack([x, curve(x)], axis=1)


def colour(activation: str) -> str:
    """Give an activation's colour, the same in every drawing; grey for those not known."""
    return _COLOURS.get(_shape(activation), GREY)


def _shape(activation: str) -> str:
    return _PAPER.get(activation, activation)
