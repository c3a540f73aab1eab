"""Chooses a quiz's images, and the classes offered, and writes its page."""

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps

from neatfool import (
    EliteView,
    ExperimentError,
    Run,
    RunError,
    behind,
    choose_elites,
    derive_seed,
    fit_photograph,
    open_scorer,
)
from neatfool.models import PHOTOGRAPHS, Photograph, photographs_in, photographs_of
from neatfool.ood import has_mnist, read_mnist, simple_images
from neatfool.present import embed_image, fill_template, save, target_name

from .answers import choice_columns, read_answers
from .designs import (
    DESIGNS,
    NOTHING,
    PlannedQuestion,
    Preregistration,
    QuizSettings,
)

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
    near: str = ""
    target: str = ""
    condition: str = ""
    design: str = ""
    choices: tuple[str, ...] = ()

    def row(self, number: int) -> dict[str, Any]:
        """Give its key, as the columns of a file of answers."""
        names = ("kind", "design", "condition", "run", "seed", "known_by", "confidence")
        facts = {name: getattr(self, name) for name in names}
        choices = zip(choice_columns([self.choices]), self.choices, strict=True)
        return facts | {"image": number, "class": self.right, **dict(choices)}

    @property
    def offers_nothing(self) -> bool:
        """Whether *nothing at all* is offered."""
        return DESIGNS[self.design].nothing

    @property
    def sha256(self) -> str:
        """The hash of its pixels, and of its size."""
        return sha256(repr(self.picture.size).encode() + self.picture.tobytes()).hexdigest()


def choose_questions(
    runs: Sequence[Run], settings: QuizSettings, folder: Path | None, answers: Sequence[Path]
) -> list[Question]:
    """Choose what a quiz asks: elites, and in some designs photographs and noise.

    Args:
        runs: The runs of the elites.
        settings: What decides.
        folder: Photographs; those of the target if absent.
        answers: Earlier answers, which say for the design `best-images` which images are best.

    Returns:
        The questions in their order.

    Raises:
        RunError: No elite fits.
    """
    if settings.design == "best-images":
        shown = _best_and_others(runs, settings, answers)
    else:
        shown = _draw_elites(runs, settings)
    if settings.rules.nothing:
        shown += find_photographs(runs[0], folder, settings.photographs, settings.seed)
        shown += ask_about_noise(runs[0], settings.noise, settings.seed)
    return offer_choices(shown, runs, settings)


def _named_elites(run: Run, settings: QuizSettings) -> list[EliteView]:
    """List a run's elites whose class is top-1; of those to be asked beside the next class, known.

    The order is drawn at random: one for all runs of a target if `encodings` are compared.
    """
    elites = choose_elites(run, classes=settings.classes, least=settings.least)
    named = [each for each in elites if each.top1 is not False and not each.rejected]
    if settings.design == "near-choices":
        named = [each for each in named if _next_class(each)]
    if not named:
        raise RunError(f"{run.path}: no image is top-1 in its class; let the run go on")
    of_run = () if settings.design == "encodings" else (run.seed,)
    return sorted(named, key=lambda each: derive_seed(settings.seed, "quiz", *of_run, each.index))


def _next_class(elite: EliteView) -> str:
    """Name the class that the network ranks next for an image; the empty string if not known."""
    return next((name for name, _ in elite.top if name != elite.name), "")


def _draw_elites(runs: Sequence[Run], settings: QuizSettings) -> list[Question]:
    """Draw elites, of each run as many; to compare encodings, of the same classes."""
    named = [_named_elites(run, settings) for run in runs]
    conditions = [""] * len(runs)
    if settings.design == "encodings":
        conditions = [f"{run.experiment['encoding']['plugin']}, {target_name(run)}" for run in runs]
        if len({*conditions}) == 1:
            raise ExperimentError(
                f"--design encodings: all runs are of {conditions[0]}; give runs of two encodings, "
                "or of two targets"
            )
        for target in {run.classes for run in runs}:
            places = [place for place, run in enumerate(runs) if run.classes == target]
            common = set.intersection(*({each.name for each in named[place]} for place in places))
            for place in places:
                named[place] = [each for each in named[place] if each.name in common]
    return [
        _question(run, elite, conditions[place])
        for place, run in enumerate(runs)
        for elite in named[place][: (settings.sample + place) // len(runs)]
    ]


def _best_and_others(
    runs: Sequence[Run], settings: QuizSettings, answers: Sequence[Path]
) -> list[Question]:
    """Ask of classes twice: by the image most often named in earlier answers, and by another."""
    if not answers:
        raise ExperimentError("--design best-images: needs earlier answers; give --prestudy FILE")
    right = defaultdict(list)
    for row in read_answers(answers)[0]:
        if row.kind == "evolved" and row.answer:
            right[row.run, row.seed, row.right].append(row.is_right)
    images: dict[str, list[tuple[float, Run, EliteView]]] = defaultdict(list)
    for run in runs:
        for elite in _named_elites(run, settings):
            if found := right.get((run.name, run.seed, elite.name)):
                images[elite.name].append((float(np.mean(found)), run, elite))
    shown: list[Question] = []
    for name in sorted(images, key=lambda name: derive_seed(settings.seed, "quiz", name)):
        best, *others = sorted(images[name], key=lambda each: -each[0])
        if others and len(shown) + 2 <= settings.sample:
            chance = np.random.default_rng(derive_seed(settings.seed, "quiz", "typical", name))
            typical = others[chance.integers(len(others))]
            shown += [_question(*best[1:], "best"), _question(*typical[1:], "typical")]
    if not shown:
        raise ExperimentError(
            f"{answers[0]}: has answers to two images of no class; give a --prestudy of a quiz of "
            "these runs, of which at least two found the same classes"
        )
    return shown


def _question(run: Run, elite: EliteView, condition: str = "") -> Question:
    size = _size(run)
    shown = elite.image(size[::-1]) if _is_drawn(run) else elite.image().resize(size, NEAREST)
    facts = ("evolved", elite.name, "network", run.name, run.seed, elite.confidence)
    return Question(shown, *facts, _next_class(elite), repr(run.classes), condition)


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


def offer_choices(
    questions: Sequence[Question], runs: Sequence[Run], settings: QuizSettings
) -> list[Question]:
    """Offer the right class among others, those of the other images first; and mix all up."""
    shown = dict.fromkeys(each.right for each in questions if each.right != NOTHING)
    names = dict.fromkeys(name for run in runs for name in run.classes)
    nothing = {name for run in runs for name in run.spec.nothing}
    spare = [name for name in names if name not in {*shown, *nothing}]
    offered, most = [], settings.rules.choices
    for place, question in enumerate(questions):
        chance = np.random.default_rng(derive_seed(settings.seed, "quiz", "choices", place))
        others = [*chance.permutation([*shown]).tolist(), *chance.permutation(spare).tolist()]
        if settings.design == "near-choices":
            others = [question.near]
        right = [name for name in shown if name == question.right]
        choices = [*right, *(name for name in others if name not in right)][:most]
        mixed = chance.permutation(choices).tolist()
        if most is None:
            classes = {each.right for each in questions if each.target == question.target}
            mixed = sorted(classes, key=str.casefold)
        offered.append(replace(question, design=settings.design, choices=tuple(mixed)))
    order = np.random.default_rng(derive_seed(settings.seed, "quiz", "order"))
    return [offered[place] for place in order.permutation(len(offered))]


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


def preregister(questions: Sequence[Question], settings: QuizSettings) -> Preregistration:
    """Fix a quiz before anybody answers."""
    planned = tuple(
        PlannedQuestion(
            image=number,
            sha256=each.sha256,
            **{name: getattr(each, name) for name in ("kind", "condition", "right", "choices")},
        )
        for number, each in enumerate(questions, 1)
    )
    return Preregistration.of(settings, planned)


def write_page(questions: Sequence[Question], plan: Preregistration, file: Path) -> Path:
    """Write a page that asks the questions, one HTML file.

    The key is in it, but not to be read at a glance.
    """
    key = json.dumps([each.row(number) for number, each in enumerate(questions, 1)])
    rules = plan.settings.rules
    told = {
        "quiz": plan.quiz,
        "title": rules.title,
        "nothing": NOTHING,
        "offersNothing": rules.nothing,
        "inOrder": rules.choices is None,
        "choices": choice_columns([each.choices for each in questions]),
        "pictures": [embed_image(each.picture, max(each.picture.size)).src for each in questions],
        "key": b64encode(key.encode()).decode(),
    }
    scripts = [(HERE / name).read_text(encoding="utf-8") for name in ("answers.js", "page.js")]
    script = "".join(scripts)
    content = {
        "count": len(questions),
        "offers_nothing": rules.nothing,
        "title": rules.title,
        "told": json.dumps(told),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }
    return save(file, fill_template(HERE / "page.html.j2", content).encode())
