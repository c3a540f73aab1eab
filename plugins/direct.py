"""Encoding ``direct``: a genome has a gene for each number of an image.

As in the paper, each pixel has one number (grey) or three (hue, saturation and value), integers
from 0 to 255, at first uniformly random. A child has one parent and no crossover. Each gene mutates
with a probability that may halve in the course of the run, by polynomial mutation (Deb and Goyal,
1996) over the whole range.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, Field, NonNegativeInt

from neatfool import Encoding, ExperimentError, GenomeSize, ImageSpec, cppn, hookimpl

if TYPE_CHECKING:
    import torch

Colour: TypeAlias = Literal["grey", "rgb", "hsv"]

LARGEST: Final = 255
GENES_AT_ONCE: Final = 1 << 18
"""This many genes become colours at once: they fit a processor's cache."""
_AS_THEY_ARE: Final = ("grey", "rgb")


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the encoding ``direct``."""

    colour: Colour | None = None
    """what a pixel's numbers are: `grey`, `hsv` (the paper's) or `rgb`. If left out, `grey` for
    grey images and `hsv` for others"""
    mutation_rate: float = Field(0.1, ge=0, le=1)
    """the probability that each number of a child mutates"""
    halve_rate_every: NonNegativeInt = 0
    """generations after which `mutation_rate` is halved, again and again. 0: never. The paper says
    1000; its code never does it"""
    eta: float = Field(15.0, ge=0)
    """the index of polynomial mutation. A larger one makes smaller changes"""

    def absent(self, spec: ImageSpec | None) -> dict[str, Any]:
        """Give the colour for the target's images, if the key is left out."""
        return {} if spec is None else {"colour": "grey" if spec.channels == 1 else "hsv"}


@dataclass(frozen=True, eq=False)
class Pixels:
    """A genome: read-only ``genes``, uint8 [C, H, W], and what a pixel's numbers mean."""

    genes: np.ndarray
    colour: Colour

    def __post_init__(self) -> None:
        self.genes.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        """Compare the genes and their meaning."""
        if not isinstance(other, Pixels):
            return NotImplemented
        return self.colour == other.colour and np.array_equal(self.genes, other.genes)

    def __hash__(self) -> int:
        return hash((self.colour, self.genes.tobytes()))


class _PixelRecord(BaseModel, extra="forbid"):
    """A genome as JSON."""

    format: Literal["neatfool.direct"]
    version: Literal[1]
    colour: Colour
    shape: tuple[int, int, int]
    genes: str  # the bytes, compressed, in base64


class DirectEncoding(Encoding[Pixels]):
    """The encoding ``direct``, for images of a spec's size and channels."""

    parents = 1

    def __init__(self, options: Options, *, spec: ImageSpec, generation: int = 0) -> None:
        """Check the colour; ``generation`` is that of :meth:`in_generation`.

        Raises:
            ExperimentError: The colour does not fit the target's images.
        """
        self._options = options
        self._spec = spec
        self._generation = generation
        self._colours: tuple[Colour, ...] = ("grey",) if spec.channels == 1 else ("rgb", "hsv")
        self._colour: Colour = options.colour or options.absent(spec)["colour"]
        if self._colour not in self._colours:
            raise ExperimentError(
                f"[encoding] colour = {self._colour}: does not fit the target's images; leave it "
                f"out, or give {' or '.join(self._colours)}"
            )

    @property
    def rate(self) -> float:
        """The probability that a gene mutates in this generation."""
        every = self._options.halve_rate_every
        halvings = self._generation // every if every else 0
        return math.ldexp(self._options.mutation_rate, -halvings)

    def in_generation(self, generation: int) -> DirectEncoding:
        """Give the encoding for a generation of a run."""
        if not self._options.halve_rate_every:
            return self
        return DirectEncoding(self._options, spec=self._spec, generation=generation)

    def create(self, seeds: Sequence[int]) -> list[Pixels]:
        """Make a genome of uniformly random numbers for each seed."""
        shape, made = self._spec.shape, list[Pixels]()
        for seed in seeds:
            genes = np.random.default_rng(seed).integers(LARGEST + 1, size=shape, dtype=np.uint8)
            made.append(Pixels(genes, self._colour))
        return made

    def breed(
        self, parent_groups: Sequence[Sequence[Pixels]], seeds: Sequence[int]
    ) -> list[Pixels]:
        """Mutate a copy of each group's first parent."""
        children = []
        for (parent, *_), seed in zip(parent_groups, seeds, strict=True):
            genes = parent.genes.copy()
            rng = np.random.default_rng(seed)
            _mutate(genes.reshape(-1), rng, self.rate, self._options.eta)
            children.append(Pixels(genes, parent.colour))
        return children

    def from_images(self, images: torch.Tensor) -> list[Pixels]:
        """Write grey or RGB images, uint8 [N, C, H, W], as genomes that render to the same bits."""
        colour: Colour = "grey" if self._spec.channels == 1 else "rgb"
        return [Pixels(image, colour) for image in images.cpu().numpy().copy()]

    def render(self, genomes: Sequence[Pixels]) -> torch.Tensor:
        """Render genomes: uint8 [N, C, H, W]."""
        import torch

        images = np.empty((len(genomes), *self._spec.shape), np.uint8)
        for image, genome in zip(images, genomes, strict=True):
            _paint(genome, image)
        return torch.from_numpy(images)

    def render_at(
        self, genome: Pixels, height: int, width: int, box: tuple[int, int, int, int] | None = None
    ) -> torch.Tensor:
        """Render at any size; a pixel takes the value of the image's pixel under its centre."""
        left, top, right, bottom = box or (0, 0, width, height)
        rows = (2 * np.arange(top, bottom) + 1) * self._spec.height // (2 * height)
        columns = (2 * np.arange(left, right) + 1) * self._spec.width // (2 * width)
        return self.render([genome])[0][:, rows][:, :, columns]

    def dumps(self, genome: Pixels) -> str:
        """Write a genome as JSON: its bytes compressed (zlib), in base64."""
        packed = zlib.compress(genome.genes.tobytes(), 6)
        record = {
            "format": "neatfool.direct",
            "version": 1,
            "colour": genome.colour,
            "shape": genome.genes.shape,
            "genes": base64.b64encode(packed).decode(),
        }
        return json.dumps(record, separators=(",", ":"))

    def loads(self, text: str) -> Pixels:
        """Read what ``dumps`` wrote.

        Raises:
            ValueError: The text is not a genome of this encoding's images.
        """
        record = _PixelRecord.model_validate_json(text)
        if record.shape != self._spec.shape:
            raise ValueError(f"a genome of shape {record.shape}; expected {self._spec.shape}")
        if record.colour not in self._colours:
            raise ValueError(f"a genome of colour {record.colour!r}; expected {self._colours}")
        genes = _unpack(record.genes, math.prod(record.shape))
        return Pixels(genes.reshape(record.shape), record.colour)

    def distance(self, a: Pixels, b: Pixels) -> float:
        """Give the mean difference of two images' bytes, divided by 255."""
        one, other = (self.render([genome]).numpy().astype(np.int16) for genome in (a, b))
        return float(np.abs(one - other).mean()) / LARGEST

    def size(self, genome: Pixels) -> GenomeSize:
        """Count the genes as nodes."""
        return GenomeSize(nodes=genome.genes.size, connections=0)


def _mutate(genes: np.ndarray, rng: np.random.Generator, rate: float, eta: float) -> None:
    """Mutate genes, uint8 [G], in place, each with probability ``rate``."""
    places = _draw_places(len(genes), rng, rate)
    draws = rng.random(len(places))
    upwards = draws >= 0.5
    tails = np.power(2 * np.where(upwards, 1 - draws, draws), 1 / (eta + 1))
    steps = np.where(upwards, 1 - tails, tails - 1)
    moved = np.rint(genes[places] + LARGEST * steps)
    genes[places] = np.clip(moved, 0, LARGEST).astype(np.uint8)


def _draw_places(count: int, rng: np.random.Generator, rate: float) -> np.ndarray:
    """Draw which genes mutate, by the gaps between them: int64, ascending, in [0, count)."""
    if not rate:
        return np.empty(0, np.int64)
    # With six standard deviations more than expected, one draw almost always suffices.
    usual = math.ceil(count * rate + 6 * math.sqrt(count * rate * (1 - rate))) + 1
    places = np.full(1, -1)
    while places[-1] < count:
        # Gaps are clipped beyond the last gene, so that sums do not overflow.
        gaps = np.minimum(rng.geometric(rate, usual), count + 1)
        places = np.append(places, places[-1] + np.cumsum(gaps))
    return places[1 : np.searchsorted(places, count)]


def _paint(genome: Pixels, image: np.ndarray) -> None:
    """Write a genome's image into uint8 [C, H, W]."""
    if genome.colour in _AS_THEY_ARE:
        image[:] = genome.genes
        return
    import torch

    colours = cppn.COLOUR_MAPS[genome.colour]
    genes, pixels = genome.genes.reshape(3, -1), image.reshape(1, 3, -1)
    for start in range(0, genes.shape[1], GENES_AT_ONCE // 3):
        piece = slice(start, start + GENES_AT_ONCE // 3)
        numbers = np.divide(genes[None, :, piece], LARGEST, dtype=np.float32)
        channels = colours(torch.from_numpy(numbers))
        pixels[:, :, piece] = channels.mul(255).round().numpy()


def _unpack(text: str, count: int) -> np.ndarray:
    """Read ``count`` bytes from compressed base64."""
    unpacking = zlib.decompressobj()
    try:
        genes = unpacking.decompress(base64.b64decode(text, validate=True), count + 1)
    except zlib.error as error:
        raise ValueError(f"its genes are damaged: {error}") from error
    if len(genes) != count or not unpacking.eof or unpacking.unused_data:
        raise ValueError(f"its genes are not {count} bytes")
    return np.frombuffer(genes, np.uint8)


@hookimpl
def neatfool_register_encodings(register: Any) -> None:
    """Register the encoding."""
    register("direct", DirectEncoding, options=Options)
