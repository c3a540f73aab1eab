"""A card in other forms: for code scanning, test reports, job summaries and FoolBench."""

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from PIL import Image
from scipy.special import expit

from neatfool import Experiment, ExperimentError
from neatfool.present import Facts, fill_template
from neatfool.wording import level, listed, percent, share

from .card import ClassFacts, LongerSearch, ReportCard
from .confidence import EVOLVED

AS_TEXT: Final = str.maketrans({"[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})
"""What a message of SARIF would take for links and placeholders."""
MARKS: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|#~$&"})
"""What Markdown would take for its own."""
FORMS: Final = {
    "entry.json": "entry",
    ".json": "json",
    ".html": "html",
    ".csv": "csv",
    ".md": "markdown",
    ".sarif": "sarif",
    ".xml": "junit",
}
"""The form of a card by how its file's name ends; the first that fits."""
MOST: Final = 10
"""The images of so many classes are in an entry: of those that fell first."""
MOST_BYTES: Final = 9_000
"""Bytes for them: the first that fit are there. The command makes the others again."""


class EntryImage(Facts):
    """The surest image of a class."""

    name: str
    """the class's name"""
    index: int
    """the class's index"""
    log_odds: float | None
    """how sure the network is of it"""
    sha256: str
    """of its pixels, rows of bytes [height, width, channels]"""
    png: str | None
    """the image as PNG in base64; null if no room was left"""


class Entry(Facts):
    """One row of FoolBench."""

    format: Literal["neatfool entry 1"] = "neatfool entry 1"
    """the file's kind"""
    about: dict[str, str]
    """the section `[about]`: whose network it is"""
    sha256: str | None
    """of the file of weights that `[about]` names"""
    command: str
    """the command that makes it"""
    experiment: str
    """the experiment's file"""
    images: list[EntryImage]
    """images to verify: those of classes that fell first"""
    card: ReportCard
    """the report card; of many classes without each"""
    longer: LongerSearch | None = None
    """what `--longer` found"""


def find_form(file: Path) -> str:
    """Tell by the name of a file which form of the card is written into it.

    Raises:
        ExperimentError: It is none of :data:`FORMS`.
    """
    form = next((form for ending, form in FORMS.items() if file.name.endswith(ending)), None)
    if form is None:
        raise ExperimentError(
            f"--write {file}: its name does not say in which form; let it end with "
            f"{listed([*FORMS], 'or')}"
        )
    return form


def hash_weights(experiment: Experiment) -> str | None:
    """Give the SHA-256 of the file of weights that ``[about]`` names, as an entry has it.

    Raises:
        ExperimentError: It names no network, or the file cannot be read.
    """
    about = experiment.about
    if not about.get("network", "").strip():
        raise ExperimentError("[about] network: an entry needs it; name the network")
    if "weights" not in about:
        return None
    weights = (experiment.path or Path()).resolve().parent / about["weights"]
    try:
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ExperimentError(
            f"[about] weights: {weights} cannot be read ({error.strerror}); name the file, or "
            "leave the key out"
        ) from error


def read_accuracy(about: Mapping[str, str]) -> float | None:
    """Read the share of images that a network names rightly, from the section ``[about]``.

    Raises:
        ExperimentError: It is no number from 0 to 1.
    """
    if (given := about.get("accuracy")) is None:
        return None
    with suppress(ValueError):
        if 0 <= (accuracy := float(given)) <= 1:
            return accuracy
    fault = f"[about] accuracy = {given}: is no share"
    raise ExperimentError(f"{fault}; write a number from 0 to 1, or leave the key out")


def make_entry(
    experiment: Experiment,
    weights: str | None,
    command: str,
    card: ReportCard,
    longer: ReportCard | None = None,
) -> Entry:
    """Make an entry of the cards of an experiment, and of :func:`hash_weights`."""
    here = (experiment.path or Path()).resolve().parent
    options = {
        key: value.replace(f"{here}/", "") if isinstance(value, str) else value
        for key, value in card.classifier.options.items()
    }
    less: dict[str, Any] = {
        "classifier": card.classifier.model_copy(update={"options": options}),
        "runs": [],
        "known": card.known and card.known.model_copy(update={"images": []}),
        "classes": card.classes if len(card.classes) <= 2 * MOST else [],
    }
    return Entry(
        about=dict(experiment.about),
        sha256=weights,
        command=command,
        experiment=experiment.text,
        images=[*_images(card)],
        card=card.model_copy(update=less),
        longer=longer and LongerSearch.model_validate(longer, from_attributes=True),
    )


def _images(card: ReportCard) -> Iterator[EntryImage]:
    shown = [each for each in card.classes if each.index in card.pictures]
    left = MOST_BYTES
    for each in shown[:MOST]:
        png = card.pictures[each.index][0]
        left -= len(png)
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            pixels = image.tobytes()
        yield EntryImage(
            name=each.name,
            index=each.index,
            log_odds=max((odds for odds in each.log_odds if odds is not None), default=None),
            sha256=hashlib.sha256(pixels).hexdigest(),
            png=base64.b64encode(png).decode() if left >= 0 else None,
        )


def export(card: ReportCard, experiment: Path, form: str) -> str:
    """Write a card in one of :data:`FORMS` but ``entry``, of the experiment's file."""
    if form in {"json", "html", "csv"}:
        return str(getattr(card, form)())
    verdicts = [
        card.acceptance.verdict(),
        card.acceptance.headline(),
        *map(str, card.checks),
        card.headline(),
    ]
    content: dict[str, Any] = {
        "card": card,
        "experiment": experiment.as_posix(),
        "address": quote(experiment.as_posix()),
        "home": "https://github.com/neatfool/neatfool",
        "fooled": [each for each in card.classes if any(each.accepted)],
        "sentences": [*card.warnings, *verdicts, card.acceptance.advice()],
        "cases": [*_cases(card)],
        "sentence": lambda each: _sentence(card, each),
        "surest": _surest,
        "fingerprint": lambda of: hashlib.sha256(f"{card.name}\0{of}".encode()).hexdigest()[:32],
        "as_text": lambda text: text.translate(AS_TEXT),
        "plain": lambda text: " ".join(text.translate(MARKS).split()),
    }
    return fill_template(Path(__file__).with_name("forms") / f"{form}.j2", content)


def _cases(card: ReportCard) -> Iterator[tuple[str, str, bool]]:
    """Give the name of each test case, what failed, and whether that is told by class."""
    if (threshold := card.acceptance.deciding) is None:
        return
    for check in card.checks:
        limit = level(check.above)
        for part, kind in card.acceptance.worst(threshold):
            message = f"{share(part)} of {kind.what} accepted at {threshold}, above {limit}"
            name = f"{kind.what}: at most {limit} accepted"
            yield name, message * (part > check.above), kind.group == EVOLVED


def _sentence(card: ReportCard, each: ClassFacts) -> str:
    """Say with which confidence a meaningless image is accepted as a class."""
    text = f"A meaningless image is accepted as {each.name!r} with {percent(_surest(each))}"
    if (threshold := card.acceptance.deciding) is not None:
        least = round(float(expit(threshold.least(each.index))), 12)
        text += f", where {level(least) if threshold.by_class else threshold} is enough"
    return f"{text}."


def _surest(each: ClassFacts) -> float:
    """Give the confidence of the image that is accepted, where seeds differ."""
    return round(float(expit(max(odds for odds in each.log_odds if odds is not None))), 12)
