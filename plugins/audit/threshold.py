"""``neatfool threshold``: from which confidence on to believe a model, as code to paste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, ClassVar, Final

import numpy as np

from neatfool import ExperimentError, Scorer, behind, load_experiment, open_scorer, present
from neatfool.measure import FEW, Estimate, Share
from neatfool.models import Photograph, photographs_in, photographs_of
from neatfool.present import FOLDER, FiniteRange, Output
from neatfool.wording import counted, listed, share

from .acceptance import AcceptanceThreshold
from .confidence import EVOLVED, KNOWN, ConfidenceRecord
from .decision import OTHERS, Decision, Judgement, decide, part, write_code
from .evidence import Clock, Evidence
from .remedies import Remedy, Trial, records_of

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
    helps: bool
    """whether the threshold keeps enough photographs, and held on other images"""
    most: Share
    """the share of each kind of meaningless images that may be accepted"""
    photographs: int
    """how many photographs the model saw"""
    right: Share | None
    """the share of them that is named as their folder says; null without such folders"""
    searched: int
    """images that each of three searches tried"""
    seconds: float
    """how long it took"""
    kinds: dict[str, str]
    """the kinds of images, in words"""
    groups: dict[str, str]
    """what each kind belongs to"""
    remedies: list[Remedy]
    """what was tried because no threshold helps"""
    notes: list[str]
    """what to bear in mind"""

    @property
    def title(self) -> str:
        """The model."""
        return self.model

    def story(self) -> Iterator[present.Block]:
        """Tell the threshold, what it does, what helps in its place, and the code."""
        yield present.Headline(self.verdict())
        if self.decision is not None:
            yield present.Headline(self._held(self.decision.judged))
        yield present.Text(self._subject())
        if self.helps and self.decision is not None:
            yield present.Section("Paste the decision", "It takes the model's probabilities.")
            yield from (present.Code(code, name) for name, code in self.decision.code.items())
        yield present.Section(
            "What each decision accepts",
            "Of images that it was not fitted to. In brackets is the 95 % interval.",
        )
        yield self._table()
        yield from map(present.Note, self.notes)

    def verdict(self) -> str:
        """Say in a sentence which threshold to take, or that none helps, and what does."""
        limit = f"at most {share(self.most)} of each kind of meaningless images"
        if self.helps and self.decision is not None:
            kept = self.decision.judged.kept.as_share()
            return f"Accept at {self.threshold()}: this keeps {kept} of your photographs."
        if self.decision is None:
            text = f"No threshold helps: none accepts {limit}."
        elif self.decision.judged.held:
            lost = share(1 - self.decision.judged.kept.value)
            text = f"No threshold helps: to accept {limit}, it rejects {lost} of your photographs."
        else:
            text = (
                "No threshold helps: the highest that is advisable accepts too many images that it "
                "was not fitted to."
            )
        if best := max((e for e in self.remedies if e.helps), key=_gain, default=None):
            kept = best.judged.kept.as_share()
            return f"{text} What does is {best.name}, which keeps {kept} of them."
        return f"{text} Nothing else that was tried does, either." if self.remedies else text

    def threshold(self) -> str:
        """Write the threshold: ``"97 %"``."""
        if self.decision is None:
            return "no threshold"
        if self.decision.confidence is None or self.decision.log_odds is None:
            return "a threshold for each class"
        rule = AcceptanceThreshold.of("recommended", self.decision.log_odds, None)
        return str(rule)

    def _held(self, judged: Judgement) -> str:
        """Say what is accepted of images that were not used to choose."""
        names = {(EVOLVED,): "evolved images", SIMPLE: "simple images (noise, blanks, textures)"}
        names[OTHERS,] = "other photographs"
        counts = [(*self._count(judged, groups), name) for groups, name in names.items()]
        found = listed([f"{n:,} of {of:,} {name}" for n, of, name in counts if of])
        return f"Of images that were not used to choose it, {self.threshold()} accepts {found}."

    def _count(self, judged: Judgement, groups: Sequence[str]) -> tuple[int, int]:
        kinds = [n for kind, n in judged.accepted.items() if self.groups[kind] in groups]
        return sum(n for n, _ in kinds), sum(of for _, of in kinds)

    def _subject(self) -> str:
        text = f"{self.model}: {counted(self.photographs, 'photograph', 'photographs')}"
        if self.right is not None:
            text += f", {share(self.right)} of them classified as their folders say"
        return f"{text}; three searches of {self.searched:,} images; {self.seconds:.0f} seconds."

    def _table(self) -> present.Table:
        """Write a row for the threshold and each remedy."""
        heads = ["decision", "photographs kept", "evolved", "simple", "evolved against it"]
        if others := OTHERS in self.groups:
            heads.append("other photographs")
        rows = []
        for name, judged, attacked in self._decisions():
            cells = [name, judged.kept.as_share()]
            cells += [_share(*self._count(judged, groups)) for groups in ((EVOLVED,), SIMPLE)]
            cells.append("-" if attacked is None else attacked.as_share())
            rows.append([*cells, *[_share(*self._count(judged, [OTHERS]))] * others])
        return present.Table(heads, rows)

    def _decisions(self) -> Iterator[tuple[str, Judgement, Estimate | None]]:
        if self.decision is not None:
            yield f"confidence, {self.threshold()}", self.decision.judged, None
        for each in self.remedies:
            yield f"{each.name} ({each.what})", each.judged, each.attacked

    def records(self) -> present.Records:
        """Give what each decision accepts of each kind, one row each."""
        heads = ["decision", "kind", "group", "images", "accepted"]
        rows = [
            [name, kind, self.groups[kind], of, n]
            for name, judged, _ in self._decisions()
            for kind, (n, of) in judged.accepted.items()
        ]
        return present.Records(heads, rows)


def _gain(remedy: Remedy) -> float:
    return remedy.judged.gain


def _share(count: int, total: int) -> str:
    return Estimate.wilson(count, total).as_share() if total else "-"


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

    You see from which confidence on to believe the model, how many of your photographs that keeps,
    and how many meaningless images it stops: evolved ones, noise, blanks and textures. All of that
    is judged by images that were not used to choose it. Or you see that no threshold helps. Then
    detectors, a class *nothing* and Outlier Exposure are tried on the model.

    MODEL is a file such as net.onnx, net.tflite or net.keras, a name such as timm:NAME or
    torchscript:net.pt, or an experiment's file, of which the section [target] suffices. Load
    TorchScript only from a source that you trust.

    Args:
        model: The model.
        photos: Photographs of what the model is for, which it was not trained on. Folders in it are
            classes.  [default: the model's own]
        others: Photographs of other things. Nothing is fitted to them.
        max_accepted: The largest share of each kind of meaningless images that may be accepted.
        seconds: How long it may take, once the model is loaded. Ctrl-C gives the answer so far.
        overrides: Keys of the experiment, as ``target.KEY=VALUE``: the options of a model's file.
        console: Shows how far it is, and what is known so far.

    Raises:
        ExperimentError: There is no such model, there are no photographs, or it costs something to
            ask the model.
        TargetError: The model cannot be loaded, or failed.

    Examples:
        neatfool threshold net.onnx --photos photographs --html threshold.html
        neatfool threshold timm:resnet18 --photos birds --others holidays
        neatfool threshold tfjs:model.json --photos birds --set target.class_names=labels.txt
        neatfool threshold my_model.ini --photos birds --seconds 20 --json
    """
    console = console or Output(quiet=True)
    with console.status("loading the model"):
        scorer = open_model(model, overrides)
    with closing(scorer), TemporaryDirectory() as folder, console.progress(seconds, "s") as note:
        given = {KNOWN: _photographs(scorer, photos)}
        given |= {OTHERS: _shuffled(photographs_in(others))} if others else {}
        evidence = Evidence(scorer, given, Clock(note, seconds), Path(folder))
        found = _answer(model, evidence, max_accepted, [])
        for _ in evidence.gather():
            found = _answer(model, evidence, max_accepted, [])
            evidence.clock.deadline = seconds * (1 if found is None or found.helps else SHARED)
            evidence.clock.known = "no answer yet" if found is None else _short(found)
        evidence.clock.deadline = seconds
        remedies = list[Remedy]()
        notes = list[str]()
        if found and not found.helps and not evidence.interrupted and EVOLVED in evidence.records:
            trial = Trial(evidence, max_accepted)
            try:
                remedies.extend(trial.run())
            except KeyboardInterrupt:
                evidence.interrupted = True
            notes = [f"Not tried: {each}." for each in trial.left_out]
        found = _answer(model, evidence, max_accepted, remedies, notes)
    if found is None:
        raise ExperimentError("--seconds: time was up before there was an answer; give more")
    return found


def open_model(model: str, overrides: Sequence[str] = ()) -> Scorer:
    """Open an experiment's file, a model by its name, or a model's file by its ending.

    Raises:
        ExperimentError: There is no such model, or it costs something to ask it.
        TargetError: It cannot be loaded.
    """
    ending = Path(model).suffix.removeprefix(".")
    settings = [*overrides]
    with TemporaryDirectory() as folder:
        file = Path(model)
        if ending != "ini":
            file = Path(folder) / "model.ini"
            file.write_text("[target]\nplugin = imagenet\n")
            known = ending in {"onnx", "tflite", "keras"} and Path(model).is_file()
            settings += [f"target.model={ending}:{model}" if known else f"target.model={model}"]
        experiment = load_experiment(file, overrides=settings, to_search=False)
    if experiment.target.costs:
        raise ExperimentError(
            f"{model}: costs something to ask; use neatfool audit, which has --max-queries"
        )
    scorer = open_scorer(experiment)
    scorer.spec.require_classifier(model, "neatfool threshold")
    return scorer


def _photographs(scorer: Scorer, folder: Path | None) -> list[Photograph]:
    if folder is not None:
        return _shuffled(photographs_in(folder))
    if not (own := photographs_of([behind(scorer.target)])):
        raise ExperimentError("--photos: the model brings no photographs along; give a folder")
    return _shuffled(own)


def _shuffled(photographs: Sequence[Photograph]) -> list[Photograph]:
    return [photographs[n] for n in np.random.default_rng(1).permutation(len(photographs))]


def _answer(
    model: str,
    evidence: Evidence,
    most: float,
    remedies: list[Remedy],
    notes: Sequence[str] = (),
) -> ThresholdFinding | None:
    """Say what is known so far; None before there are photographs and meaningless images."""
    records, spec = records_of(evidence), evidence.spec
    if {KNOWN, "texture"} - evidence.records.keys() or not part(records[0], 2).named:
        return None
    decision = decide(records, len(spec.classes), most)
    helps = decision is not None and decision.judged.helps
    if decision is not None:
        nothing = [spec.classes.index(name) for name in spec.nothing]
        code = write_code(decision, nothing, sums_to_one=spec.sums_to_one)
        decision = decision.model_copy(update={"code": code})
    known = records[0]
    labelled = np.array(known.own) >= 0
    return ThresholdFinding(
        model=model,
        decision=decision,
        helps=helps,
        most=most,
        photographs=len(known.named),
        right=float(known.right[labelled].mean()) if labelled.any() else None,
        searched=evidence.searched,
        seconds=evidence.clock.seconds,
        kinds={e.kind: e.what for e in records},
        groups={e.kind: e.group for e in records},
        remedies=remedies,
        notes=[*_limits(evidence, records), *notes],
    )


def _short(found: ThresholdFinding) -> str:
    """Say in some words what is known so far."""
    if found.decision is None:
        return "no threshold so far"
    return f"{found.threshold()} keeps {found.decision.judged.kept.as_share()}"


def _limits(evidence: Evidence, records: Sequence[ConfidenceRecord]) -> Iterator[str]:
    if evidence.interrupted:
        yield "You interrupted the command, so this is the answer so far."
    yield (
        "A longer search finds images of higher confidence. --seconds gives it more time, and "
        "neatfool audit searches with the same budget each time."
    )
    if len(records[0].named) < 3 * FEW:
        yield "The photographs are few, so the shares of them are rough."
