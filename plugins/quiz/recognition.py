"""Recognition: how often people name what images show, by the answers that a quiz saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, TypeVar

import numpy as np
from pydantic import Field
from scipy.stats import ttest_1samp

from neatfool import ExperimentError
from neatfool.measure import Estimate
from neatfool.present import (
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
from neatfool.wording import counted, listed, share

from .answers import MODEL, UNSEEN, QuizAnswer, check_planned, read_answers, records_of
from .designs import DESIGNS, NOTHING, read_design

KINDS: Final = {
    "evolved": "evolved images",
    "photograph": "photographs",
    "noise": "noise",
    UNSEEN: "questions without their image",
}
ALL: Final = "all"
"""The name of evolved images of which no condition or design is known."""
SIGNIFICANT: Final = 0.05
"""Below this p, a mean differs from chance."""

SummaryT = TypeVar("SummaryT")


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
    nothing: Estimate | None
    """the share that say *nothing at all*, where it is offered"""
    unread: int
    """how many are a model's replies that name none of the choices, and so count as wrong"""
    sure: float | None
    """how sure players are, from 1 to 4: the mean"""
    seconds: float | None
    """the median time until an answer"""

    @classmethod
    def of(cls, name: str, answers: Sequence[QuizAnswer]) -> AnswerSummary:
        """Sum up answers, at least one."""
        count, nothing = len(answers), sum(each.answer == NOTHING for each in answers)
        offered = any(each.offers_nothing for each in answers)
        sure = [each.sure for each in answers if each.sure is not None]
        seconds = [each.seconds for each in answers if each.seconds is not None]
        return cls(
            name=name,
            answers=count,
            right=Estimate.wilson(sum(each.is_right for each in answers), count),
            chance=np.mean([each.chance for each in answers]),
            nothing=Estimate.wilson(nothing, count) if offered else None,
            unread=sum(each.is_unread for each in answers),
            sure=np.mean(sure) if sure else None,
            seconds=np.median(seconds) if seconds else None,
        )


CELLS: Final[dict[str, Callable[[AnswerSummary], str]]] = {
    "": lambda row: row.name,
    "answers": lambda row: f"{row.answers:,}",
    "right": lambda row: row.right.as_share(),
    "chance": lambda row: share(row.chance),
    "nothing at all": lambda row: row.nothing.as_share() if row.nothing else "-",
    "sure (1 to 4)": lambda row: "-" if row.sure is None else f"{row.sure:.1f}",
    "median time": lambda row: "-" if row.seconds is None else f"{row.seconds:.1f} s",
}
"""The columns of tables."""


class Agreement(Facts):
    """How often players choose the network's class, player by player: what a design registers."""

    name: str
    """which evolved images, and which model answered, if one did"""
    design: str
    """how they were asked"""
    players: int
    """how many players answered"""
    mean: Estimate
    """the mean over players of the share for which a player chooses the network's class; the
    interval is Student's, or Wilson's of the answers if all players have the same share"""
    chance: float
    """that share if all choices are as likely"""
    p: float | None
    """of a two-sided t-test of the players' shares against chance; none if all are the same"""

    @classmethod
    def of(cls, name: str, answers: Sequence[QuizAnswer]) -> Agreement:
        """Sum up answers to evolved images in a design, at least one."""
        by_player: dict[str, list[bool]] = defaultdict(list)
        for each in answers:
            by_player[each.player].append(each.is_right)
        shares = [float(np.mean(right)) for right in by_player.values()]
        chance, value, p = float(np.mean([each.chance for each in answers])), np.mean(shares), None
        mean = Estimate.wilson(sum(each.is_right for each in answers), len(answers))
        if len({*shares}) > 1:
            test = ttest_1samp(shares, chance)
            low, high = test.confidence_interval()
            mean = Estimate(value=value, low=max(low, 0), high=min(high, 1))
            p = float(test.pvalue)
        design, players = answers[0].design, len(shares)
        return cls(name=name, design=design, players=players, mean=mean, chance=chance, p=p)

    def row(self) -> list[str]:
        """Give the cells of a table: beside chance, and beside what a study found."""
        p = "-" if self.p is None else self._p().removeprefix("= ")
        cells = [self.name, f"{self.players:,}", self.mean.as_share(), share(self.chance), p]
        return [*cells, DESIGNS[self.design].found if self.design in DESIGNS else ""]

    def sentence(self) -> str:
        """Say how often players agree, and what the test against chance says."""
        chose = "chose" if self.players == 1 else "chose, on average,"
        text = f"{counted(self.players, 'player', 'players')} {chose} the network's class for "
        text += f"{self.mean.as_share()} of evolved images"
        text += "" if self.name == ALL else f" ({self.name})"
        if self.p is None:
            who = "one player" if self.players == 1 else "players with equal shares"
            return f"{text}; chance is {share(self.chance)}, and {who} cannot be tested against it."
        beside = "more than" if self.mean.value > self.chance else "less than"
        if self.p >= SIGNIFICANT:
            beside = "not significantly different from"
        return f"{text}, which is {beside} chance ({share(self.chance)}; p {self._p()})."

    def _p(self) -> str:
        return "< 0.0001" if (self.p or 0) < 1e-4 else f"= {self.p:.2g}"


class Recognition(Finding):
    """How often people name what images show."""

    about: ClassVar[str] = "do people recognise them?"

    answers: int
    """how many answers count"""
    players: int
    """how many players gave them"""
    repeated: int
    """further answers of a player to an image, which do not"""
    skipped: int
    """questions without an answer"""
    planned: int | None
    """how many players the preregistered design plans, if it is given"""
    by_network: int
    """answers to photographs whose class is what the network says, not a label"""
    kinds: tuple[AnswerSummary, ...]
    """evolved images, photographs, noise, and questions that a model was asked without the image"""
    agreement: tuple[Agreement, ...]
    """the agreement with the network on evolved images, in each design and condition"""
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
        for each in self.agreement:
            if MODEL not in each.name:
                yield Headline(each.sentence())
        yield from map(Headline, self._models())
        for kind in self.kinds:
            if kind.name != KINDS["evolved"]:
                yield Headline(self._sentence(kind))
            elif kind.nothing:
                answers = counted(kind.answers, "answer", "answers")
                said = f"{kind.nothing.as_share()} say “{NOTHING}”"
                yield Headline(f"Of {answers} to {kind.name}, {said}.")
        yield from map(Note, self._limits())
        yield Section("At a glance")
        if self.agreement:
            heads = ("", "players", "agreement", "chance", "p", "published")
            rows = [each.row() for each in self.agreement]
            how = "The means of shares over players, as the studies give them."
            yield Table(heads, rows, "Agreement with the network", how, (0, 5))
        for title, part in (("All answers", self.kinds), ("Evolved images, by run", self.runs)):
            rows = [[write(each) for write in CELLS.values()] for each in part]
            yield Table([*CELLS], rows, title, most=12)

    def records(self) -> Records:
        """Give a row for each answer that counts."""
        return records_of(self.rows)

    def _models(self) -> Iterator[str]:
        """Say for how many images models name a class, and for how many without one."""
        by_model: dict[str, list[str]] = defaultdict(list)
        for kind in self.kinds:
            if MODEL in kind.name and kind.nothing:
                named = f"{share(1 - kind.nothing.value - kind.unread / kind.answers)} of "
                named += _short(kind)
                by_model[kind.name.partition(f", {MODEL}")[2]].append(named)
        for model, shares in by_model.items():
            yield f"The model {model} names a class for {listed(shares)}."

    def _sentence(self, kind: AnswerSummary) -> str:
        """Say how often answers were right, and how often they are none."""
        answers = counted(kind.answers, "answer", "answers")
        is_ = "is" if kind.answers == 1 else "are"
        text = f"Of {answers} to {kind.name}, {kind.right.as_share()} {is_} correct "
        text += f"(chance {share(kind.chance)})"
        if kind.name.startswith(KINDS["noise"]):
            text += f"; the correct answer is “{NOTHING}”"
        elif kind.nothing:
            text += f"; {kind.nothing.as_share()} say “{NOTHING}”"
        return f"{text}; {kind.unread:,} could not be read." if kind.unread else f"{text}."

    def _limits(self) -> Iterator[str]:
        """Say what limits the figures."""
        if self.planned:
            players = counted(self.planned, "player is", "players are")
            yield f"All answers fit the preregistered design, in which {players} planned."
        known = [DESIGNS[each.design] for each in self.agreement if each.design in DESIGNS]
        if studies := dict.fromkeys(each.study for each in known if each.study):
            yield f"Published agreement with other networks and images: {listed([*studies])}."
        if any(MODEL in kind.name for kind in self.kinds):
            yield "The answers of a model are no evidence of what people see."
        yield (
            "The correct answer is the class that the network names for an evolved image, the "
            f"label of a photograph, and “{NOTHING}” for noise. "
            f"{counted(self.by_network, 'answer is', 'answers are')} to photographs without a "
            "label, for which the network's class counts as correct."
        )
        yield (
            "Intervals of agreement are about other players and these images. All others treat "
            "answers as independent, although those by the same player, or to the same image, are "
            "correlated."
        )
        yield (
            "Choices make a class easier to name than it is without them. The quiz file contains "
            "the key, so a player who wants to cheat can."
        )
        if self.repeated:
            repeated = counted(self.repeated, "repeated answer is", "repeated answers are")
            yield f"{repeated} left out: only a player's first answer to an image counts."
        if self.skipped:
            skipped = counted(self.skipped, "question has", "questions have")
            yield f"{skipped} no answer and {'is' if self.skipped == 1 else 'are'} left out."
        if unread := sum(kind.unread for kind in self.kinds):
            replies = counted(unread, "reply of a model", "replies of models")
            yield f"{replies} could not be read, which counts as wrong."


def _short(kind: AnswerSummary) -> str:
    """Name images, and say how sure a model is of them."""
    name = kind.name.partition(f", {MODEL}")[0]
    return name if kind.sure is None else f"{name} (sure {kind.sure:.1f} of 4)"


def recognise(
    answers: Annotated[str | Path | Sequence[str | Path], "ANSWERS..."],
    *,
    design: Annotated[Path | None, "FILE"] = None,
    console: Output | None = None,
) -> Recognition:
    """Measure how often people recognise images, from a quiz.

    You see which share names the class of the network, of a photograph, or says that noise is
    nothing at all, beside chance, and how the players' mean compares with published studies.

    Args:
        answers: The files that a quiz saved.
        design: The quiz.design.json that the answers must fit.
        console: Not needed: reading takes no time.

    Raises:
        ExperimentError: A file holds no answers, or others than the design allows.

    Examples:
        neatfool recognise answers-*.csv
        neatfool recognise answers-*.csv --html recognised.html --design quiz.design.json
    """
    del console
    files = [answers] if isinstance(answers, str | Path) else answers
    read, repeated = read_answers([Path(file) for file in files])
    plan = read_design(design) if design else None
    if plan is not None:
        check_planned(read, plan)
    rows = [row for row in read if row.answer]
    if not rows:
        raise ExperimentError(f"{files[0]}: has no answers in it; give a file that a quiz saved")
    evolved = [row for row in rows if row.kind == "evolved"]
    return Recognition(
        answers=len(rows),
        players=len({row.player for row in rows}),
        repeated=repeated,
        by_network=sum(row.kind == "photograph" and row.known_by != "label" for row in rows),
        skipped=len(read) - len(rows),
        planned=plan and plan.settings.players,
        kinds=_sum_up(AnswerSummary.of, rows, lambda row: KINDS[row.kind] + row.asked),
        agreement=_sum_up(
            Agreement.of, evolved, lambda row: (row.condition or row.design or ALL) + row.asked
        ),
        runs=_sum_up(
            AnswerSummary.of, evolved, lambda r: f"{r.run or 'a run'}, seed {r.seed}{r.asked}"
        ),
        rows=tuple(rows),
    )


def _sum_up(
    sum_up: Callable[[str, Sequence[QuizAnswer]], SummaryT],
    rows: Sequence[QuizAnswer],
    name: Callable[[QuizAnswer], str],
) -> tuple[SummaryT, ...]:
    """Sum up answers by a name, those of controls last and other names in their order."""
    groups: dict[str, list[QuizAnswer]] = defaultdict(list)
    for row in rows:
        groups[name(row)].append(row)
    order = dict.fromkeys([*KINDS.values(), *sorted(groups)])
    return tuple(sum_up(each, groups[each]) for each in order if each in groups)
