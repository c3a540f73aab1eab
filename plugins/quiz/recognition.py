"""Recognition: how often people name what images show, by the answers that a quiz saved."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, StringConstraints, ValidationError, model_validator

from neatfool import ExperimentError
from neatfool.measure import Estimate
from neatfool.present import (
    FORMULAS,
    Block,
    Facts,
    Finding,
    Headline,
    Note,
    Output,
    Records,
    Section,
    Table,
)
from neatfool.wording import counted, share

NOTHING: Final = "nothing at all"
"""The answer that is no class."""
CHOICES: Final = tuple(f"choice_{number}" for number in range(1, 6))
"""The columns of the classes that are offered beside NOTHING."""
GUARDED: Final = tuple(f"'{each}" for each in FORMULAS)
MOST_BYTES: Final = 2**24
"""A file has at most so many: some 60,000 answers."""

KINDS: Final = {"evolved": "evolved images", "photograph": "photographs", "noise": "noise"}
COLUMNS: Final = (
    *("quiz", "player", "image", "kind", "run", "seed", "class", "known_by", "confidence"),
    *("answer", "right", "sure", "seconds"),
)

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

    name: str
    """which images, or whose answers"""
    answers: int
    """how many answers"""
    right: Estimate
    """the share that name the class, or say *nothing at all* of noise; the interval is Wilson's"""
    chance: float
    """that share if all choices are as likely"""
    nothing: Estimate
    """the share that say *nothing at all*"""
    sure: float | None
    """how sure players are, from 1 to 4: the mean"""
    seconds: float | None
    """the median time until an answer"""

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


class Recognition(Finding):
    """How often people name what images show."""

    about: ClassVar[str] = "do people recognise them?"

    answers: int
    """how many answers count"""
    players: int
    """how many players gave them"""
    repeated: int
    """further answers of a player to an image, which do not"""
    by_network: int
    """answers to photographs whose class is what the network says, not a label"""
    kinds: tuple[AnswerSummary, ...]
    """evolved images, photographs, noise"""
    runs: tuple[AnswerSummary, ...]
    """the evolved images of each run"""
    rows: tuple[QuizAnswer, ...] = Field(exclude=True, repr=False)

    @property
    def title(self) -> str:
        """Say how many answers there are, and whose."""
        players = counted(self.players, "player", "players")
        return f"{counted(self.answers, 'answer', 'answers')} of {players}"

    def story(self) -> Iterator[Block]:
        """Tell what was recognised, beside the controls and chance."""
        for kind in self.kinds:
            yield Headline(self._sentence(kind))
        yield from map(Note, self._limits())
        yield Section("At a glance")
        for title, part in (("All answers", self.kinds), ("Evolved images, by run", self.runs)):
            rows = [[write(each) for write in CELLS.values()] for each in part]
            yield Table([*CELLS], rows, title, most=12)

    def records(self) -> Records:
        """Give a row for each answer that counts."""
        rows = [{**r.model_dump(), "class": r.right, "right": int(r.is_right)} for r in self.rows]
        return Records(COLUMNS, [[row[head] for head in COLUMNS] for row in rows])

    def _sentence(self, kind: AnswerSummary) -> str:
        """Say how often players were right, beside chance."""
        beside = "more than" if kind.right.value > kind.chance else "less than"
        if kind.right.low <= kind.chance <= kind.right.high:
            beside = "not significantly different from"
        answers = counted(kind.answers, "answer", "answers")
        is_ = "is" if kind.answers == 1 else "are"
        text = f"Of {answers} to {kind.name}, {kind.right.as_share()} {is_} correct, which is "
        text += f"{beside} chance ({share(kind.chance)})"
        if kind.name == KINDS["noise"]:
            return f"{text}; the correct answer is “{NOTHING}”."
        return f"{text}; {kind.nothing.as_share()} say “{NOTHING}”."

    def _limits(self) -> Iterator[str]:
        """Say what limits the figures."""
        yield (
            "The correct answer is the class that the network names for an evolved image, the "
            f"label of a photograph, and “{NOTHING}” for noise. "
            f"{counted(self.by_network, 'answer is', 'answers are')} to photographs without a "
            "label, for which the network's class counts as correct."
        )
        yield (
            "The intervals treat answers as independent. Answers by the same player, or to the "
            "same image, are correlated, so the true uncertainty about other players and images "
            "is larger."
        )
        yield (
            "The wrong choices are drawn at random, which makes a class easier to name than it is "
            "without choices. The quiz file contains the key, so a player who wants to cheat can."
        )
        if self.repeated:
            repeated = counted(self.repeated, "repeated answer is", "repeated answers are")
            yield f"{repeated} left out: only a player's first answer to an image counts."


def recognise(
    answers: Annotated[str | Path | Sequence[str | Path], "ANSWERS..."],
    *,
    console: Output | None = None,
) -> Recognition:
    """Measure how often people recognise images, from a quiz.

    You see which share names the class of the network, of a photograph, or says that noise is
    nothing at all, each with its interval and beside chance.

    Args:
        answers: The files that a quiz saved.
        console: Not needed: reading takes no time.

    Raises:
        ExperimentError: A file holds no answers.

    Examples:
        neatfool recognise answers-*.csv
        neatfool recognise answers-*.csv --html recognised.html
    """
    del console
    files = [answers] if isinstance(answers, str | Path) else answers
    rows, repeated = read_answers([Path(file) for file in files])
    evolved = [row for row in rows if row.kind == "evolved"]
    return Recognition(
        answers=len(rows),
        players=len({row.player for row in rows}),
        repeated=repeated,
        by_network=sum(row.kind == "photograph" and row.known_by != "label" for row in rows),
        kinds=_sum_up(rows, lambda row: KINDS[row.kind]),
        runs=_sum_up(evolved, lambda row: f"{row.run or 'a run'}, seed {row.seed}"),
        rows=tuple(rows),
    )


def _sum_up(
    rows: Sequence[QuizAnswer], name: Callable[[QuizAnswer], str]
) -> tuple[AnswerSummary, ...]:
    """Sum up answers by a name, those of controls last and other names in their order."""
    groups: dict[str, list[QuizAnswer]] = defaultdict(list)
    for row in rows:
        groups[name(row)].append(row)
    order = dict.fromkeys([*KINDS.values(), *sorted(groups)])
    return tuple(AnswerSummary.of(each, groups[each]) for each in order if each in groups)


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
