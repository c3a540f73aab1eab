"""A few photographs, to tell a network that recognises things from one that does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER: Final = Path(__file__).with_name("photographs")


@dataclass(frozen=True)
class Photograph:
    """A photograph and what it shows.

    Attributes:
        name: The file's, less its ending.
        shows: The names of ImageNet's classes that are right answers.
    """

    name: str
    shows: tuple[str, ...]

    def open(self) -> Image.Image:
        """Read it: 300x300 pixels."""
        with Image.open(_FOLDER / f"{self.name}.jpg") as image:
            return image.copy()


PHOTOGRAPHS: Final = (
    Photograph("cat", ("tabby", "tiger cat", "Egyptian cat")),
    Photograph("coffee", ("espresso", "cup", "coffee mug", "eggnog")),
    Photograph("rocket", ("missile", "projectile", "space shuttle")),
    Photograph("tripod", ("tripod", "reflex camera")),
    Photograph("uniform", ("military uniform", "suit", "Windsor tie", "bow tie")),
)


def with_right_answers(classes: Sequence[str]) -> list[tuple[Photograph, frozenset[int]]]:
    """Choose the photographs of what a network knows.

    Args:
        classes: The names of its classes.

    Returns:
        The photographs, each with the indices of the classes that are right answers.
    """
    index = {name: number for number, name in enumerate(classes)}
    answers = (
        (photograph, frozenset(index[name] for name in photograph.shows if name in index))
        for photograph in PHOTOGRAPHS
    )
    return [(photograph, right) for photograph, right in answers if right]
