"""A few photographs, to check that a network recognises things."""

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
    """A photograph: its file's name without suffix, and the ImageNet classes that are right."""

    name: str
    shows: tuple[str, ...]

    def open(self) -> Image.Image:
        """Read the photograph of 300x300 pixels."""
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
    """Choose the photographs that show some classes, each with the indices of the right ones."""
    # The hub's models give synonyms: "tabby, tabby cat".
    index = {name.partition(",")[0]: number for number, name in enumerate(classes)}
    answers = (
        (photograph, frozenset(index[name] for name in photograph.shows if name in index))
        for photograph in PHOTOGRAPHS
    )
    return [(photograph, right) for photograph, right in answers if right]
