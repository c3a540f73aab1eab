"""What a network that learns its fooling images offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy as np

FOOLING: Final = "fooling"
"""The name of the added class."""


@dataclass(frozen=True)
class Judgement:
    """What a network says of real images that it did not learn from.

    Attributes:
        images: How many real images it was shown.
        named: How many of these have a class that is known.
        right: How many of those it recognises; one called "fooling" is not recognised.
        alarms: How many real images it calls "fooling".
    """

    images: int
    named: int
    right: int
    alarms: int

    @property
    def accuracy(self) -> float | None:
        """The share of known real images that it recognises; None if no class is known."""
        return self.right / self.named if self.named else None


class Learner(Protocol):
    """Trains a network anew with one more class.

    Attributes:
        classes: The classes that are searched for: those of the first network.
        first_images: How many fooling images a network learns first, if nothing is said.
        more_images: How many each further round adds.
        rounds: How many rounds there are, if nothing is said.
        least_accuracy: On real images. A network below it is not worth fooling.
    """

    classes: tuple[str, ...]
    first_images: int
    more_images: int
    rounds: int
    least_accuracy: float

    @property
    def notes(self) -> Sequence[str]:
        """Say what to bear in mind."""
        ...

    def identity(self) -> dict[str, str | int | float]:
        """Give what its networks depend on, besides the fooling images."""
        ...

    def learn(
        self,
        batches: Iterable[np.ndarray],
        seed: int,
        file: Path,
        note: Callable[[str], None],
    ) -> None:
        """Train a network, and write its weights completely or not at all.

        Args:
            batches: The fooling images, uint8 [N, C, H, W] each.
            seed: Where all chance comes from.
            file: The file for the weights.
            note: Told now and then how far it is.
        """
        ...

    def judge(self, file: Path | None) -> Judgement:
        """Ask a network about real images; the first network, if there is no file."""
        ...

    def options(self, file: Path) -> dict[str, str]:
        """Give the options of the target for the network in a file."""
        ...
