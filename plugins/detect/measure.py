"""Detection: what out-of-distribution (OOD) detectors would have caught of runs' images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool import (
    EliteView,
    ExperimentError,
    Run,
    Target,
    behind,
    choose_elites,
    make_target,
    open_runs,
    open_scorer,
    present,
)
from neatfool.measure import MultiRunResult, RunFacts
from neatfool.ood import DetectionScores, InDistribution, ask_detectors
from neatfool.ood import in_distribution as find_known
from neatfool.wording import among, counted, level, percent, share

KEPT: Final = (0.95, 0.99)
"""The usual shares of in-distribution images that a detector lets pass."""
NOTES: Final = (
    "“Pass at 95 %” is the false positive rate: the share of fooling images that a detector "
    "accepts when it accepts 95 % of in-distribution images.",
    "AUROC is the probability that a fooling image gets a higher outlier score than an "
    "in-distribution one: 1 is perfect, 0.5 is chance, and less means that fooling images look "
    "more typical than real ones.",
    "These images were evolved without knowledge of the detectors, unless the run's target was "
    "guarded. A search that knows the detector can evolve images that pass it.",
)


class DetectorThreshold(present.Facts):
    """A detector's threshold, and what becomes of the fooling images there."""

    kept: float
    """the share of in-distribution images that is to pass"""
    threshold: float
    """the highest score that passes"""
    passing: float
    """the share of fooling images that pass: the false-positive rate"""
    caught: int
    """how many do not pass"""


class DetectorResult(present.Facts):
    """What a detector says of a run's images. The larger a score, the more outlying the image."""

    name: str
    """the detector"""
    looks_at: str
    """what it looks at, in short"""
    auroc: float
    """how often a fooling image scores higher than an in-distribution one"""
    at: tuple[DetectorThreshold, ...]
    """its thresholds"""
    fooling: tuple[float, ...] = Field(exclude=True, repr=False)
    known: tuple[float, ...] = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, name: str, looks_at: str, known: np.ndarray, fooling: np.ndarray) -> DetectorResult:
        """Sum up the scores of in-distribution images, [M], and of fooling ones, [N]."""
        from scipy.stats import mannwhitneyu

        at = []
        for kept in KEPT:
            threshold = float(np.quantile(known, kept, method="higher"))
            caught = int((fooling > threshold).sum())
            passing = 1 - caught / len(fooling)
            at.append(
                DetectorThreshold(kept=kept, threshold=threshold, passing=passing, caught=caught)
            )
        wins = float(mannwhitneyu(fooling, known).statistic)
        return cls(
            name=name,
            looks_at=looks_at,
            auroc=wins / (len(fooling) * len(known)),
            at=tuple(at),
            fooling=tuple(fooling.tolist()),
            known=tuple(known.tolist()),
        )


class InDistributionFacts(present.Facts):
    """The in-distribution images."""

    fitted: int
    """how many the detectors were fitted to"""
    held_out: int
    """how many set the thresholds"""
    text: str
    """where they come from, in words"""


class RunDetection(RunFacts):
    """What detectors say of a run's images."""

    guarded: str | None
    """the detector that guarded the run's target"""
    median_confidence: float
    """of the images, as the run recorded it"""
    in_distribution: InDistributionFacts
    """the in-distribution images"""
    detectors: tuple[DetectorResult, ...]
    """the detectors that work here"""
    left_out: dict[str, str]
    """those that do not, each with the reason"""
    shown: tuple[tuple[str, int, float], ...] = Field(exclude=True, repr=False)

    def headline(self) -> str:
        """Say what the best detector would have caught."""
        known = self.in_distribution.held_out
        if known <= 20:
            return (
                f"{counted(known, 'in-distribution image is', 'in-distribution images are')} too "
                "few to judge a detector. Give at least 21 with --in-distribution FOLDER, better a "
                "thousand."
            )
        best = max(self.detectors, key=lambda each: (each.at[0].caught, each.auroc))
        caught = best.at[0].caught
        images = among(caught, self.elites, "fooling image", "fooling images")
        return (
            f"The best detector, {best.name}, rejects {images} of {self.label} when it "
            f"accepts 95 % of {known:,} in-distribution images."
        )

    def table(self) -> present.Table:
        """Write a row for each detector."""
        guard = f", evolved against the detector {self.guarded}" if self.guarded else ""
        images = counted(self.elites, "fooling image", "fooling images")
        subject = f"{self.label}: {images}, median confidence {percent(self.median_confidence)}"
        rows = []
        for each in self.detectors:
            cells = [
                f"{self.elites - at.caught:,} of {self.elites:,} ({share(at.passing)})"
                for at in each.at
            ]
            rows.append([each.name, *cells, f"{each.auroc:.3f}", each.looks_at])
        heads = ["detector", *(f"pass at {level(kept)}" for kept in KEPT), "AUROC"]
        return present.Table([*heads, "looks at"], rows, f"{subject}{guard}", words=(0, len(heads)))


class Detection(MultiRunResult):
    """What OOD detectors would have caught."""

    about: ClassVar[str] = "what detectors would have caught"

    runs: tuple[RunDetection, ...]
    """what detectors say of each run"""

    def story(self) -> Iterator[present.Block]:
        """Tell what the best detector catches, then all of them."""
        for run in self.runs:
            yield present.Headline(run.headline(), picture=run.picture)
        yield from map(present.Note, dict.fromkeys(run.in_distribution.text for run in self.runs))
        yield present.Section("What passes each detector")
        for run in self.runs:
            yield run.table()
        yield from map(present.Note, NOTES)
        left_out = {name: why for run in self.runs for name, why in run.left_out.items()}
        yield from (
            present.Note(f"Left out: {name}. Reason: {why}.") for name, why in left_out.items()
        )

    def records(self) -> present.Records:
        """Give a row for each image and detector."""
        heads = ("run", "seed", "class", "index", "recorded", "detector", "score")
        rows = []
        for run in self.runs:
            for each in run.detectors:
                for elite, score in zip(run.shown, each.fooling, strict=True):
                    passes = (int(score <= at.threshold) for at in each.at)
                    rows.append((run.path, run.seed, *elite, each.name, score, *passes))
        return present.Records([*heads, *(f"passes_{100 * kept:g}" for kept in KEPT)], rows)


def detect(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    detectors: Sequence[str] = (),
    in_distribution: Annotated[str | Path | None, "FOLDER", present.FOLDER] = None,
    classes: Sequence[str] = (),
    least: float | None = None,
    sample: int | None = None,
    seed: int = 1,
    console: present.Output | None = None,
) -> Detection:
    """Test which detectors (OOD) would reject a run's images.

    Each detector is fitted to in-distribution images. Its threshold is set on others, of which 95
    or 99 % are to pass. You see how many of the run's fooling images pass then, too. A run whose
    target was guarded stands for the target behind the guard.

    An interrupted command begins anew.

    Args:
        runs: The runs, or the folders that hold them.
        detectors: Only these: msp,energy or vim,pytorch-ood:NAME, say; `neatfool plugins list` has
            all names. Some need the package pytorch-ood (`pip install 'neatfool[ood]'`).
            [default: all but pytorch-ood:NAME]
        in_distribution: In-distribution images: MNIST's four idx files (training digits fit the
            detectors, test digits set the thresholds), or photographs, half of them for each.
            [default: the target's own]
        classes: The classes of the elites; all if empty.
        least: Their least recorded confidence.
        sample: How many to draw at random; all if absent.
        seed: The seed of the sample.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no such detector or class, no detector works here, there are no
            in-distribution images, or the target costs something to ask.
        RunError: No elite fits.
        UntrustedRun: Another person made a run.

    Examples:
        neatfool detect runs/mnist-1
        neatfool detect runs/mnist-1 --in-distribution ~/mnist --html detected.html
        neatfool detect runs/imagenet-1 --least 0.9 --in-distribution ~/Pictures --json
        neatfool detect runs/mnist --detectors energy,vim,pytorch-ood:RMD
        neatfool detect runs/mnist-1 runs/mnist_guarded-1 --csv scores.csv
    """
    console = console or present.Output(quiet=True)
    with (
        open_runs(runs, scored=True, for_classifiers="neatfool detect") as opened,
        ExitStack() as ending,
    ):
        chosen = [
            choose_elites(run, classes=classes, least=least, sample=sample, seed=seed)
            for run in opened
        ]
        alike: dict[str, list[int]] = defaultdict(list)
        for place, run in enumerate(opened):
            alike[str(run.info["target"]["fingerprint"])].append(place)
        found: dict[int, RunDetection] = {}
        for places in alike.values():
            with console.status("loading the network"):
                target = _load_target(opened[places[0]], ending)
            known = find_known(behind(target), in_distribution)
            pixels = [elite.saved_pixels() for place in places for elite in chosen[place]]
            total = len(pixels) + len(known.held_out) + known.divided * len(known.fitted)
            with console.progress(total) as note:
                scores = ask_detectors(target, np.stack(pixels), known, detectors, note)
            ends = np.cumsum([len(chosen[place]) for place in places])
            for place, end in zip(places, ends.tolist(), strict=True):
                part = slice(end - len(chosen[place]), end)
                found[place] = _describe(opened[place], chosen[place], scores, part, known)
    return Detection(runs=tuple(found[place] for place in sorted(found)))


def _load_target(run: Run, ending: ExitStack) -> Target:
    """Load what scored a run, of a guarded target the one behind the guard, and close it later."""
    if run.requests:
        raise ExperimentError(
            f"{run.path}: its target costs something to ask, and detectors would ask "
            "it about all in-distribution images. Export its images, and look at them "
            "with a network of your own"
        )
    if guarded := run.experiment["target"].get("guards"):
        return ending.enter_context(closing(make_target(guarded)))
    return ending.enter_context(closing(open_scorer(run))).target


def _describe(
    run: Run,
    elites: Sequence[EliteView],
    scores: DetectionScores,
    part: slice,
    known: InDistribution,
) -> RunDetection:
    """Sum up what detectors say of a part of the images: those of a run."""
    target = run.experiment["target"]
    return RunDetection(
        **RunFacts.facts(run, elites),
        guarded=target["detector"] if "guards" in target else None,
        median_confidence=float(np.median([elite.confidence for elite in elites])),
        in_distribution=InDistributionFacts(
            fitted=len(known.fitted),
            held_out=len(known.held_out),
            text=known.describe(),
        ),
        detectors=tuple(
            DetectorResult.of(name, each.looks_at, each.known, each.images[part])
            for name, each in scores.scores.items()
        ),
        left_out=scores.left_out,
        shown=tuple((each.name, each.index, each.confidence) for each in elites),
    )
