"""Photographs: a few that check a network, those in a folder, and those that targets offer."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from PIL import Image

from neatfool.errors import ExperimentError, PluginError, TargetError
from neatfool.models.formats import Classifier, Tower
from neatfool.spec.target import Target


@dataclass(frozen=True)
class Photograph:
    """A photograph.

    Attributes:
        name: What it is called.
        open: Reads it.
        shows: The classes that are right, if that is known.
    """

    name: str
    open: Callable[[], Image.Image]
    shows: tuple[str, ...] = ()


def photographs_in(folder: Path) -> list[Photograph]:
    """Find the photographs in a folder and in the folders in it, whose names say what they show.

    Raises:
        ExperimentError: There is none.
    """
    endings = Image.registered_extensions()
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in endings)
    if not files:
        raise ExperimentError(f"{folder}: there is no image in it; give JPEG or PNG files")
    return [
        Photograph(
            str(file.relative_to(folder)),
            partial(_read, file),
            () if file.parent == folder else (file.parent.name,),
        )
        for file in files
    ]


def photographs_of(targets: Iterable[Target]) -> list[Photograph]:
    """Take the photographs that targets offer; of two with one name the first.

    Raises:
        PluginError: A target offers something else.
    """
    images: dict[str, Image.Image] = {}
    for target in targets:
        offered: object = target.photographs()
        if not isinstance(offered, Mapping) or not all(
            isinstance(image, Image.Image) for image in offered.values()
        ):
            raise PluginError(
                f"{type(target).__name__}: photographs() must give Pillow images by name, "
                f"and gave {type(offered).__name__}; give a dict, or a folder of images"
            )
        images = {**offered, **images}
    return [Photograph(name, image.copy) for name, image in images.items()]


def photographs_showing(
    names: Sequence[str], further: Mapping[str, Collection[str]] | None = None
) -> dict[Photograph, set[int]]:
    """Choose neatfool's own photographs that show some classes, each with the right ones' indices.

    Of synonyms (``tabby, tabby cat``) the first counts, and of ``a photo of a tabby`` its end.
    ``further`` are other names of what photographs show.
    """
    plain = [name.partition(",")[0].lower().removeprefix("a photo of ") for name in names]
    plain = [name.removeprefix("a ").removeprefix("an ").strip() for name in plain]
    found = {}
    for photograph in PHOTOGRAPHS:
        shown = {*photograph.shows, *(further or {}).get(photograph.name, ())}
        if right := {index for index, name in enumerate(plain) if name in shown}:
            found[photograph] = right
    return found


def check_recognised(
    network: Classifier | Tower,
    names: Sequence[str],
    known: Mapping[Photograph, Collection[int]],
    answers: Sequence[Sequence[int]],
    *,
    needed: int,
    doubt: str,
) -> None:
    """Check that a network recognises enough photographs, by its likeliest classes of each.

    ``doubt`` is what may be wrong besides the weights and the scaling of images.

    Raises:
        TargetError: Fewer are recognised than ``needed``.
    """
    missed = [
        f"{photograph.name} (it said {names[best[0]]!r})"
        for (photograph, right), best in zip(known.items(), answers, strict=True)
        if {*right}.isdisjoint(best)
    ]
    if len(known) - len(missed) < needed:
        raise TargetError(
            f"{network.name} (weights of {network.source}) recognised {len(known) - len(missed)} "
            f"of {len(known)} photographs; at least {needed} are needed. Not: {', '.join(missed)}. "
            f"These are not its weights, or {doubt}, or images are not scaled as when it was "
            f"trained ({network.preprocessing.describe()}). If all of that is right, set [target] "
            "check_photographs = no"
        )


def _read(file: Path) -> Image.Image:
    cause: Exception = ValueError("it is PostScript, a program")  # Pillow would have it run
    try:
        with Image.open(file) as image:
            if image.format != "EPS":
                return image.copy()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        cause = error
    raise ExperimentError(
        f"{file}: cannot be read as an image ({cause}); take it out of the folder"
    ) from cause


def _packaged(name: str, *shows: str) -> Photograph:
    file = Path(__file__).with_name("photographs") / f"{name}.jpg"
    return Photograph(name, partial(_read, file), shows)


PHOTOGRAPHS: Final = (
    _packaged("cat", "tabby", "tiger cat", "egyptian cat"),
    _packaged("coffee", "espresso", "cup", "coffee mug", "eggnog"),
    _packaged("rocket", "missile", "projectile", "space shuttle"),
    _packaged("tripod", "tripod", "reflex camera"),
    _packaged("uniform", "military uniform", "suit", "windsor tie", "bow tie"),
)
"""The photographs of 300x300 pixels that come with neatfool, with ImageNet's classes."""
