"""Answers: what players of a quiz said of its images, read from the files that it saved."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, StringConstraints, ValidationError, model_validator

from neatfool import ExperimentError
from neatfool.measure import Estimate
from neatfool.present import FORMULAS, Facts
from neatfool.wording import share

NOTHING: Final = "nothing at all"
"""The answer that is no class."""
CHOICES: Final = tuple(f"choice_{number}" for number in range(1, 6))
"""The columns of the classes that are offered beside NOTHING."""
GUARDED: Final = tuple(f"'{each}" for each in FORMULAS)
MOST_BYTES: Final = 2**24
"""A file has at most so many: some 60,000 answers."""

Text = Annotated[str, StringConstraints(max_length=300)]


class QuizAnswer(Facts, extra="ignore"):
    """What a player said of an image: a row of a file, which anybody may have edited."""

    kind: Literal["evolved", "photograph", "noise"]
    right: Text = Field(alias="class")
    choices: tuple[Text, ...] = Field(min_length=1)
    answer: Text
    quiz: Text = ""
    player: Text = ""
    image: Text = ""
    run: Text = ""
    seed: int | None = None
    known_by: Text = ""
    confidence: float | None = Field(None, ge=0, le=1)
    sure: int | None = Field(None, ge=1, le=4)
    seconds: float | None = Field(None, ge=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, row: dict[str, str]) -> dict[str, Any]:
        return {**row, "choices": [row[name] for name in CHOICES if name in row]}

    @model_validator(mode="after")
    def _check(self) -> QuizAnswer:
        for text in (self.answer, self.right):
            if text not in {*self.choices, NOTHING}:
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


class AnswerSummary(Facts):
    """What was answered of some images."""

    name: str = Field(description="which images, or whose answers")
    answers: int = Field(description="how many answers")
    right: Estimate = Field(
        description="the share that name the class, or say *nothing at all* of noise; the interval "
        "is Wilson's"
    )
    chance: float = Field(description="that share if all choices are as likely")
    nothing: Estimate = Field(description="the share that say *nothing at all*")
    sure: float | None = Field(description="how sure players are, from 1 to 4: the mean")
    seconds: float | None = Field(description="the median time until an answer")

    @classmethod
    def of(cls, name: str, answers: Sequence[QuizAnswer]) -> AnswerSummary:
        """Sum up answers, at least one."""
        count, nothing = len(answers), sum(each.answer == NOTHING for each in answers)
        sure = [each.sure for each in answers if each.sure is not None]
        seconds = [each.seconds for each in answers if each.seconds is not None]
        return cls(
            name=name,
            answers=count,
            right=Estimate.wilson(sum(each.is_right for each in answers), count),
            chance=np.mean([1 / (1 + len(each.choices)) for each in answers]),
            nothing=Estimate.wilson(nothing, count),
            sure=np.mean(sure) if sure else None,
            seconds=np.median(seconds) if seconds else None,
        )


CELLS: Final[dict[str, Callable[[AnswerSummary], str]]] = {
    "": lambda row: row.name,
    "answers": lambda row: f"{row.answers:,}",
    "right": lambda row: row.right.as_share(),
    "chance": lambda row: share(row.chance),
    "nothing at all": lambda row: row.nothing.as_share(),
    "sure (1 to 4)": lambda row: "-" if row.sure is None else f"{row.sure:.1f}",
    "median time": lambda row: "-" if row.seconds is None else f"{row.seconds:.1f} s",
}
"""The columns of tables."""


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
