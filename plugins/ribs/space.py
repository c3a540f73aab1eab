"""Genomes as vectors of numbers, vectors as genomes, and arrays as texts for a state in JSON."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from neatfool import ExperimentError, Parametric, Pictorial

if TYPE_CHECKING:
    from neatfool import Encoding

LARGEST_BYTE = 255


class Weights:
    """The parameters of genomes: the weights and biases of a CPPN.

    Attributes:
        usual_sigma: How far a vector may well go from another one at first, a standard deviation.
    """

    usual_sigma = 1.0

    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding

    def read(self, genome: Any) -> np.ndarray:
        """Give a genome's parameters, float64 [P]."""
        (vector,) = self._encoding.parameters([genome])
        if not len(vector):
            raise ExperimentError(
                "a genome has no numbers that emitters could vary; use [encoding] plugin = cppn"
            )
        parameters: np.ndarray = vector
        return parameters

    def write(self, base: Any, vectors: np.ndarray) -> list[Any]:
        """Give the base other parameters, each clipped to its range."""
        genomes: list[Any] = self._encoding.with_parameters([base] * len(vectors), [*vectors])
        return genomes

    def structure(self, genome: Any) -> str:
        """Write the genome with all its parameters at zero."""
        (bare,) = self.write(genome, np.zeros((1, len(self.read(genome)))))
        text: str = self._encoding.dumps(bare)
        return text


class Pixels:
    """The pixels of images: 0 is black, 1 is white, and all that is beyond is clipped."""

    usual_sigma = 0.1

    def __init__(self, encoding: Any, shape: tuple[int, int, int]) -> None:
        self._encoding = encoding
        self._shape = shape

    def read(self, genome: Any) -> np.ndarray:
        """Give the pixels of a genome's image, float64 [C * H * W]."""
        pixels: np.ndarray = self._encoding.render([genome]).cpu().numpy().reshape(-1)
        return pixels / LARGEST_BYTE

    def write(self, base: Any, vectors: np.ndarray) -> list[Any]:
        """Write images, rounded to bytes, as genomes."""
        import torch

        levels = np.rint(np.clip(vectors, 0, 1) * LARGEST_BYTE).astype(np.uint8)
        images = torch.from_numpy(levels.reshape(-1, *self._shape))
        genomes: list[Any] = self._encoding.from_images(images)
        return genomes

    def structure(self, genome: Any) -> str:
        """Give the same for all: any two images mix."""
        return ""


Space: TypeAlias = Weights | Pixels
"""Turns genomes into vectors, float64 [P], and vectors near a genome into genomes.

The vectors of two genomes mix if these have one ``structure``: what a vector leaves out.
"""


def choose_space(encoding: Encoding[Any], shape: tuple[int, int, int]) -> Space:
    """Choose parameters if the encoding has them, else pixels."""
    if isinstance(encoding, Parametric):
        return Weights(encoding)
    if isinstance(encoding, Pictorial):
        return Pixels(encoding, shape)
    raise ExperimentError(
        "its emitters vary numbers, but the encoding has neither parameters nor pixels; use "
        "[encoding] plugin = cppn or direct"
    )


def write_array(array: np.ndarray) -> str:
    """Write an array's numbers, without its shape."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes())).decode()


def read_array(text: str, dtype: Any) -> np.ndarray:
    """Read what :func:`write_array` wrote of that type: an array of one dimension."""
    numbers = np.frombuffer(
        zlib.decompress(base64.b64decode(text)), np.dtype(dtype).newbyteorder("<")
    )
    return numbers.astype(dtype)
