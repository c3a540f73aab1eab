"""Chooses images to ask about, and the classes that are offered."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from PIL import Image, ImageOps

from neatfool import (
    RunError,
    choose_elites,
    derive_seed,
    fit_photograph,
    open_scorer,
)
from neatfool.analysis import CHOICES, NOTHING, images_of_nothing
from neatfool.models import PHOTOGRAPHS, Photograph, photographs_in, photographs_of
from neatfool.ood import behind, has_mnist, read_mnist

if TYPE_CHECKING:
    from neatfool import Run

SIDE: Final = 448
"""Images are shown about so large: twice the size of most networks'."""


@dataclass(frozen=True)
class Question:
    """An image, and what is known about it."""

    picture: Image.Image
    """What is shown."""
    kind: str
    """``evolved``, ``photograph`` or ``noise``."""
    right: str
    """The right answer."""
    known_by: str
    """Who says so: ``network``, ``label`` or ``noise``."""
    run: str = ""
    """The name of the run that it is from."""
    seed: int | None = None
    """That run's seed."""
    confidence: float | None = None
    """How sure the network is."""
    choices: tuple[str, ...] = ()
    """The classes that are offered."""

    def row(self, number: int) -> dict[str, Any]:
        """Give its key, as the columns of a file of answers."""
        facts = {name: getattr(self, name) for name in ("kind", "run", "seed")}
        facts |= {"image": number, "class": self.right, "known_by": self.known_by}
        return facts | {
            "confidence": self.confidence,
            **dict(zip(CHOICES, self.choices, strict=False)),
        }


def ask_about_elites(
    runs: Sequence[Run], *, classes: Sequence[str], least: float, sample: int, seed: int
) -> list[Question]:
    """Draw elites, of each run as many, whose class is top-1.

    Raises:
        RunError: No elite of a run fits.
    """
    questions = []
    for place, run in enumerate(runs):
        elites = choose_elites(run, classes=classes, least=least)
        named = [each for each in elites if each.top1 is not False and not each.rejected]
        if not named:
            raise RunError(f"{run.path}: no image is top-1 in its class; let the run go on")
        named.sort(key=lambda each: derive_seed(seed, "quiz", each.run.seed, each.index))
        for elite in named[: (sample + place) // len(runs)]:
            size = run.spec.height * _times(run), run.spec.width * _times(run)
            drawn = _has_pictures(run)
            picture = elite.image(size) if drawn else _enlarge(elite.image(), run)
            facts = ("evolved", elite.name, "network", run.name, run.seed, elite.confidence)
            questions.append(Question(picture, *facts))
    return questions


def find_photographs(run: Run, folder: Path | None, count: int, seed: int) -> list[Question]:
    """Draw photographs; those without a label show what the network says.

    Raises:
        NeatfoolError: There are none in the folder, or the run's target cannot be loaded.
    """
    if not count:
        return []
    found = _photographs_in(folder) if folder else _photographs_of(run)
    drawn = sorted(found, key=lambda each: derive_seed(seed, "quiz", each.name))[:count]
    labels = {each.name: _label(each, run) for each in drawn}
    named = _ask_network(run, [each for each in drawn if labels[each.name] is None])
    return [
        Question(_fit(each.open(), run), "photograph", right, "label" if label else "network")
        for each in drawn
        if (right := (label := labels[each.name]) or named.get(each.name))
    ]


def ask_about_noise(run: Run, count: int, seed: int) -> list[Question]:
    """Make noise, half of it uniform, half of it Gaussian, with the pixels of the target."""
    some = images_of_nothing(run.spec, -(-count // 2), seed)
    kinds = [images for _, group, _, images in some if group == "noise"]
    images = [image for pair in zip(*kinds, strict=True) for image in pair][:count]
    return [Question(_enlarge(_pillow(image), run), "noise", NOTHING, "noise") for image in images]


def offer_choices(questions: Sequence[Question], runs: Sequence[Run], seed: int) -> list[Question]:
    """Offer the right class among others, those of the other images first; and mix all up."""
    shown = dict.fromkeys(each.right for each in questions if each.right != NOTHING)
    names = dict.fromkeys(name for run in runs for name in run.classes)
    nothing = {name for run in runs for name in run.spec.nothing}
    spare = [name for name in names if name not in {*shown, *nothing}]
    offered = []
    for place, question in enumerate(questions):
        chance = np.random.default_rng(derive_seed(seed, "quiz", "choices", place))
        others = [*chance.permutation([*shown]).tolist(), *chance.permutation(spare).tolist()]
        right = [name for name in shown if name == question.right]
        choices = [*right, *(name for name in others if name not in right)][: len(CHOICES)]
        offered.append(replace(question, choices=tuple(chance.permutation(choices).tolist())))
    order = np.random.default_rng(derive_seed(seed, "quiz", "order")).permutation(len(offered))
    return [offered[place] for place in order]


def _photographs_of(run: Run) -> list[Photograph]:
    with closing(open_scorer(run)) as scorer:
        return photographs_of([behind(scorer.target)])


def _photographs_in(folder: Path) -> list[Photograph]:
    if not (folder.is_dir() and has_mnist(folder)):
        return photographs_in(folder)
    digits = read_mnist(folder).test
    return [
        Photograph(f"digit {place}", partial(Image.fromarray, image), (str(label),))
        for place, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True))
    ]


def _label(photograph: Photograph, run: Run) -> str | None:
    """Give the class that a photograph shows, by a name or an index; None if it is not known."""
    packaged = next((each.shows for each in PHOTOGRAPHS if each.name == photograph.name), ())
    shows, classes = photograph.shows or packaged, run.classes
    indices = [int(name) for name in shows if name.isdecimal() and int(name) < len(classes)]
    names = [name for name in shows if name in classes]
    return next(iter([*names, *(classes[index] for index in indices), *shows]), None)


def _ask_network(run: Run, photographs: Sequence[Photograph]) -> dict[str, str]:
    """Give the class that the run's network names first, unless asking it costs something."""
    if not photographs:
        return {}
    with closing(open_scorer(run)) as scorer:
        if scorer.costs:
            return {}
        images = [fit_photograph(each.open(), scorer.target) for each in photographs]
        first = np.asarray(scorer.score(torch.cat(images)).probs).argmax(1)
        named = [scorer.spec.classes[place] for place in first]
    return {each.name: name for each, name in zip(photographs, named, strict=True)}


def _has_pictures(run: Run) -> bool:
    """Say whether images are the same at any size; else, each pixel is part of the image."""
    return bool(run.experiment["encoding"].get("band_limit"))


def _times(run: Run) -> int:
    return max(1, round(SIDE / max(run.spec.height, run.spec.width)))


def _pillow(image: torch.Tensor) -> Image.Image:
    """Take an image, uint8 [C, H, W]."""
    return Image.fromarray(image.movedim(0, 2).squeeze(2).numpy())


def _enlarge(image: Image.Image, run: Run) -> Image.Image:
    """Show an image's own pixels, larger."""
    return image.resize(
        (image.width * _times(run), image.height * _times(run)), Image.Resampling.NEAREST
    )


def _fit(photograph: Image.Image, run: Run) -> Image.Image:
    """Cut a photograph to the shape of a run's images, as sharp as these are shown."""
    upright = ImageOps.exif_transpose(photograph).convert("L" if run.spec.channels == 1 else "RGB")
    if not _has_pictures(run):
        return _enlarge(ImageOps.fit(upright, (run.spec.width, run.spec.height)), run)
    return ImageOps.fit(upright, (run.spec.width * _times(run), run.spec.height * _times(run)))
