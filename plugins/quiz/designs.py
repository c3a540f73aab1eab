"""The designs of a quiz, two studies' among them, and the file that preregisters one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from neatfool import ExperimentError
from neatfool.present import Facts, save

NOTHING: Final = "nothing at all"
"""The answer that is no class."""
NO_ANSWER: Final = "no answer"
"""What is kept of a model's reply that names none of the choices."""
MOST_BYTES: Final = 2**24
"""A file of answers or of a design has at most so many: some 60,000 answers."""

Text = Annotated[str, StringConstraints(max_length=300)]


class Design(NamedTuple):
    """How a quiz asks, and what a study found that asked so."""

    choices: int | None
    """how many classes are offered; None: those of all images of the same target"""
    nothing: bool = False
    """whether *nothing at all* is offered, and photographs and noise are shown"""
    title: str = "What is it?"
    """what is asked"""
    study: str = ""
    """which experiment asked so"""
    found: str = ""
    """the mean agreement that it found"""


GUESS: Final = "What did the network take it for?"
ZHOU: Final = "Zhou & Firestone 2019, experiment"
DUJMOVIC: Final = "Dujmović et al. 2020, experiment"
DESIGNS: Final = {
    "five-choices": Design(5, nothing=True),
    "two-choices": Design(2, False, GUESS, f"{ZHOU} 1", "74 % (chance 50 %)"),
    "near-choices": Design(2, False, GUESS, f"{ZHOU} 2", "62 % (chance 50 %)"),
    "many-choices": Design(None, False, GUESS, f"{ZHOU} 3", "10 % (chance 2 %)"),
    "encodings": Design(
        choices=None,
        study=f"{DUJMOVIC} 3",
        found="ImageNet 26 %, MNIST near chance (10 %)",
    ),
    "best-images": Design(
        choices=4, study=f"{DUJMOVIC} 2", found="best above, worst below chance (25 %)"
    ),
}
"""The designs by their names. The means of the first study are those of the second's table 1."""

HYPOTHESIS: Final = "Players choose the network's class more often than chance."
STATISTIC: Final = (
    "The mean over players of the share of evolved images, of each condition, for which a player "
    "chooses the network's class, with its 95 % t interval; a two-sided one-sample t-test against "
    "chance at p < 0.05."
)


def _check_name(name: str) -> str:
    if name not in DESIGNS:
        raise ValueError(f"there is no design {name!r}")
    return name


class QuizSettings(Facts):
    """What decides, beside the runs, what a quiz asks."""

    design: Annotated[str, AfterValidator(_check_name)]
    seed: int
    classes: tuple[str, ...]
    least: float
    sample: int
    photographs: int
    noise: int
    players: int = Field(ge=1)

    @property
    def rules(self) -> Design:
        """How the quiz asks."""
        return DESIGNS[self.design]


class PlannedQuestion(Facts, populate_by_name=True):
    """A question of a design: its image by its hash, and what is offered."""

    image: int
    sha256: str
    kind: str
    condition: str
    right: Text = Field(alias="class")
    choices: tuple[Text, ...]


class Preregistration(Facts):
    """A quiz that is fixed before anybody answers: the file ``quiz.design.json``."""

    quiz: str
    """the hash of all the rest, which each answer repeats"""
    settings: QuizSettings
    hypothesis: str
    statistic: str
    questions: tuple[PlannedQuestion, ...]

    @classmethod
    def of(cls, settings: QuizSettings, questions: tuple[PlannedQuestion, ...]) -> Preregistration:
        """Fix a quiz, by its hash."""
        facts: dict[str, Any] = {"settings": settings, "questions": questions}
        facts |= {"hypothesis": HYPOTHESIS, "statistic": STATISTIC}
        return cls(quiz=cls.model_construct(**facts).hash(), **facts)

    @model_validator(mode="after")
    def _check(self) -> Preregistration:
        if self.quiz != self.hash():
            raise ValueError("it was edited, as its id is not the hash of the rest")
        return self

    def hash(self) -> str:
        """Compute the id from all but the id itself."""
        fixed = self.model_dump_json(by_alias=True, exclude={"quiz"})
        return sha256(fixed.encode()).hexdigest()[:12]

    def json(self) -> str:  # type: ignore[override]
        """Write it for :func:`read_design`."""
        return f"{self.model_dump_json(indent=1, by_alias=True)}\n"


def save_design(plan: Preregistration, file: Path) -> None:
    """Write a design, but not over another one.

    Raises:
        ExperimentError: The file holds something else.
        StorageError: It cannot be written.
    """
    data = plan.json().encode()
    if file.is_file() and file.read_bytes() != data:
        raise ExperimentError(
            f"{file}: holds another design; give another --out, or delete it if nobody has "
            "answered that quiz"
        )
    save(file, data)


def read_design(file: Path) -> Preregistration:
    """Read a preregistered quiz.

    Raises:
        ExperimentError: The file holds none.
    """
    try:
        with file.open("rb") as opened:
            found = Preregistration.model_validate_json(opened.read(MOST_BYTES))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        if isinstance(error, ValidationError):
            wrong = error.errors()[0]
            told = wrong["msg"].removeprefix("Value error, ")
            why = ": ".join(filter(None, [".".join(map(str, wrong["loc"])), told]))
        names = ", ".join(DESIGNS)
        raise ExperimentError(
            f"{file}: is no design ({why}); give a quiz.design.json, or one of {names}"
        ) from error
    return found
