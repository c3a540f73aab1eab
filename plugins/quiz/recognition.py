"""Recognition: how often people name what images show, by the answers that a quiz saved."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from math import isclose
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import Field

from neatfool import EliteView, ExperimentError, Run, analysis, open_runs
from neatfool.measure import Estimate
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
from neatfool.wording import counted, level, percent, share

from .answers import CELLS, NOTHING, AnswerSummary, QuizAnswer, read_answers

KINDS: Final = {"evolved": "evolved images", "photograph": "photographs", "noise": "noise"}
BANDS: Final = (0.0, 0.5, 0.9, 0.99, 1.0)
"""Between these lie the confidences of evolved images that are told apart."""
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


class NetworkRecognition(Facts):
    """How often a network names the class of the evolved images that players saw."""

    label: str = Field(description="what the network is called")
    own: bool = Field(description="whether the images were evolved for it")
    images: int = Field(description="how many images: those whose class it has")
    right: Estimate = Field(description="the share whose class is top-1 there")


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
    bands: tuple[AnswerSummary, ...] = Field(
        description="evolved images, by the network's confidence"
    )
    by_player: tuple[AnswerSummary, ...] = Field(description="evolved images, by player")
    images: tuple[ImageRecognition, ...] = Field(
        description="each evolved image, those first that most players recognised"
    )
    judges: tuple[NetworkRecognition, ...] = Field(
        description="what networks say of the same images"
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
            ("Evolved images, by the network's confidence", self.bands),
            ("Evolved images, by player", self.by_player),
        ):
            if part is self.kinds or 1 < len(part) <= MOST_ROWS:
                rows = [[write(each) for write in CELLS.values()] for each in part]
                yield Table([*CELLS], rows, title, most=12)
        if self.judges:
            yield Section("Who names the class of the evolved images?")
            evolved = self.kinds[0]
            bars = [("players", evolved.right.value, f"{evolved.answers:,} answers")]
            for judge in self.judges:
                own = ", for which they were evolved" if judge.own else ""
                count = counted(judge.images, "image", "images")
                bars.append((f"{judge.label}{own}", judge.right.value, count))
            yield Bars(("who", "share", "of"), bars)
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
        count = f"of {counted(kind.answers, 'answer', 'answers')}, {kind.right.as_share()}"
        if kind.name == KINDS["noise"]:
            return f"{count} say {NOTHING!r}."
        if kind.name == KINDS["photograph"]:
            return f"{count} name the class."
        beside = "more than" if kind.right.value > kind.chance else "less than"
        if kind.right.low <= kind.chance <= kind.right.high:
            beside = "no different from"
        return (
            f"{count} name the class that the network names ({beside} chance, "
            f"{share(kind.chance)}), and {kind.nothing.as_share()} say {NOTHING!r}."
        )

    def _limits(self) -> Iterator[str]:
        """Say what limits the figures."""
        if len(self.kinds) < len(KINDS):
            missing = {*KINDS.values()} - {kind.name for kind in self.kinds}
            yield f"There are no answers to {' or '.join(sorted(missing))}."
        yield (
            "Intervals count each answer for itself. Answers of one player, or to one image, are "
            "alike, so what is true of other players and images is less certain than they say."
        )
        yield (
            "Wrong choices are drawn at random, which makes a class easier to name than without "
            "any. And the key is in the quiz: whoever wants to can read it, or write answers."
        )
        if self.by_network:
            yield (
                f"In {counted(self.by_network, 'answer', 'answers')} to photographs, right is what "
                "the network says, as they have no labels."
            )
        if self.repeated:
            count = counted(self.repeated, "answer", "answers")
            yield f"{count} left out: a player's first answer to an image counts."


def recognise(
    answers: Annotated[Run | str | Path | Sequence[Run | str | Path], "[RUN|FOLDER...] ANSWERS..."],
    *,
    to: Annotated[str | Path | Sequence[str | Path], "EXPERIMENT"] = (),
    max_queries: int | None = None,
    console: Output | None = None,
) -> Recognition:
    """Say how often people recognise images, from the ANSWERS that a quiz saved.

    You see which share names the class of the network, of a photograph, or says that noise is
    nothing at all, each with its interval and beside chance. RUN adds the images themselves; --to,
    too, how often networks name the class.

    Args:
        answers: The files that a quiz saved, and runs whose images it showed or their folders, for
            pictures and networks.
        to: A file of an experiment whose network is asked about the same images; repeat it for
            more.
        max_queries: The most images to send in all to targets that cost something to ask.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no file of answers, a file holds none, or none is about an image
            of a run.

    Examples:
        neatfool recognise answers-*.csv
        neatfool recognise runs/imagenet-1 answers-*.csv --html recognised.html    # with pictures
        neatfool recognise runs/imagenet-1 answers-*.csv --to clip.ini --to lite1.ini
    """
    named = [answers] if isinstance(answers, Run | str | Path) else [*answers]
    runs = [each for each in named if isinstance(each, Run) or Path(each).is_dir()]
    files = [Path(each) for each in named if not isinstance(each, Run) and each not in runs]
    if not files:
        raise ExperimentError("recognise: name at least one file of answers")
    rows, repeated = read_answers(files)
    evolved = [row for row in rows if row.kind == "evolved"]
    if to and not runs:
        raise ExperimentError("recognise: networks are asked about images of runs; name these, too")
    with ExitStack() as ending:
        opened = ending.enter_context(open_runs(runs, scored=bool(to))) if runs else []
        images = _by_image(evolved, opened)
        if opened and not any(image.png for image in images):
            raise ExperimentError(
                f"{opened[0].path}: no answer is about its images as they are now; name the "
                "runs that the quiz was made of (the columns run, seed, class and confidence "
                "say which image it is)"
            )
        top_of: dict[tuple[str, bool], list[bool]] = defaultdict(list)
        shown: dict[Run, list[EliteView]] = {}
        for run in opened if to else ():
            own = [each for each in images if (each.run, each.seed) == (run.name, run.seed)]
            if names := dict.fromkeys(each.name for each in own if each.png):
                shown[run] = [run.elite(name) for name in names]
        if shown:
            found = analysis.transfer(
                [*shown],
                elites=[*shown.values()],
                to=to,
                max_queries=max_queries,
                console=console,
            )
            for run_found in found.runs:
                for place, network in enumerate(found.networks):
                    is_own = network.key == run_found.own
                    sights = [image.networks[place] for image in run_found.classes]
                    top1 = [each.among(1) for each in sights if each.confidence is not None]
                    if is_own or network.experiment:
                        top_of[network.label, is_own] += top1
    judges = [
        NetworkRecognition(
            label=label, own=own, images=len(top1), right=Estimate.wilson(sum(top1), len(top1))
        )
        for (label, own), top1 in top_of.items()
        if top1
    ]
    return Recognition(
        answers=len(rows),
        players=len({row.player for row in rows}),
        repeated=repeated,
        by_network=sum(row.kind == "photograph" and row.known_by != "label" for row in rows),
        kinds=_sum_up(rows, lambda row: KINDS[row.kind]),
        runs=_sum_up(evolved, lambda row: f"{row.run or 'a run'}, seed {row.seed}"),
        bands=_sum_up(evolved, _band),
        by_player=_sum_up(evolved, lambda row: row.player),
        images=tuple(images),
        judges=tuple(judges),
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


def _band(row: QuizAnswer) -> str:
    if row.confidence is None:
        return "not known"
    place = max(1, bisect_left(BANDS, row.confidence))
    return f"{level(BANDS[place - 1])} to {level(BANDS[place])}"


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
