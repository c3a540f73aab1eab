"""An entry of FoolBench: a card, whose network it is, and the images to verify."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PIL import Image
from pydantic import Field

from neatfool import ExperimentError
from neatfool.analysis import Card
from neatfool.present import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool import Experiment

MOST: Final = 10
"""The images of so many classes are in an entry: of those that fell first."""
ROOM: Final = 9_000
"""Bytes for them: the first that fit are there. The command makes the others again."""


class Shown(Facts):
    """The surest image of a class."""

    name: str = Field(description="the class's name")
    index: int = Field(description="the class's index")
    log_odds: float | None = Field(description="how sure the network is of it")
    sha256: str = Field(description="of its pixels, rows of bytes [height, width, channels]")
    png: str | None = Field(description="the image as PNG in base64; null if no room was left")


class Entry(Facts):
    """One row of FoolBench."""

    format: Literal["neatfool entry 1"] = Field("neatfool entry 1", description="the file's kind")
    about: dict[str, str] = Field(description="the section `[about]`: whose network it is")
    sha256: str | None = Field(description="of the file of weights that `[about]` names")
    command: str = Field(description="the command that makes it")
    experiment: str = Field(description="the experiment's file")
    images: list[Shown] = Field(description="images to verify: those of classes that fell first")
    card: Card = Field(description="the report card; of many classes without each")


def make_entry(card: Card, experiment: Experiment, command: str) -> Entry:
    """Make an entry of a card and the experiment that was audited; paths are relative to it."""
    about, here = dict(experiment.about), (experiment.path or Path()).resolve().parent
    options = {
        key: value.replace(f"{here}/", "") if isinstance(value, str) else value
        for key, value in card.classifier.options.items()
    }
    less = {"classifier": card.classifier.model_copy(update={"options": options}), "runs": []}
    less |= {} if len(card.classes) <= 2 * MOST else {"classes": []}
    return Entry(
        about=about,
        sha256=_digest(here / about["weights"]) if "weights" in about else None,
        command=command,
        experiment=experiment.text,
        images=[*_images(card)],
        card=card.model_copy(update=less),
    )


def _digest(weights: Path) -> str:
    try:
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ExperimentError(
            f"[about] weights: {weights} cannot be read ({error.strerror}); name the file, or "
            "leave the key out. The runs are kept"
        ) from error


def _images(card: Card) -> Iterator[Shown]:
    shown, room = [each for each in card.classes if each.name in card.pictures], ROOM
    for each in shown[:MOST]:
        png = card.pictures[each.name][0]
        room -= len(png)
        with Image.open(io.BytesIO(png)) as image:
            pixels = image.tobytes()
        yield Shown(
            name=each.name,
            index=each.index,
            log_odds=max((odds for odds in each.log_odds if odds is not None), default=None),
            sha256=hashlib.sha256(pixels).hexdigest(),
            png=base64.b64encode(png).decode() if room >= 0 else None,
        )
