"""Encodings: how images are written as genomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import networkx as nx
    import numpy as np
    import torch

    from neatfool.spec.archive import GenomeSize

Genome = TypeVar("Genome")


class Encoding(ABC, Generic[Genome]):
    """How an image is written as a genome.

    A factory is called as ``factory(options, spec=spec)``. Genomes are never changed once made.
    Equal seeds and equal parents give equal genomes, in any process and any order of calls.

    An encoding can be :class:`Parametric`, :class:`Learnable` and :class:`Pictorial`, too.

    Attributes:
        parents: The most parents that ``breed`` takes for a child: 1 (mutation) or 2 (crossover).
    """

    parents: int

    @abstractmethod
    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make random genomes, one a seed."""

    @abstractmethod
    def breed(
        self, parent_groups: Sequence[Sequence[Genome]], seeds: Sequence[int]
    ) -> list[Genome]:
        """Breed children.

        Args:
            parent_groups: For each child its parents, fittest first: at most ``parents`` of them. A
                single parent is only mutated.
            seeds: For each child the seed of all its randomness.

        Returns:
            The children, in order.
        """

    @abstractmethod
    def render(self, genomes: Sequence[Genome]) -> torch.Tensor:
        """Render genomes at the target's size.

        Returns:
            uint8 [N, C, H, W], the bytes a PNG would hold, on any device. They may stay on the GPU
            that rendered them.
        """

    @abstractmethod
    def render_at(
        self, genome: Genome, height: int, width: int, box: tuple[int, int, int, int] | None = None
    ) -> torch.Tensor:
        """Render one genome at any size.

        Args:
            genome: The genome.
            height: Pixels of the whole image from top to bottom.
            width: Pixels of the whole image from left to right.
            box: (left, top, right, bottom), the part of that image to render; all of it if absent.

        Returns:
            uint8 [C, bottom - top, right - left].
        """

    @abstractmethod
    def dumps(self, genome: Genome) -> str:
        """Write a genome as versioned JSON text."""

    @abstractmethod
    def loads(self, text: str) -> Genome:
        """Read what ``dumps`` wrote: the equal genome.

        Raises:
            ValueError: The text is not such a genome.
        """

    @abstractmethod
    def distance(self, a: Genome, b: Genome) -> float:
        """Measure how unlike two genomes are, for speciation; symmetric, and 0 for equal ones."""

    @abstractmethod
    def size(self, genome: Genome) -> GenomeSize:
        """Count a genome's nodes and connections."""

    def graph(self, genome: Genome) -> nx.DiGraph | None:
        """Give the genome as a graph, or None if it is not one."""
        return None

    def picture(self, genome: Genome) -> Any:
        """Give the picture of a genome that is a CPPN, for other programs; None if it is not one.

        It is a :class:`neatfool.cppn.Picture`.
        """
        return None

    def in_generation(self, generation: int) -> Encoding[Genome]:
        """Give the encoding for a generation of a run, if breeding changes over a run."""
        return self

    def with_mutation(self, strength: float, structure: float) -> Encoding[Genome]:
        """Give the encoding with other mutation; one whose mutation is fixed gives itself.

        Args:
            strength: A factor for how often, and how far, numbers and functions change.
            structure: A factor for how often nodes and connections come and go.
        """
        return self

    def parent_counts(self, seeds: Sequence[int]) -> list[int]:
        """Give the number of parents for the child of each seed, at most ``parents``.

        Give ``breed`` no more than these: a parent that it ignores would still be recorded.
        """
        return [self.parents] * len(seeds)

    def in_focus(self, factor: float) -> Encoding[Genome]:
        """Give the encoding with ``factor`` times its band limit: below 1 it draws more detail.

        An encoding without a band limit gives itself.
        """
        return self

    def from_file(self, path: Path) -> Genome:
        """Read a genome from a file, for ``seed_from``: ``.json`` as ``dumps`` wrote it, or more.

        Raises:
            ValueError: It cannot be read.
        """
        if path.suffix.lower() == ".json":
            return self.loads(path.read_text("utf-8"))
        raise ValueError(
            "this encoding reads no files of other programs; take it out of the folder"
        )

    def to_bytes(self, genome: Genome) -> bytes:
        """Write a genome for an engine's workers, which are of the same version."""
        return self.dumps(genome).encode()

    def from_bytes(self, data: bytes) -> Genome:
        """Read a genome that renders to the same image as the one that ``to_bytes`` wrote.

        Raises:
            ValueError: Another version wrote it.
        """
        return self.loads(data.decode())


@runtime_checkable
class Parametric(Protocol[Genome]):
    """An encoding whose images depend smoothly on numbers in a genome."""

    def parameters(self, genomes: Sequence[Genome]) -> list[np.ndarray]:
        """Give those numbers: float64 [P] for each genome."""

    def with_parameters(
        self, genomes: Sequence[Genome], parameters: Sequence[np.ndarray]
    ) -> list[Genome]:
        """Copy genomes with other numbers, each clipped to its range."""


@runtime_checkable
class Learnable(Parametric[Genome], Protocol[Genome]):
    """A parametric encoding that schemes can learn better numbers for, by gradients."""

    def parameter_gradients(
        self, genomes: Sequence[Genome], gradients: np.ndarray
    ) -> list[np.ndarray]:
        """Give the gradients of G functions of the images by each parameter.

        The rounding of images to bytes is ignored.

        Args:
            genomes: N genomes.
            gradients: The functions' gradients by the grey level of each pixel, float32 [G, N, C,
                H, W].

        Returns:
            float64 [G, P] for each genome, all finite.
        """


@runtime_checkable
class Pictorial(Protocol[Genome]):
    """An encoding that can write any image, for schemes that make images themselves."""

    def from_images(self, images: torch.Tensor) -> list[Genome]:
        """Give genomes that render exactly to images, uint8 [N, C, H, W]."""
