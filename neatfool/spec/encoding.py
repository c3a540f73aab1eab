"""Encodings: how images are written as genomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx
    import torch

    from neatfool.spec.candidate import GenomeSize


Genome = TypeVar("Genome")


class Encoding(Protocol[Genome]):
    """How an image is written as a genome.

    A factory is called as ``factory(options, spec=spec)``. Genomes are never changed once made.
    Equal seeds and equal parents give equal genomes, in any process and any order of calls.

    Only what is listed here is needed. An encoding may have more, and schemes then use it:

    ``in_generation(generation) -> Encoding``
        The encoding as it breeds in that generation of a run, if that changes; see
        :func:`in_generation`.
    ``litter_sizes(seeds) -> list[int]``
        How many parents the child of each seed wants, where not all want as many; see
        :func:`litter_sizes`.
    ``from_images(images) -> list[Genome]``
        Genomes that render to given images, uint8 [N, C, H, W], to the last bit; for a scheme that
        makes images itself.

    One whose genomes hold numbers that images depend on smoothly may have these three, so that
    schemes can learn better numbers by gradients:

    ``parameters(genomes) -> list[np.ndarray]``
        Those numbers: float64 [P] for each genome.
    ``with_parameters(genomes, parameters) -> list[Genome]``
        The genomes with others, such that ``parameters`` gives these; any that is out of its range
        is brought to the end of it.
    ``parameter_gradients(genomes, gradients) -> list[np.ndarray]``
        How functions of the genomes' images change with each parameter: float64 [G, P] for each
        genome, all finite; given how these G functions change with the grey level of each pixel,
        float32 [G, N, C, H, W]. It is told as if images were not rounded to bytes.

    Attributes:
        parents: How many parents ``breed`` wants for a child, or at most: 1 (mutation) or 2
            (crossover).
    """

    parents: int

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make random genomes, one a seed."""
        ...

    def breed(self, litters: Sequence[Sequence[Genome]], seeds: Sequence[int]) -> list[Genome]:
        """Breed children.

        Args:
            litters: For each child its parents, fittest first: as many as ``parents`` says, or
                fewer (then mutation alone makes the child).
            seeds: For each child the seed that all its randomness comes from.

        Returns:
            The children, in order.
        """
        ...

    def render(self, genomes: Sequence[Genome]) -> torch.Tensor:
        """Render genomes at the target's size.

        Returns:
            uint8 [N, C, H, W], the bytes a PNG would hold, on any device: a GPU that rendered
            them need not give them back.
        """
        ...

    def render_at(
        self,
        genome: Genome,
        height: int,
        width: int,
        box: tuple[int, int, int, int] | None = None,
    ) -> torch.Tensor:
        """Render one genome at any size.

        Args:
            genome: The genome.
            height: Pixels of the whole image from top to bottom.
            width: Pixels of the whole image from left to right.
            box: (left, top, right, bottom), the part of that image to render; all if absent.

        Returns:
            uint8 [C, bottom - top, right - left].
        """
        ...

    def dumps(self, genome: Genome) -> str:
        """Write a genome as versioned JSON text."""
        ...

    def loads(self, text: str) -> Genome:
        """Read what ``dumps`` wrote: the equal genome.

        Raises:
            ValueError: The text is not such a genome.
        """
        ...

    def distance(self, a: Genome, b: Genome) -> float:
        """Measure how unlike two genomes are, for speciation: 0 for equal ones, symmetric."""
        ...

    def size(self, genome: Genome) -> GenomeSize:
        """Count a genome's nodes and connections."""
        ...

    def graph(self, genome: Genome) -> nx.DiGraph | None:
        """Give the genome as a graph, or None if it is not one."""
        ...


def in_generation(encoding: Encoding[Genome], generation: int) -> Encoding[Genome]:
    """Give an encoding as it breeds in a generation of a run: itself, unless it says otherwise."""
    of_generation: Any = getattr(encoding, "in_generation", None)
    if of_generation is None:
        return encoding
    found: Encoding[Genome] = of_generation(generation)
    return found


def litter_sizes(encoding: Encoding[Genome], seeds: Sequence[int]) -> list[int]:
    """Say how many parents the child of each seed wants: as many as all, unless it says otherwise.

    A parent that ``breed`` would not look at is none, and would be recorded as one.
    """
    of_each: Any = getattr(encoding, "litter_sizes", None)
    if of_each is None:
        return [encoding.parents] * len(seeds)
    sizes: list[int] = of_each(seeds)
    return sizes
