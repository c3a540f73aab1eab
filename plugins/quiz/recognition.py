"""Recognition: how often people name what images show, by the answers that a quiz saved."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from math import isclose
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import Field

from neatfool import ExperimentError, Run, open_runs
from neatfool.present import (
    Bars,
    Block,
    Cell,
    Facts,
    Finding,
    Headline,
    Note,
    Output,
    Records,
    Section,
    Strip,
    StrongText,
    Table,
)
from neatfool.wording import counted, percent, share

from .answers import CELLS, NOTHING, AnswerSummary, QuizAnswer, read_answers

KINDS: Final = {"evolved": "evolved images", "photograph": "photographs", "noise": "noise"}
SHOWN: Final = 24
"""The page shows so many images: those that were recognised the most, and the least."""
COLUMNS: Final = (
    *("quiz", "player", "image", "kind", "run", "seed", "class", "known_by", "confidence"),
    *("answer", "right", "sure", "seconds"),
)
MOST_ROWS: Final = 100
"""Of more players a page does not list each."""


class ImageRecognition(Facts):
    """What was answered of an evolved image."""

    run: str = Field(description="the run's name")
    seed: int | None = Field(description="the run's seed")
    name: str = Field(description="the class that the network names")
    confidence: float | None = Field(description="how sure the network is")
    answers: int = Field(description="how many answers")
    right: int = Field(description="how many name that class")
    nothing: int = Field(description="how many say *nothing at all*")
    instead: str | None = Field(description="the other class that most name; null of none")
    png: bytes = Field(b"", exclude=True, repr=False)

    @property
    def cell(self) -> Cell:
        """Show it on a card."""
        figure = f"{self.right:,} of {self.answers:,} named it"
        sure = "" if self.confidence is None else f"network {percent(self.confidence)}; "
        more = f"{sure}{self.nothing:,} said nothing at all"
        more += f"; others: {self.instead}" if self.instead else ""
        return Cell(self.png, self.name, StrongText(figure) if self.right else figure, more)


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
    by_player: tuple[AnswerSummary, ...] = Field(description="evolved images, by player")
    images: tuple[ImageRecognition, ...] = Field(
        description="each evolved image, those first that most players recognised"
    )
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
        bars = [(kind.name, kind.right.value, share(kind.chance)) for kind in self.kinds]
        yield Bars(("what was shown", "right", "by chance"), bars)
        for title, part in (
            ("All answers", self.kinds),
            ("Evolved images, by run", self.runs),
            ("Evolved images, by player", self.by_player),
        ):
            if part is self.kinds or 1 < len(part) <= MOST_ROWS:
                rows = [[write(each) for write in CELLS.values()] for each in part]
                yield Table([*CELLS], rows, title, most=12)
        shown = [image for image in self.images if image.png]
        if len(shown) > SHOWN:
            shown = shown[: SHOWN // 2] + shown[-SHOWN // 2 :]
        if shown:
            text = f"You see {len(shown)} of {len(self.images):,}, the most recognised first."
            yield Section("Image by image", text)
            yield Strip([image.cell for image in shown], cards=True, size=160)

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
            "Right is the class that the network names, for a photograph its label (of "
            f"{self.by_network:,}, without one, what the network says), and for noise {NOTHING!r}."
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
    answers: Annotated[Run | str | Path | Sequence[Run | str | Path], "[RUN|FOLDER...] ANSWERS..."],
    *,
    console: Output | None = None,
) -> Recognition:
    """Say how often people recognise images, from the ANSWERS that a quiz saved.

    You see which share names the class of the network, of a photograph, or says that noise is
    nothing at all, each with its interval and beside chance. RUN adds the images themselves.

    Args:
        answers: The files that a quiz saved, and runs whose images it showed or their folders, for
            pictures.
        console: Not needed: reading takes no time.

    Raises:
        ExperimentError: There is no file of answers, a file holds none, or none is about an image
            of a run.

    Examples:
        neatfool recognise answers-*.csv
        neatfool recognise runs/imagenet-1 answers-*.csv --html recognised.html    # with pictures
    """
    del console
    named = [answers] if isinstance(answers, Run | str | Path) else [*answers]
    runs = [each for each in named if isinstance(each, Run) or Path(each).is_dir()]
    files = [Path(each) for each in named if not isinstance(each, Run) and each not in runs]
    if not files:
        raise ExperimentError("recognise: name at least one file of answers")
    rows, repeated = read_answers(files)
    evolved = [row for row in rows if row.kind == "evolved"]
    with ExitStack() as ending:
        opened = ending.enter_context(open_runs(runs)) if runs else []
        images = _by_image(evolved, opened)
        if opened and not any(image.png for image in images):
            raise ExperimentError(
                f"{opened[0].path}: no answer is about its images as they are now; name the "
                "runs that the quiz was made of (the columns run, seed, class and confidence "
                "say which image it is)"
            )
    return Recognition(
        answers=len(rows),
        players=len({row.player for row in rows}),
        repeated=repeated,
        by_network=sum(row.kind == "photograph" and row.known_by != "label" for row in rows),
        kinds=_sum_up(rows, lambda row: KINDS[row.kind]),
        runs=_sum_up(evolved, lambda row: f"{row.run or 'a run'}, seed {row.seed}"),
        by_player=_sum_up(evolved, lambda row: row.player),
        images=tuple(images),
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


def _by_image(evolved: Sequence[QuizAnswer], runs: Sequence[Run]) -> list[ImageRecognition]:
    """Sum up answers by image, with what it shows, where it is still its run's elite."""
    elites = {(run.name, run.seed, elite.name): elite for run in runs for elite in run.elites}
    groups: dict[tuple[str, int | None, str, float | None], list[QuizAnswer]] = defaultdict(list)
    for row in evolved:
        groups[row.run, row.seed, row.right, row.confidence].append(row)
    images = []
    for (run, seed, name, confidence), rows in groups.items():
        counts = Counter(row.answer for row in rows)
        others = [other for other, _ in counts.most_common() if other not in {name, NOTHING}]
        elite = elites.get((run, seed or 0, name))
        same = elite and isclose(elite.confidence, confidence or 0, rel_tol=1e-6)
        images.append(
            ImageRecognition(
                run=run,
                seed=seed,
                name=name,
                confidence=confidence,
                answers=len(rows),
                right=counts[name],
                nothing=counts[NOTHING],
                instead=others[0] if others else None,
                png=elite.png if elite and same else b"",
            )
        )
    return sorted(images, key=lambda image: (-image.right / image.answers, image.name))
