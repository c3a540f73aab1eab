"""Chooses a quiz's images, and the classes offered, and writes its page."""

import json
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps

from neatfool import Run, RunError, behind, choose_elites, derive_seed, fit_photograph, open_scorer
from neatfool.models import PHOTOGRAPHS, Photograph, photographs_in, photographs_of
from neatfool.ood import has_mnist, read_mnist, simple_images
from neatfool.present import embed_image, fill_template, save

from .recognition import CHOICES, NOTHING

HERE: Final = Path(__file__).parent
NEAREST: Final = Image.Resampling.NEAREST
SIDE: Final = 448
"""Images are shown about so large: twice the size of most networks'."""


@dataclass(frozen=True)
class Question:
    """An image that is evolved, a photograph or noise, and what is known about it."""

    picture: Image.Image
    kind: str
    right: str
    known_by: str
    run: str = ""
    seed: int | None = None
    confidence: float | None = None
    choices: tuple[str, ...] = ()

    def row(self, number: int) -> dict[str, Any]:
        """Give its key, as the columns of a file of answers."""
        names = ("kind", "run", "seed", "known_by", "confidence")
        facts = {name: getattr(self, name) for name in names}
        choices = zip(CHOICES, self.choices, strict=False)
        return facts | {"image": number, "class": self.right, **dict(choices)}


def ask_about_elites(
    runs: Sequence[Run], *, classes: Sequence[str], least: float, sample: int, seed: int
) -> list[Question]:
    """Draw elites, of each run as many, whose class is top-1."""
    questions = []
    for place, run in enumerate(runs):
        elites = choose_elites(run, classes=classes, least=least)
        named = [each for each in elites if each.top1 is not False and not each.rejected]
        if not named:
            raise RunError(f"{run.path}: no image is top-1 in its class; let the run go on")
        named.sort(key=lambda each: derive_seed(seed, "quiz", each.run.seed, each.index))
        size, drawn = _size(run), _is_drawn(run)
        for elite in named[: (sample + place) // len(runs)]:
            picture = elite.image(size[::-1]) if drawn else elite.image().resize(size, NEAREST)
            facts = ("evolved", elite.name, "network", run.name, run.seed, elite.confidence)
            questions.append(Question(picture, *facts))
    return questions


def find_photographs(run: Run, folder: Path | None, count: int, seed: int) -> list[Question]:
    """Draw photographs; those without a label show what the network says."""
    if not count:
        return []
    with ExitStack() as ending:
        load = cache(lambda: ending.enter_context(open_scorer(run)))
        if folder is None:
            found = photographs_of([behind(load().target)])
        elif has_mnist(folder):
            digits = read_mnist(folder).test
            pairs = enumerate(zip(digits.images, digits.labels, strict=True))
            found = [
                Photograph(f"digit {place}", partial(Image.fromarray, image), (str(label),))
                for place, (image, label) in pairs
            ]
        else:
            found = photographs_in(folder)
        questions = []
        for each in sorted(found, key=lambda each: derive_seed(seed, "quiz", each.name))[:count]:
            right, known_by = _label(each, run), "label"
            if right is None and not (scorer := load()).costs:
                (probs,) = scorer.score(fit_photograph(each.open(), scorer.target)).probs
                # A detector in front that rejects it names nothing.
                right = scorer.spec.classes[probs.argmax()] if probs.max() > 0 else None
                known_by = "network"
            if right:
                questions.append(Question(_fit(each.open(), run), "photograph", right, known_by))
    return questions


def ask_about_noise(run: Run, count: int, seed: int) -> list[Question]:
    """Make noise, half of it uniform, half of it Gaussian, with the pixels of the target."""
    some = simple_images(run.spec, -(-count // 2), seed)
    kinds = [images for kind, *_, images in some if kind in {"uniform", "gaussian"}]
    images = [image for pair in zip(*kinds, strict=True) for image in pair][:count]
    pictures = (Image.fromarray(each.movedim(0, 2).squeeze(2).numpy()) for each in images)
    shown = (each.resize(_size(run), NEAREST) for each in pictures)
    return [Question(each, "noise", NOTHING, "noise") for each in shown]


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


def _label(photograph: Photograph, run: Run) -> str | None:
    """Give the class that a photograph shows, by a name or an index; None if it is not known."""
    packaged = next((each.shows for each in PHOTOGRAPHS if each.name == photograph.name), ())
    shows, classes = photograph.shows or packaged, run.classes
    indices = [int(name) for name in shows if name.isdecimal() and int(name) < len(classes)]
    names = [name for name in shows if name in classes]
    return next(iter([*names, *(classes[index] for index in indices), *shows]), None)


def _is_drawn(run: Run) -> bool:
    """Say whether images are the same at any size; else, each pixel is part of the image."""
    return bool(run.experiment["encoding"].get("band_limit"))


def _size(run: Run) -> tuple[int, int]:
    """Give the width and height at which images are shown, a multiple of the run's."""
    times = max(1, round(SIDE / max(run.spec.height, run.spec.width)))
    return run.spec.width * times, run.spec.height * times


def _fit(photograph: Image.Image, run: Run) -> Image.Image:
    """Cut a photograph to the shape of a run's images, as sharp as these are shown."""
    upright = ImageOps.exif_transpose(photograph).convert("L" if run.spec.channels == 1 else "RGB")
    if _is_drawn(run):
        return ImageOps.fit(upright, _size(run))
    return ImageOps.fit(upright, (run.spec.width, run.spec.height)).resize(_size(run), NEAREST)


def write_page(questions: Sequence[Question], file: Path) -> Path:
    """Write a page that asks the questions, one HTML file.

    The key is in it, but not to be read at a glance.
    """
    key = json.dumps([each.row(number) for number, each in enumerate(questions, 1)])
    told = {
        "quiz": sha256(key.encode()).hexdigest()[:12],
        "nothing": NOTHING,
        "choices": CHOICES,
        "pictures": [embed_image(each.picture, max(each.picture.size)).src for each in questions],
        "key": b64encode(key.encode()).decode(),
    }
    scripts = [(HERE / name).read_text(encoding="utf-8") for name in ("answers.js", "page.js")]
    script = "".join(scripts)
    content = {
        "count": len(questions),
        "told": json.dumps(told),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }
    return save(file, fill_template(HERE / "page.html.j2", content).encode())
