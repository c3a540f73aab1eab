"""An encoding under test, with genomes for the checks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.search.seeds import derive_seed
from neatfool.spec.image_spec import ImageSpec
from neatfool.testing.checking import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.spec.encoding import Encoding

GREY = ImageSpec(height=12, width=9, channels=1, classes=("a", "b", "c"))
COLOUR = ImageSpec(height=7, width=11, channels=3, classes=("a", "b", "c"))

GENOMES = 6


class EncodingSubject:
    """An encoding under test, for images of a spec."""

    def __init__(self, make: Callable[[ImageSpec], Encoding[Any]], spec: ImageSpec) -> None:
        self._make = make
        self.spec = spec

    def make(self) -> Encoding[Any]:
        """Make a new one."""
        return self._make(self.spec)

    @cached_property
    def encoding(self) -> Encoding[Any]:
        """The encoding that the checks share."""
        return self.make()

    @cached_property
    def seeds(self) -> list[int]:
        """One seed for each genome, as large as a run's."""
        return [derive_seed("create", number) for number in range(GENOMES)]

    @cached_property
    def genomes(self) -> list[Any]:
        """Random genomes."""
        return self.encoding.create(self.seeds)

    @cached_property
    def litters(self) -> list[list[Any]]:
        """Each child's parents, which descend from :attr:`genomes`."""
        grown = self.genomes
        for generation in range(3):
            grown = self.encoding.breed(self._litters(grown), self.breeding_seeds(generation))
        return self._litters(grown)

    def breeding_seeds(self, generation: int) -> list[int]:
        """Give one seed for each child."""
        return [derive_seed("breed", generation, number) for number in range(GENOMES)]

    @cached_property
    def children(self) -> list[Any]:
        """Children of :attr:`litters` with ``breeding_seeds(9)``."""
        return self.encoding.breed(self.litters, self.breeding_seeds(9))

    def texts(self, genomes: Sequence[Any]) -> list[str]:
        """Write genomes as texts; equal genomes have equal texts."""
        return [self.encoding.dumps(genome) for genome in genomes]

    def _litters(self, genomes: Sequence[Any]) -> list[list[Any]]:
        shifted = [*genomes[1:], *genomes[:1]]
        pairs = zip(genomes, shifted, strict=True)
        return [list(pair[: self.encoding.parents]) for pair in pairs]


def expect_same(expected: Sequence[str], found: Sequence[str], what: str) -> None:
    """Expect genomes, as texts, to be equal."""
    expect(len(expected) == len(found), f"{what} gave {len(found)} genomes, not {len(expected)}")
    different = [
        i for i, pair in enumerate(zip(expected, found, strict=True)) if len(set(pair)) > 1
    ]
    expect(
        not different,
        f"{what} gave {len(different)} of {len(expected)} genomes differently; draw all randomness "
        "from the genome's own seed, and remember nothing between calls",
    )


def pixels_of(image: Any) -> np.ndarray:
    """Give one or more images as a numpy array."""
    return np.asarray(image.cpu())
