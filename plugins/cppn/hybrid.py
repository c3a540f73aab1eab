"""Encoding ``hybrid``: a CPPN draws an image, and single pixels are painted on it.

A genome is one of the encoding ``cppn`` and a few painted pixels, each a place in the target's
image and a colour. A child differs from its parent in either: some children change pixels, the
others the network. So a search can find a pattern, and then touch it up where a pattern cannot.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from pydantic import Field

from neatfool import Encoding, GenomeSize, ImageSpec, cppn, derive_seed, hookimpl

from . import CppnEncoding
from . import Options as CppnOptions

if TYPE_CHECKING:
    import networkx as nx

FORMAT: Final = "neatfool.hybrid"
VERSION: Final = 1
LEVELS: Final = 256
RECOLOUR: Final = 32
"""The standard deviation of a change of a colour, in grey levels: an eighth of them all."""


class Options(CppnOptions, use_attribute_docstrings=True):
    """Options of the encoding ``hybrid``: those of ``cppn``, and of the pixels."""

    pixels: int = Field(64, ge=0, le=100_000)
    """the most painted pixels of an image. A random one has none"""
    pixel_share: float = Field(0.5, ge=0, le=1)
    """the share of children whose pixels change; of the others the network changes"""
    pixel_changes: int = Field(8, ge=1, le=10_000)
    """the most changes of such a child; it has any number from 1 to this. A change paints a pixel,
    moves one, recolours one, or wipes one off"""


@dataclass(frozen=True, eq=False)
class Hybrid:
    """A genome."""

    network: cppn.Genome  # the genome of the CPPN
    places: np.ndarray  # int64 [P], the painted pixels, ascending; row by row, pixels count from 0
    colours: np.ndarray  # uint8 [P, C], their colours

    __hash__ = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.places.flags.writeable = self.colours.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        """Compare networks and pixels."""
        if not isinstance(other, Hybrid):
            return NotImplemented
        return (
            self.network == other.network
            and np.array_equal(self.places, other.places)
            and np.array_equal(self.colours, other.colours)
        )


class HybridEncoding(Encoding[Hybrid]):
    """The encoding ``hybrid``, for images of a spec's size and channels."""

    def __init__(self, options: Options, *, spec: ImageSpec) -> None:
        """Check the options."""
        self._options = options
        self._spec = spec
        self._networks = CppnEncoding(options, spec=spec)
        self.parents = self._networks.parents

    def create(self, seeds: Sequence[int]) -> list[Hybrid]:
        """Make a random network without pixels for each seed."""
        return [self._unpainted(network) for network in self._networks.create(seeds)]

    def in_generation(self, generation: int) -> HybridEncoding:
        """Give the encoding for a generation of a run."""
        return self._with_networks(self._networks.in_generation(generation))

    def in_focus(self, factor: float) -> HybridEncoding:
        """Give the encoding whose networks draw with ``factor`` times their band limit."""
        return self._with_networks(self._networks.in_focus(factor))

    def litter_sizes(self, seeds: Sequence[int]) -> list[int]:
        """Give the number of parents of each seed's child: 1 if its pixels change."""
        sizes = self._networks.litter_sizes(seeds)
        return [
            1 if self._changes_pixels(seed) else size
            for seed, size in zip(seeds, sizes, strict=True)
        ]

    def breed(self, litters: Sequence[Sequence[Hybrid]], seeds: Sequence[int]) -> list[Hybrid]:
        """Breed a child from each litter's parents; the first has given its pixels."""
        painted = [self._changes_pixels(seed) for seed in seeds]
        others = [place for place, changed in enumerate(painted) if not changed]
        networks = self._networks.breed(
            [[parent.network for parent in litters[place]] for place in others],
            [seeds[place] for place in others],
        )
        bred = dict(zip(others, networks, strict=True))
        return [
            self._repaint(litter[0], seed)
            if place not in bred
            else Hybrid(bred[place], litter[0].places, litter[0].colours)
            for place, (litter, seed) in enumerate(zip(litters, seeds, strict=True))
        ]

    def parameters(self, genomes: Sequence[Hybrid]) -> list[np.ndarray]:
        """Give the weights and biases that each network's picture depends on, float64 [P]."""
        return self._networks.parameters([genome.network for genome in genomes])

    def with_parameters(
        self, genomes: Sequence[Hybrid], parameters: Sequence[np.ndarray]
    ) -> list[Hybrid]:
        """Give the networks other weights and biases."""
        networks = [genome.network for genome in genomes]
        return [
            Hybrid(network, genome.places, genome.colours)
            for network, genome in zip(
                self._networks.with_parameters(networks, parameters), genomes, strict=True
            )
        ]

    def parameter_gradients(
        self, genomes: Sequence[Hybrid], gradients: np.ndarray
    ) -> list[np.ndarray]:
        """Turn gradients by pixels, float32 [G, N, C, H, W], into gradients by parameters."""
        visible = gradients.reshape(*gradients.shape[:3], -1).copy()
        for place, genome in enumerate(genomes):
            visible[:, place, :, genome.places] = 0.0  # the network is not seen there
        networks = [genome.network for genome in genomes]
        return self._networks.parameter_gradients(networks, visible.reshape(gradients.shape))

    def render(self, genomes: Sequence[Hybrid]) -> torch.Tensor:
        """Render genomes at the target's size: uint8 [N, C, H, W]."""
        images = self._networks.render([genome.network for genome in genomes])
        counts = [len(genome.places) for genome in genomes]
        if not any(counts):
            return images
        owners = torch.from_numpy(np.repeat(np.arange(len(genomes)), counts))
        places = torch.from_numpy(np.concatenate([genome.places for genome in genomes]))
        colours = torch.from_numpy(np.concatenate([genome.colours for genome in genomes]))
        images = images.contiguous()
        flat = images.flatten(2)
        flat[owners.to(flat.device), :, places.to(flat.device)] = colours.to(flat.device)
        return images

    def render_at(
        self,
        genome: Hybrid,
        height: int,
        width: int,
        box: tuple[int, int, int, int] | None = None,
    ) -> torch.Tensor:
        """Render at any size; a painted pixel covers what lies in its square."""
        left, top, right, bottom = box or (0, 0, width, height)
        rows = (2 * np.arange(top, bottom) + 1) * self._spec.height // (2 * height)
        columns = (2 * np.arange(left, right) + 1) * self._spec.width // (2 * width)
        painter = np.full(self._spec.height * self._spec.width, -1)
        painter[genome.places] = np.arange(len(genome.places))
        which = painter[rows[:, None] * self._spec.width + columns]
        image = self._networks.render_at(genome.network, height, width, box).numpy().copy()
        image[:, which >= 0] = genome.colours[which[which >= 0]].T
        return torch.from_numpy(image)

    def dumps(self, genome: Hybrid) -> str:
        """Write a genome as JSON: the network's, and for each pixel ``[place, *colour]``."""
        record = {
            "format": FORMAT,
            "version": VERSION,
            "shape": self._spec.shape,
            "network": json.loads(self._networks.dumps(genome.network)),
            "pixels": _rows(genome),
        }
        return json.dumps(record, separators=(",", ":"))

    def loads(self, text: str) -> Hybrid:
        """Read what ``dumps`` wrote, or a genome of the encoding ``cppn``."""
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            return self._unpainted(self._networks.loads(text))
        if record.get("version") != VERSION:
            raise ValueError(f"a genome of version {record.get('version')!r}; expected {VERSION}")
        if record.get("shape") != list(self._spec.shape):
            raise ValueError(
                f"a genome of shape {record.get('shape')!r}; expected {list(self._spec.shape)}"
            )
        network = self._networks.loads(json.dumps(record.get("network")))
        return Hybrid(network, *_read_pixels(record.get("pixels"), self._spec))

    def from_file(self, path: Path) -> Hybrid:
        """Read a network that another program wrote; see the encoding ``cppn``."""
        return self._unpainted(self._networks.from_file(path))

    def distance(self, a: Hybrid, b: Hybrid) -> float:
        """Add to the networks' distance the share of pixels that are painted differently."""
        one, other = ({*map(tuple, _rows(genome))} for genome in (a, b))
        differing = {place for place, *_ in one ^ other}
        apart = len(differing) / (self._spec.height * self._spec.width)
        return self._networks.distance(a.network, b.network) + apart

    def size(self, genome: Hybrid) -> GenomeSize:
        """Count the network's nodes and connections."""
        return self._networks.size(genome.network)

    def graph(self, genome: Hybrid) -> nx.DiGraph:
        """Give the network as a graph."""
        return self._networks.graph(genome.network)

    def _with_networks(self, networks: CppnEncoding) -> HybridEncoding:
        if networks is self._networks:
            return self
        then = copy(self)
        then._networks = networks
        return then

    def _unpainted(self, network: cppn.Genome) -> Hybrid:
        return Hybrid(network, np.empty(0, np.int64), np.empty((0, self._spec.channels), np.uint8))

    def _changes_pixels(self, seed: int) -> bool:
        if not self._options.pixels:
            return False
        rng = np.random.default_rng(derive_seed(seed, "what changes"))
        return bool(rng.random() < self._options.pixel_share)

    def _repaint(self, parent: Hybrid, seed: int) -> Hybrid:
        """Change some pixels of a copy."""
        rng = np.random.default_rng(derive_seed(seed, "pixels"))
        painted = {
            int(place): colour
            for place, colour in zip(parent.places, parent.colours.astype(np.int64), strict=True)
        }
        for _ in range(rng.integers(1, self._options.pixel_changes, endpoint=True)):
            self._change(painted, rng)
        places = np.array(sorted(painted), np.int64)
        colours = np.array([painted[place] for place in places.tolist()], np.uint8)
        return Hybrid(parent.network, places, colours.reshape(-1, self._spec.channels))

    def _change(self, painted: dict[int, np.ndarray], rng: np.random.Generator) -> None:
        """Paint, move, recolour or wipe off a pixel."""
        kind = rng.integers(4) if painted else 0
        if kind == 0 and len(painted) < self._options.pixels:
            place = int(rng.integers(self._spec.height * self._spec.width))
            painted[place] = rng.integers(LEVELS, size=self._spec.channels)
            return
        place = sorted(painted)[rng.integers(len(painted))]
        colour = painted.pop(place)
        if kind == 2:
            step = rng.normal(0.0, RECOLOUR, self._spec.channels)
            painted[place] = np.clip(np.rint(colour + step), 0, LEVELS - 1).astype(np.int64)
        elif kind != 3:  # to a pixel that touches it, or at the edge perhaps itself
            height, width = self._spec.height, self._spec.width
            down, right = rng.integers(-1, 1, size=2, endpoint=True).tolist()
            row = min(max(place // width + down, 0), height - 1)
            column = min(max(place % width + right, 0), width - 1)
            painted[row * width + column] = colour


def _rows(genome: Hybrid) -> list[list[int]]:
    rows: list[list[int]] = np.column_stack([genome.places, genome.colours]).tolist()
    return rows


def _read_pixels(rows: Any, spec: ImageSpec) -> tuple[np.ndarray, np.ndarray]:
    """Read places, int64 [P], and colours, uint8 [P, C]."""
    if not isinstance(rows, list):
        raise ValueError("a genome without a list of pixels")  # noqa: TRY004 - as `loads` says
    before = -1
    for row in rows:
        if not (
            isinstance(row, list)
            and len(row) == 1 + spec.channels
            and all(type(number) is int for number in row)
            and before < row[0] < spec.height * spec.width
            and all(0 <= number < LEVELS for number in row[1:])
        ):
            raise ValueError(f"{row!r} is not the next pixel: expected [place, *colour]")
        before = row[0]
    numbers = np.array(rows, np.int64).reshape(-1, 1 + spec.channels)
    return numbers[:, 0].copy(), numbers[:, 1:].astype(np.uint8)


@hookimpl
def neatfool_register_encodings(register: Any) -> None:
    """Register the encoding."""
    register("hybrid", HybridEncoding, options=Options)
