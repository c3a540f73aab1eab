"""Chooses images to ask about, and the classes that are offered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

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
from neatfool.models import Photograph, photographs_in, photographs_of
from neatfool.ood import behind, has_mnist, read_mnist

if TYPE_CHECKING:
    from neatfool import Run

Thing = TypeVar("Thing")
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
            facts = {"run": run.name, "seed": run.seed, "confidence": elite.confidence}
            questions.append(Question(picture, "evolved", elite.name, "network", **facts))
    return questions


def find_photographs(run: Run, folder: Path | None, count: int, seed: int) -> list[Question]:
    """Draw photographs; those without a label show what the network says.

    Raises:
        NeatfoolError: There are none in the folder, or the run's target cannot be loaded.
    """

    def draw(found: Iterable[Photograph]) -> list[Photograph]:
        return _draw(found, count, lambda each: derive_seed(seed, "quiz", each.name))

    def ask(photograph: Photograph, right: str, known_by: str = "label") -> Question:
        return Question(_fit(photograph.open(), run), "photograph", right, known_by)

    drawn = draw(_photographs_in(folder)) if folder and count else []
    labelled = [ask(each, _class_of(each.shows[0], run)) for each in drawn if each.shows]
    if not count or (drawn and len(labelled) == len(drawn)):
        return labelled
    with closing(open_scorer(run)) as scorer:
        drawn = drawn or draw(photographs_of([behind(scorer.target)]))
        unknown = [each for each in drawn if not each.shows]
        if scorer.costs or not unknown:
            return labelled
        images = [fit_photograph(each.open(), scorer.target) for each in unknown]
        probs = scorer.score(torch.cat(images)).probs
        named = [scorer.spec.classes[place] for place in np.asarray(probs).argmax(1)]
    pairs = zip(unknown, named, strict=True)
    return labelled + [ask(each, name, "network") for each, name in pairs]


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


def _draw(things: Iterable[Thing], count: int, seed: Callable[[Thing], int]) -> list[Thing]:
    return sorted(things, key=seed)[:count]


def _photographs_in(folder: Path) -> list[Photograph]:
    if not (folder.is_dir() and has_mnist(folder)):
        return photographs_in(folder)
    digits = read_mnist(folder).test
    return [
        Photograph(f"digit {place}", partial(Image.fromarray, image), (str(label),))
        for place, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True))
    ]


def _class_of(label: str, run: Run) -> str:
    """Give the class that a label means, by its name or index; else the label itself."""
    known = label in run.classes or (label.isdecimal() and int(label) < len(run.classes))
    return run.classes[run.spec.class_index(label)] if known else label


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
    return image.resize((image.width * _times(run), image.height * _times(run)), Image.NEAREST)


def _fit(photograph: Image.Image, run: Run) -> Image.Image:
    """Cut a photograph to the shape of a run's images, as sharp as these are shown."""
    upright = ImageOps.exif_transpose(photograph).convert("L" if run.spec.channels == 1 else "RGB")
    if not _has_pictures(run):
        return _enlarge(ImageOps.fit(upright, (run.spec.width, run.spec.height)), run)
    return ImageOps.fit(upright, (run.spec.width * _times(run), run.spec.height * _times(run)))
