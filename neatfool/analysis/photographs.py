"""Photographs to ask several networks about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from neatfool.errors import ExperimentError, PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from neatfool.spec.target import Target


@dataclass(frozen=True)
class Photograph:
    """A photograph: what it is called, and how it is opened."""

    name: str
    open: Callable[[], Image.Image]


def photographs_in(folder: Path) -> list[Photograph]:
    """Find the photographs in a folder and in the folders in it.

    Raises:
        ExperimentError: There is none.
    """
    endings = Image.registered_extensions()
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in endings)
    if not files:
        raise ExperimentError(
            f"{folder}: there is no image in it; give a folder of JPEG or PNG files"
        )
    return [Photograph(str(file.relative_to(folder)), _opener(file)) for file in files]


def photographs_of(targets: Iterable[Target]) -> list[Photograph]:
    """Take the photographs that targets offer; of two with one name the first.

    Raises:
        PluginError: A target offers something else.
    """
    found: dict[str, Image.Image] = {}
    for target in targets:
        if offer := getattr(target, "photographs", None):
            offered = offer()
            if not isinstance(offered, Mapping) or not all(
                isinstance(image, Image.Image) for image in offered.values()
            ):
                raise PluginError(
                    f"{type(target).__name__}: photographs() must give Pillow images by name, "
                    f"and gave {type(offered).__name__}; give a dict, or a folder of images"
                )
            found = {**offered, **found}
    return [Photograph(name, image.copy) for name, image in found.items()]


def _opener(file: Path) -> Callable[[], Image.Image]:
    def read() -> Image.Image:
        try:
            with Image.open(file) as image:
                return image.copy()
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ExperimentError(
                f"{file}: cannot be read as an image ({error}); take it out of the folder"
            ) from error

    return read
