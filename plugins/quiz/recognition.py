"""Recognition: how often people name what images show, by the answers that a quiz saved."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import Field

from neatfool.present import (
    Block,
    Finding,
    Headline,
    Note,
    Output,
    Records,
    Section,
    Table,
)
from neatfool.wording import counted, share

from .answers import CELLS, NOTHING, AnswerSummary, QuizAnswer, read_answers

KINDS: Final = {"evolved": "evolved images", "photograph": "photographs", "noise": "noise"}
COLUMNS: Final = (
    *("quiz", "player", "image", "kind", "run", "seed", "class", "known_by", "confidence"),
    *("answer", "right", "sure", "seconds"),
)


class Recognition(Finding):
    """How often people name what images show."""

    about: ClassVar[str] = "do people recognise them?"

    answers: int = Field(description="how many answers count")
    players: int = Field(description="how many players gave them")
    repeated: int = Field(description="further answers of a player to an image, which do not")
    by_network: int = Field(
        description="answers to photographs whose class is what the network says, not a label"
    )
    kinds: tuple[AnswerSummary, ...] = Field(description="evolved images, photographs, noise")
    runs: tuple[AnswerSummary, ...] = Field(description="the evolved images of each run")
    rows: tuple[QuizAnswer, ...] = Field(exclude=True, repr=False)

    @property
    def title(self) -> str:
        """Say how many answers there are, and whose."""
        players = counted(self.players, "player", "players")
        return f"{counted(self.answers, 'answer', 'answers')} of {players}"

    def story(self) -> Iterator[Block]:
        """Tell what was recognised, beside the controls and chance."""
        for kind in self.kinds:
            yield Headline(f"{kind.name.capitalize()}: {self._sentence(kind)}")
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
        beside = "more often than" if kind.right.value > kind.chance else "less often than"
        if kind.right.low <= kind.chance <= kind.right.high:
            beside = "no differently from"
        return (
            f"{kind.right.as_share()} of {counted(kind.answers, 'answer', 'answers')} are right, "
            f"{beside} chance ({share(kind.chance)}), and {kind.nothing.as_share()} say "
            f"{NOTHING!r}."
        )

    def _limits(self) -> Iterator[str]:
        """Say what limits the figures."""
        yield (
            "Right is the class that the network names, for a photograph its label, and for noise "
            f"{NOTHING!r}. {self.by_network:,} answers are to photographs without a label, of "
            "which right is what the network says."
        )
        yield (
            "Intervals count each answer for itself. Answers of one player, or to one image, are "
            "alike, so what is true of other players and images is less certain than they say."
        )
        yield (
            "Wrong choices are drawn at random, which makes a class easier to name than without "
            "any. And the key is in the quiz: whoever wants to can read it, or write answers."
        )
        if self.repeated:
            yield f"Left out: {self.repeated:,} further answers of a player to the same image."


def recognise(
    answers: Annotated[str | Path | Sequence[str | Path], "ANSWERS..."],
    *,
    console: Output | None = None,
) -> Recognition:
    """Say how often people recognise images, from the ANSWERS that a quiz saved.

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
