"""``neatfool threshold``: from which confidence on to believe a model, as code to paste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool import (
    ExperimentError,
    Scorer,
    TargetUnavailable,
    behind,
    load_experiment,
    models,
    open_scorer,
    present,
)
from neatfool.measure import FEWEST, Share
from neatfool.models import Photograph, photographs_in, photographs_of
from neatfool.present import FOLDER, FiniteRange, Output
from neatfool.wording import counted, listed, percent, share

from ..acceptance import FEW_EVOLVED, RARELY
from ..command import STANDARD_BUDGET
from ..confidence import EVOLVED, KNOWN
from .decision import OTHERS, Decision, Judgement, decide
from .evidence import Clock, Evidence, shuffle
from .remedies import Remedy, Trial

SIMPLE: Final = ("noise", "blank", "texture")
"""The groups of images that no search made."""
SHARED: Final = 0.5
"""Without a threshold that helps, this part of the time finds evidence, and the rest remedies."""


class ThresholdFinding(present.Finding):
    """From which confidence on a model is to be believed, or what to do where none helps."""

    about: ClassVar[str] = "threshold"

    model: str
    """the model, as the command names it"""
    decision: Decision | None
    """the threshold; null if the model is so confident of some images that none is high enough"""
    most: Share
    """the share of each kind of meaningless images that may be accepted"""
    photographs: int
    """how many photographs the model saw"""
    right: Share | None
    """the share of them that is named as their folder says; null without such folders"""
    searches: int
    """how many searches there were"""
    searched: int
    """images that each of them tried"""
    seconds: float
    """how long it took"""
    remedies: list[Remedy]
    """what was tried because no threshold helps"""
    limits: list[str]
    """what limits the answer"""
    left_out: list[str]
    """what was not tried, and why"""
    description: str
    """what the model says of itself: its images, and how they are scaled"""
    surest: present.Cell | None = Field(None, exclude=True, repr=False)

    @property
    def title(self) -> str:
        """The model."""
        return self.model

    @property
    def judging(self) -> int:
        """How many evolved images judge the threshold."""
        return self.decision.judged.accepted.get(EVOLVED, (0, 0))[1] if self.decision else 0

    def story(self) -> Iterator[present.Block]:
        """Tell the threshold, what it does, what helps in its place, and the code."""
        if self.right is not None and self.right < RARELY:
            yield present.Headline(
                f"The model classifies only {share(self.right)} of the photographs as their "
                "folders say. If it does better elsewhere, target.mean, target.std or "
                "target.class_names are not those that it was trained with."
            )
        searched = counted(self.searched, "image", "images")
        rough = f"After {searched} a search: " if self.searched < STANDARD_BUDGET else ""
        yield present.Headline(f"{rough}{self.verdict()}", picture=self.surest)
        if self.decision is not None:
            yield present.Headline(self._held(self.decision.judged))
        yield present.Text(self._subject())
        yield present.Text(self.description)
        yield from map(present.Note, self.limits)
        if self.judging >= FEW_EVOLVED and self.decision and self.decision.judged.helps:
            yield present.Section("Paste the decision", "It takes the model's probabilities.")
            yield from (present.Code(code, name) for name, code in self.decision.code.items())
        yield present.Section(
            "What each decision accepts",
            "Of images that it was not fitted to. In brackets is the 95 % interval.",
        )
        yield self._table()
        if self.left_out:
            yield present.Note(f"Not tried: {'; '.join(self.left_out).replace('`', '')}.")

    def verdict(self) -> str:
        """Say in a sentence which threshold to take, or that none helps, and what does."""
        limit = f"at most {share(self.most)} of each kind of meaningless images"
        if self.decision is None:
            return f"No threshold helps: none accepts {limit}.{self._instead()}"
        judged = self.decision.judged
        if self.judging < FEW_EVOLVED:
            images = counted(self.judging, "evolved image judges", "evolved images judge")
            return f"No verdict yet: {images} {self.decision}. Give more --seconds."
        if judged.helps:
            kept = judged.kept.as_share()
            return f"Accept at {self.decision}: this keeps {kept} of your photographs."
        lost = share(1 - judged.kept.value)
        why = f"to accept {limit}, it would reject {lost} of your photographs"
        if judged.kept.value >= RARELY:
            why = f"what accepts {limit} accepts more of those that it was not fitted to"
        return f"No threshold helps: {why}.{self._instead()}"

    def _instead(self) -> str:
        """Say what helps in place of a threshold."""
        if not self.remedies:
            return ""
        best = max(self.remedies, key=lambda each: (each.helps, each.judged.gain))
        name, kept = best.name.partition(":")[0], f"{best.judged.kept.as_share()} of them"
        attacked = (
            f"{best.attacked.as_share()} of images evolved against it" if best.attacked else ""
        )
        if not best.helps:
            if not best.judged.kept.value:
                return " Nothing that was tried in its place helps either."
            passing = f", but accepts {attacked}" if attacked else ""
            return f" Nothing that was tried in its place helps: {name} keeps {kept}{passing}."
        passing = f", and accepts {attacked}" if attacked else "; no search has attacked it yet"
        return f" But {name} helps: it keeps {kept}{passing}."

    def _held(self, judged: Judgement) -> str:
        """Say what is accepted of images that were not used to choose."""
        names = {(EVOLVED,): "evolved images", SIMPLE: "simple images (noise, blanks, textures)"}
        names |= {(OTHERS,): "other photographs"} if OTHERS in judged.accepted else {}
        parts = [(judged.share(*groups), name) for groups, name in names.items()]
        found = listed([f"{part} of {name}" for part, name in parts if part != "-"])
        return f"Of images that were not used to choose it, {self.decision} accepts {found}."

    def _subject(self) -> str:
        text = f"{self.model}: {counted(self.photographs, 'photograph', 'photographs')}"
        if self.right is not None:
            text += f", {share(self.right)} of them classified as their folders say"
        text += f"; {counted(self.searches, 'search', 'searches')} of {self.searched:,} images"
        return f"{text}; {self.seconds:.0f} seconds."

    def _table(self) -> present.Table:
        """Write a row for the threshold and each remedy, but only for the best detector."""
        detectors = [e for e in self.remedies if e.name.startswith("detector ")]
        best = max(detectors, key=lambda each: each.judged.gain, default=None)
        hidden = {e.name for e in detectors if e is not best}
        heads = [
            "decision",
            "photographs kept",
            "evolved",
            "simple",
            "evolved against it",
            "others",
        ]
        rows = [
            [
                name,
                judged.kept.as_share(),
                judged.share(EVOLVED),
                judged.share(*SIMPLE),
                attacked,
                judged.share(OTHERS),
            ]
            for name, judged, attacked in self._decisions()
            if name not in hidden
        ]
        text = f"Of {len(detectors)} detectors, only the best is shown." if hidden else ""
        shown = len(heads) - all(OTHERS not in e.accepted for _, e, _ in self._decisions())
        return present.Table(heads[:shown], [row[:shown] for row in rows], text=text)

    def _decisions(self) -> Iterator[tuple[str, Judgement, str]]:
        """Give each decision: its name, what it does, and the share that was evolved against it."""
        if (own := self.decision) is not None:
            yield f"confidence: {own}", own.judged, own.judged.share(EVOLVED)
        for each in self.remedies:
            yield each.name, each.judged, each.attacked.as_share() if each.attacked else "-"

    def records(self) -> present.Records:
        """Give what each decision accepts of each group, one row each."""
        rows = [
            [name, group, of, n]
            for name, judged, _ in self._decisions()
            for group, (n, of) in judged.accepted.items()
        ]
        return present.Records(["decision", "group", "images", "accepted"], rows)


def threshold(
    model: Annotated[str, "MODEL"],
    *,
    photos: Annotated[Path | None, "DIR", FOLDER] = None,
    others: Annotated[Path | None, "DIR", FOLDER] = None,
    max_accepted: Annotated[float, "P", FiniteRange(0, 1, max_open=True)] = 0.01,
    seconds: int = 120,
    overrides: Sequence[str] = (),
    console: Output | None = None,
) -> ThresholdFinding:
    """Find the threshold of a model's confidence, as code to paste.

    You see how many photographs and how many evolved and simple images it accepts, of those that
    were not used to choose it. If none helps, detectors, a class *nothing* and Outlier Exposure
    are tried on the model.

    MODEL is a file (net.onnx), a name (timm:NAME, torchscript:net.pt) or an experiment's file, of
    which the section [target] suffices.

    Args:
        model: The model.
        photos: Photographs of what the model is for; folders in it are classes.
            [default: the model's own]
        others: Photographs of other things, to which nothing is fitted.
        max_accepted: The largest share of each kind of meaningless images that may be accepted.
        seconds: How long it may take. Ctrl-C gives the answer so far.
        overrides: Options of a model's file, as ``target.KEY=VALUE``.
        console: Shows how far it is, and what is known so far.

    Raises:
        ExperimentError: There is no such model, there are no photographs, or it costs something to
            ask the model.
        TargetError: The model cannot be loaded, or failed.

    Examples:
        neatfool threshold net.onnx --photos photographs --html threshold.html
        neatfool threshold tfjs:model.json --photos birds --set target.class_names=labels.txt
        neatfool threshold my_model.ini --photos birds --seconds 20 --json
    """
    console = console or Output(quiet=True)
    with console.status("loading the model"):
        scorer = open_model(model, overrides)
    with closing(scorer), TemporaryDirectory() as folder, console.progress(seconds, "s") as note:
        given = {KNOWN: _photographs(scorer, photos)}
        given |= {OTHERS: shuffle(photographs_in(others))} if others else {}
        clock, remedies, left_out = Clock(note, seconds), list[Remedy](), list[str]()
        evidence = Evidence(scorer, given, clock, Path(folder))
        interrupted = False
        try:
            for _ in evidence.gather():
                decision = decide(evidence.records.values(), evidence.spec, max_accepted)
                helps = decision is not None and decision.judged.helps
                clock.known = f"threshold so far: {decision or 'none'}"
                if evidence.searched:  # Before the first round has ended, there is no answer.
                    clock.deadline = seconds * (1 if helps else SHARED)
        except (TargetUnavailable, KeyboardInterrupt) as end:
            if not evidence.searched:
                raise
            interrupted = isinstance(end, KeyboardInterrupt)
        decision = decide(evidence.records.values(), evidence.spec, max_accepted)
        helps = decision is not None and decision.judged.helps
        if not helps and not interrupted:
            clock.deadline = seconds
            try:
                remedies.extend(Trial(evidence, max_accepted, left_out).run())
            except ExperimentError as error:
                left_out.append(str(error))
            except (KeyboardInterrupt, TargetUnavailable):
                left_out.append("what was left when the time was up")
        known = evidence.records[KNOWN]
        labelled = np.array(known.own) >= 0
        return ThresholdFinding(
            model=model,
            decision=decision,
            most=max_accepted,
            photographs=len(known.named),
            right=float(known.right[labelled].mean()) if labelled.any() else None,
            searches=len(evidence.runs),
            searched=evidence.searched,
            seconds=clock.seconds,
            remedies=remedies,
            limits=[*_limits(evidence, interrupted)],
            left_out=left_out,
            description=scorer.target.describe(),
            surest=_surest(evidence),
        )


def open_model(model: str | Path, overrides: Sequence[str] = ()) -> Scorer:
    """Open an experiment's file, a model by its name, or a model's file by its ending.

    Raises:
        ExperimentError: There is no such model, or it costs something to ask it.
        TargetError: It cannot be loaded.
    """
    settings, file = [*overrides], Path(model)
    with TemporaryDirectory() as folder:
        if file.suffix != ".ini":
            marks = {name: models.ModelName().of(name) for name in models.name_file(str(model))}
            # What runs code of the file must be named in full.
            safe = [name for name, mark in marks.items() if mark and not mark.runs_code]
            file = Path(folder) / "model.ini"
            file.write_text("[target]\nplugin = imagenet\n")
            settings += [f"target.model={safe[0] if len(safe) == 1 else model}"]
        try:
            experiment = load_experiment(file, overrides=settings, to_search=False)
        except ExperimentError as error:
            said = str(error).replace("--set target.model: [target] model", "MODEL")
            raise ExperimentError(said) from error
    if experiment.target.costs:
        raise ExperimentError(
            f"{model}: costs something to ask; use neatfool audit, which has --max-queries"
        )
    scorer = open_scorer(experiment)
    scorer.spec.require_classifier(model, "neatfool threshold")
    return scorer


def _photographs(scorer: Scorer, folder: Path | None) -> list[Photograph]:
    """Give photographs of a folder, or else the model's own, in a random order."""
    found = photographs_in(folder) if folder else photographs_of([behind(scorer.target)])
    if len(found) < FEWEST:
        raise ExperimentError(
            f"--photos: {len(found)} photographs are too few; give a folder with at least {FEWEST}"
        )
    return shuffle(found)


def _surest(evidence: Evidence) -> present.Cell | None:
    """Show the evolved image with the highest confidence, if there is one."""
    found = (elite for run in evidence.runs for elite in run.elites if not elite.rejected)
    best = max(found, key=lambda each: each.rank, default=None)
    if best is None:
        return None
    confidence = present.StrongText(percent(best.confidence, best.rank))
    return present.Cell(best.png, best.name, confidence, "the highest that was found")


def _limits(evidence: Evidence, interrupted: bool) -> Iterator[str]:
    """Say what limits the answer."""
    if interrupted:
        yield "You interrupted the command, so this is the answer so far."
    if evidence.searched < STANDARD_BUDGET:
        yield (
            f"This answer is rough: the searches tried {evidence.searched:,} images each, where an "
            f"audit tries {STANDARD_BUDGET:,}. A longer search finds images of higher confidence; "
            "give it more --seconds."
        )
