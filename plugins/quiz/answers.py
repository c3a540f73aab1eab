"""A quiz's answers: a row for each in a file, which anybody may have edited."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from neatfool import ExperimentError
from neatfool.present import FORMULAS, Facts, Records

from .designs import DESIGNS, MOST_BYTES, NO_ANSWER, NOTHING, Preregistration, Text

CHOICE: Final = "choice_"
"""How the columns of the classes begin that are offered beside NOTHING: `choice_1`, `choice_2`."""
GUARDED: Final = tuple(f"'{each}" for each in FORMULAS)
MODEL: Final = "model "
"""How the name of a player begins that is a language model."""
UNSEEN: Final = "no image"
"""The kind of a question that a model is asked without its image."""

FACTS: Final = (
    *("quiz", "player", "image", "kind", "design", "condition", "run", "seed", "class"),
    *("known_by", "confidence"),
)
ANSWERED: Final = ("answer", "right", "sure", "seconds")


class QuizAnswer(Facts, extra="ignore"):
    """What a player said of an image: a row of a file, which anybody may have edited."""

    kind: Literal["evolved", "photograph", "noise", "no image"]
    right: Text = Field(alias="class")
    choices: tuple[Text, ...] = Field(min_length=1)
    answer: Text = ""
    quiz: Text = ""
    player: Text = ""
    image: Text = ""
    design: Text = ""
    condition: Text = ""
    run: Text = ""
    seed: int | None = None
    known_by: Text = ""
    confidence: float | None = Field(None, ge=0, le=1)
    sure: int | None = Field(None, ge=1, le=4)
    seconds: float | None = Field(None, ge=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, row: dict[str, str]) -> dict[str, Any]:
        return {**row, "choices": [row[name] for name in row if name.startswith(CHOICE)]}

    @model_validator(mode="after")
    def _check(self) -> QuizAnswer:
        offered = {*self.choices, *([NOTHING] if self.offers_nothing else [])}
        for text in (self.answer or self.right, self.right):
            if text not in offered and not (text == self.answer and self.is_unread):
                raise ValueError(f"{text!r} is none of the choices")
        if len({*self.choices}) < len(self.choices):
            raise ValueError("two choices are the same")
        if (self.kind == "noise") != (self.right == NOTHING):
            raise ValueError(f"noise, and nothing else, shows {NOTHING!r}")
        return self

    @property
    def is_right(self) -> bool:
        """Whether it names the class, or of noise that it is nothing."""
        return self.answer == self.right

    @property
    def is_unread(self) -> bool:
        """Whether it is a model's reply that names none of the choices."""
        return self.answer == NO_ANSWER and NO_ANSWER not in self.choices and bool(self.asked)

    @property
    def offers_nothing(self) -> bool:
        """Whether *nothing at all* was offered."""
        return self.design not in DESIGNS or DESIGNS[self.design].nothing

    @property
    def chance(self) -> float:
        """How likely each of the choices is if all are as likely."""
        return 1 / (len(self.choices) + self.offers_nothing)

    @property
    def asked(self) -> str:
        """Who was asked, if it is no person: ``", model NAME"``."""
        return f", {self.player}" if self.player.startswith(MODEL) else ""


def choice_columns(choices: Iterable[Sequence[str]]) -> list[str]:
    """Name the columns of so many choices as the longest list has."""
    return [f"{CHOICE}{place}" for place in range(1, 1 + max(map(len, choices), default=0))]


def records_of(rows: Sequence[QuizAnswer]) -> Records:
    """Give a row for each answer, as :func:`read_answers` reads them."""
    offered = choice_columns([each.choices for each in rows])
    columns = (*FACTS, *offered, *ANSWERED)
    kept = []
    for row in rows:
        cells = {**row.model_dump(), "class": row.right, "right": int(row.is_right)}
        cells |= dict(zip_longest(offered, row.choices, fillvalue=""))
        kept.append([cells[head] for head in columns])
    return Records(columns, kept)


def check_planned(rows: Sequence[QuizAnswer], plan: Preregistration) -> None:
    """Refuse answers to other questions than those of a design.

    Raises:
        ExperimentError: An answer does not fit the design.
    """
    planned = {str(each.image): each for each in plan.questions}
    for row in rows:
        question = planned.get(row.image.partition(" ")[0])
        if (
            question is None
            or (row.quiz, row.design) != (plan.quiz, plan.settings.design)
            or row.kind not in (question.kind, UNSEEN)
            or (row.condition, row.right) != (question.condition, question.right)
            or {*row.choices} != {*question.choices}
        ):
            raise ExperimentError(
                f"player {row.player}, image {row.image}: is no question of the preregistered "
                "design; leave that file out, or give the design of its quiz"
            )


def read_answers(files: Sequence[Path]) -> tuple[list[QuizAnswer], int]:
    """Read the answers in files, of each player the first to an image; count the others."""
    read = [answer for file in files for answer in _read(file)]
    kept = {(each.quiz, each.player, each.image): each for each in reversed(read)}
    return [*reversed(kept.values())], len(read) - len(kept)


def _read(file: Path) -> list[QuizAnswer]:
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig") if len(data) <= MOST_BYTES else ""
        head = text.partition("\n")[0]
        delimiter = ";" if head.count(";") > head.count(",") else ","
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        cause = getattr(error, "strerror", None) or "it is no CSV in UTF-8"
        raise ExperimentError(
            f"{file}: cannot be read: {cause}; give a file that a quiz saved"
        ) from error
    if not rows:
        why = f"more than {MOST_BYTES:,} bytes" if len(data) > MOST_BYTES else "no answers"
        raise ExperimentError(f"{file}: has {why} in it; give a file that a quiz saved")
    answers = []
    for line, row in rows:
        # Cells that are empty, missing or too many are not there. An apostrophe keeps a spreadsheet
        # from taking a text for a formula.
        cells = {
            name: text[1:] if text.startswith(GUARDED) else text
            for name, cell in row.items()
            if name and isinstance(cell, str) and (text := cell.strip(" "))
        }
        # Whoever is not named may have answered once only.
        if not {"quiz", "image", "player"} <= cells.keys():
            cells |= {"image": f"{file}:{line}"}
        try:
            answers.append(QuizAnswer.model_validate({"player": file.stem, **cells}))
        except ValidationError as error:
            wrong = error.errors()[0]
            where = "".join(f"{part}: " for part in wrong["loc"][:1])
            why = wrong["msg"].removeprefix("Value error, ")
            raise ExperimentError(
                f"{file}:{line}: {where}{why}; correct that line, or leave the file out"
            ) from error
    return answers
