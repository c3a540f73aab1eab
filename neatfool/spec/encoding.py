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

    An encoding needs the members below. Schemes also use these, if it has them:

    ``in_generation(generation) -> Encoding``
        The encoding for a generation of a run, if breeding changes over a run.
    ``litter_sizes(seeds) -> list[int]``
        The number of parents for the child of each seed, if it varies.
    ``sharp() -> Encoding``
        The encoding without the blur that its pictures have at any size, for posters.
    ``picture(genome) -> neatfool.cppn.Picture``
        The picture of a genome that is a CPPN, as a PyTorch module that other programs can have.
    ``from_file(path) -> Genome``
        The genome in a file that another program wrote, for ``seed_from``. It raises ValueError if
        it cannot be read.
    ``from_images(images) -> list[Genome]``
        Genomes that render exactly to given images, uint8 [N, C, H, W], for a scheme that makes
        images itself.

    Workers of an engine get a genome as its text. If an encoding has both of these methods, they
    get bytes in its place, which need not be read by another version:

    ``to_bytes(genome) -> bytes | None``
        The genome as bytes; None if the text is to be sent.
    ``from_bytes(data) -> Genome``
        A genome that renders to the same image as the one that ``to_bytes`` wrote. It raises
        ValueError if another version wrote it.

    If images depend smoothly on numbers in a genome, three more methods let schemes learn better
    numbers by gradients:

    ``parameters(genomes) -> list[np.ndarray]``
        Those numbers: float64 [P] for each genome.
    ``with_parameters(genomes, parameters) -> list[Genome]``
        Copies of the genomes with other numbers, each clipped to its range.
    ``parameter_gradients(genomes, gradients) -> list[np.ndarray]``
        The gradients of G functions of the images by each parameter: float64 [G, P] for each
        genome, all finite. Given are the functions' gradients by the grey level of each pixel,
        float32 [G, N, C, H, W]. The rounding of images to bytes is ignored.

    Attributes:
        parents: The most parents that ``breed`` takes for a child: 1 (mutation) or 2 (crossover).
    """

    parents: int

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make random genomes, one a seed."""
        ...

    def breed(self, litters: Sequence[Sequence[Genome]], seeds: Sequence[int]) -> list[Genome]:
        """Breed children.

        Args:
            litters: For each child its parents, fittest first: at most ``parents`` of them. A
                single parent is only mutated.
            seeds: For each child the seed of all its randomness.

        Returns:
            The children, in order.
        """
        ...

    def render(self, genomes: Sequence[Genome]) -> torch.Tensor:
        """Render genomes at the target's size.

        Returns:
            uint8 [N, C, H, W], the bytes a PNG would hold, on any device. They may stay on the GPU
            that rendered them.
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
            box: (left, top, right, bottom), the part of that image to render; all of it if absent.

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
        """Measure how unlike two genomes are, for speciation; symmetric, and 0 for equal ones."""
        ...

    def size(self, genome: Genome) -> GenomeSize:
        """Count a genome's nodes and connections."""
        ...

    def graph(self, genome: Genome) -> nx.DiGraph | None:
        """Give the genome as a graph, or None if it is not one."""
        ...


def in_generation(encoding: Encoding[Genome], generation: int) -> Encoding[Genome]:
    """Give the encoding for a generation of a run: its own ``in_generation``, or else itself."""
    of_generation: Any = getattr(encoding, "in_generation", None)
    if of_generation is None:
        return encoding
    found: Encoding[Genome] = of_generation(generation)
    return found


def litter_sizes(encoding: Encoding[Genome], seeds: Sequence[int]) -> list[int]:
    """Give the number of parents for the child of each seed; by default ``encoding.parents``.

    Give ``breed`` no more than these: a parent that it ignores would still be recorded.
    """
    of_each: Any = getattr(encoding, "litter_sizes", None)
    if of_each is None:
        return [encoding.parents] * len(seeds)
    sizes: list[int] = of_each(seeds)
    return sizes


def write_to_send(encoding: Encoding[Genome], genome: Genome) -> str | bytes:
    """Write a genome for another process: as bytes if the encoding can, else as text."""
    to_bytes: Any = getattr(encoding, "to_bytes", None)
    data: bytes | None = None if to_bytes is None else to_bytes(genome)
    return encoding.dumps(genome) if data is None else data


def read_sent(encoding: Encoding[Genome], sent: str | bytes) -> Genome:
    """Read a genome that another process wrote with :func:`write_to_send`.

    Raises:
        ValueError: It is no such genome, or of another version.
    """
    if isinstance(sent, str):
        return encoding.loads(sent)
    of_bytes: Any = encoding
    found: Genome = of_bytes.from_bytes(sent)
    return found
