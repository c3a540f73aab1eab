"""Answers: what players of a quiz said of its images, read from the files that it saved."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from neatfool.errors import ExperimentError
from neatfool.present.finding import Facts

NOTHING: Final = "nothing at all"
"""The answer that is no class."""
CHOICES: Final = tuple(f"choice_{number}" for number in range(1, 6))
"""The columns of the classes that are offered beside NOTHING."""
MOST_BYTES: Final = 2**24
"""A file has at most so many: some 60,000 answers."""

Text = Annotated[str, StringConstraints(max_length=300)]


class Answer(Facts, extra="ignore"):
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
    def _check(self) -> Answer:
        for text in (self.answer, self.right):
            if text not in {*self.choices, NOTHING}:
                raise ValueError(f"{text!r} is none of the choices")
        if (self.kind == "noise") != (self.right == NOTHING):
            raise ValueError(f"noise, and nothing else, shows {NOTHING!r}")
        return self

    @property
    def is_right(self) -> bool:
        """Whether it names the class, or of noise that it is nothing."""
        return self.answer == self.right


def read_answers(files: Sequence[Path]) -> tuple[list[Answer], int]:
    """Read files of answers.

    Returns:
        The answers, of each player the first to an image, and how many others were left out.

    Raises:
        ExperimentError: A file cannot be read, or something in it is no answer.
    """
    read = [answer for file in files for answer in _read(file)]
    kept = {(each.quiz, each.player, each.image): each for each in reversed(read)}
    return [*reversed(kept.values())], len(read) - len(kept)


def _read(file: Path) -> list[Answer]:
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise ExperimentError(
            f"{file}: cannot be read as CSV ({error}); give a file that a quiz saved"
        ) from error
    if not rows:
        raise ExperimentError(f"{file}: has no answers in it; give a file that a quiz saved")
    answers = []
    for line, row in rows:
        # Cells that are empty, missing or too many are not there.
        cells = {name: text for name, text in row.items() if name and text}
        if "quiz" not in cells or "image" not in cells:
            cells |= {"image": f"{file}:{line}"}
        try:
            answers.append(Answer.model_validate({"player": file.stem, **cells}))
        except ValidationError as error:
            wrong = error.errors()[0]
            where = "".join(f"{part}: " for part in wrong["loc"][:1])
            raise ExperimentError(
                f"{file}:{line}: {where}{wrong['msg']}; correct that line, or leave the file out"
            ) from error
    return answers
