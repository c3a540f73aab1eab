"""Detection: what out-of-distribution (OOD) detectors would have caught of runs' images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

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
)
from neatfool.measure import MultiRunResult, RunFacts
from neatfool.ood import Asked, InDistribution, ask_detectors
from neatfool.ood import in_distribution as find_known
from neatfool.present import (
    FOLDER,
    LINE_COLOURS,
    MUTED,
    Block,
    Chart,
    Facts,
    Headline,
    Note,
    Output,
    Records,
    Section,
    Table,
    new_axes,
)
from neatfool.wording import counted, level, percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEPT: Final = (0.95, 0.99)
"""The usual shares of in-distribution images that a detector lets pass."""
EDGES: Final = (1, 99)
"""What lies outside of these percentiles of either kind of images may lie outside of a chart."""
NOTES: Final = (
    "Pass at 95 % is the share of fooling images that pass where 95 % of in-distribution ones do: "
    "the false-positive rate.",
    "AUROC is how often a fooling image looks more outlying than an in-distribution one: 1 is "
    "always, 0.5 is chance, and less means that fooling images look more usual than real ones.",
    "The images were not made to pass these detectors, unless the run's target was guarded: who "
    "knows the detector can search against it, too.",
)


class DetectorThreshold(Facts):
    """A detector's threshold, and what becomes of the fooling images there."""

    kept: float = Field(description="the share of in-distribution images that is to pass")
    threshold: float = Field(description="the highest score that passes")
    passing: float = Field(
        description="the share of fooling images that pass: the false-positive rate"
    )
    caught: int = Field(description="how many do not pass")


class DetectorResult(Facts):
    """What a detector says of a run's images. The larger a score, the more outlying the image."""

    name: str = Field(description="the detector")
    looks_at: str = Field(description="what it looks at, in short")
    auroc: float = Field(
        description="how often a fooling image scores higher than an in-distribution one"
    )
    at: tuple[DetectorThreshold, ...] = Field(description="its thresholds")
    fooling: tuple[float, ...] = Field(exclude=True, repr=False)
    known: tuple[float, ...] = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, name: str, looks_at: str, known: np.ndarray, fooling: np.ndarray) -> DetectorResult:
        """Sum up the scores of in-distribution images, [M], and of fooling ones, [N]."""
        from scipy.stats import mannwhitneyu

        at = []
        for kept in (*KEPT, 1.0):
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

    def where(self, kept: float) -> DetectorThreshold:
        """Give what happens where a share of in-distribution images is to pass."""
        return next(each for each in self.at if each.kept == kept)

    def draw(self, levels: Sequence[float]) -> Figure:
        """Draw the scores of in-distribution and fooling images, and the thresholds."""
        drawn, axes = new_axes(520, 230, right=16, left=52, bottom=34, top=26)
        both = np.array(self.known), np.array(self.fooling)
        thresholds = [self.where(kept).threshold for kept in levels]
        ends = [*thresholds, *np.percentile(both[0], EDGES), *np.percentile(both[1], EDGES)]
        room = 0.03 * (max(ends) - min(ends) or 1)
        bins = np.linspace(min(ends) - room, max(ends) + room, 36 + 1)
        for values, colour in zip(both, LINE_COLOURS, strict=False):
            look: Any = {"color": colour, "alpha": 0.55, "edgecolor": colour, "linewidth": 0.6}
            shares = np.full(len(values), 1 / len(values))
            axes.hist(values.clip(bins[0], bins[-1]), bins=bins.tolist(), weights=shares, **look)
        look = {"va": "bottom", "color": MUTED, "fontsize": 8.5}
        look["transform"] = axes.get_xaxis_transform()
        for threshold, kept, dashes in zip(thresholds, levels, ((5, 2), (1.5, 1.5)), strict=False):
            axes.axvline(threshold, color=MUTED, linewidth=1.2, linestyle=(0, dashes))
            side = "right" if kept == levels[0] else "left"
            axes.text(threshold, 1.01, level(kept), ha=side, **look)
        axes.yaxis.set_major_formatter(lambda value, _: level(value))
        axes.set_xlim(float(bins[0]), float(bins[-1]))
        return drawn


class InDistributionFacts(Facts):
    """The in-distribution images."""

    source: str = Field(description="where they come from, in words")
    fitted: int = Field(description="how many the detectors were fitted to")
    held_out: int = Field(description="how many set the thresholds")
    divided: bool = Field(description="whether these are different images")
    few: bool = Field(description="whether the rates are rough, as there are few")
    text: str = Field(exclude=True)


class RunDetection(RunFacts):
    """What detectors say of a run's images."""

    guarded: str | None = Field(description="the detector that guarded the run's target")
    median_confidence: float = Field(description="of the images, as the run recorded it")
    in_distribution: InDistributionFacts = Field(description="the in-distribution images")
    warning: str | None = Field(
        description="which detectors were fitted to fewer images than features, and what to do"
    )
    detectors: tuple[DetectorResult, ...] = Field(description="the detectors that work here")
    left_out: dict[str, str] = Field(description="those that do not, each with the reason")
    shown: tuple[tuple[str, int, float], ...] = Field(exclude=True, repr=False)
    in_words: str = Field(exclude=True)

    @property
    def levels(self) -> list[float]:
        """The shares of known images that are to pass: 95 % takes 21 to reject one, 99 % 101."""
        count = self.in_distribution.held_out
        return [kept for kept in KEPT if round(count * (1 - kept), 6) > 1] or [1.0]

    def headline(self) -> str:
        """Say in a sentence or two what the detectors would have caught."""
        known, usual = self.in_distribution.held_out, self.levels[0]
        if usual == 1:
            return (
                f"Only {known:,} in-distribution images are known: too few to say what a detector "
                "would catch. Give more with --in-distribution FOLDER: 21 at least, better a "
                "thousand."
            )
        best = max(self.detectors, key=lambda each: (each.where(usual).caught, each.auroc))
        lowest = min(self.detectors, key=lambda each: each.auroc)
        caught, auroc = best.where(usual).caught, f"AUROC {best.auroc:.3f}"
        text = f"no detector catches any of {self.elites:,}; {best.name} comes nearest ({auroc})"
        if caught:
            part = f"{caught:,} of {self.elites:,} ({share(caught / self.elites)}; {auroc})"
            text = f"the best detector, {best.name}, catches {part}"
        return (
            f"Judged by {known:,} in-distribution images, of which it may reject "
            f"{level(1 - usual)}, {text}. The worst, {lowest.name}, has an AUROC of "
            f"{lowest.auroc:.3f}."
        )

    def table(self) -> Table:
        """Write a row for each detector."""
        guard = f", evolved against the detector {self.guarded}" if self.guarded else ""
        images = counted(self.elites, "fooling image", "fooling images")
        subject = f"{self.label}: {images}, median confidence {self.in_words}{guard}"
        rows = []
        for each in self.detectors:
            cells = [
                f"{self.elites - at.caught:,} of {self.elites:,} ({share(at.passing)})"
                for at in map(each.where, self.levels)
            ]
            rows.append([each.name, *cells, f"{each.auroc:.3f}", each.looks_at])
        heads = ["detector", *(f"pass at {level(kept)}" for kept in self.levels), "AUROC"]
        return Table([*heads, "looks at"], rows, subject, words=(0, len(heads)))


class Detection(MultiRunResult):
    """What OOD detectors would have caught."""

    about: ClassVar[str] = "what detectors would have caught"

    runs: tuple[RunDetection, ...] = Field(description="what detectors say of each run")

    def story(self) -> Iterator[Block]:
        """Tell what the best detector catches, then all of them."""
        for run in self.runs:
            yield Headline(f"{run.label}: {run.headline()}")
        limits = [text for run in self.runs for text in (run.warning, run.in_distribution.text)]
        yield from map(Note, dict.fromkeys(filter(None, limits)))
        yield Section("At a glance")
        for run in self.runs:
            yield run.table()
        yield Section(
            "Scores",
            "Each chart shows a detector's scores of in-distribution (blue) and of fooling images "
            "(orange), as shares of their number. Further to the right is more outlying. A dashed "
            "line is a threshold: what lies right of it is rejected. Left of it lies the written "
            "share of the in-distribution images. Scores outside of a chart are drawn at its edge.",
        )
        for run in self.runs:
            name = f"{run.label}: " if len(self.runs) > 1 else ""
            for each in run.detectors:
                yield Chart(
                    f"Scores of {each.name}: in-distribution and fooling images",
                    lambda each=each, levels=run.levels: each.draw(levels),  # type: ignore[misc]
                    f"{name}{each.name}",
                    f"{each.looks_at} · AUROC {each.auroc:.3f}".removeprefix(" · "),
                )
        yield from map(Note, NOTES)
        left_out = [item for run in self.runs for item in run.left_out.items()]
        for why in dict.fromkeys(why for _, why in left_out):
            names = dict.fromkeys(name for name, reason in left_out if reason == why)
            yield Note(f"Left out: {', '.join(names)}. Reason: {why}.")

    def records(self) -> Records:
        """Give a row for each image and detector."""
        heads = ("run", "seed", "class", "index", "recorded", "detector", "score")
        rows = []
        for run in self.runs:
            for each in run.detectors:
                limits = [each.where(kept).threshold for kept in KEPT]
                for elite, score in zip(run.shown, each.fooling, strict=True):
                    passes = (int(score <= limit) for limit in limits)
                    rows.append((run.path, run.seed, *elite, each.name, score, *passes))
        return Records([*heads, *(f"passes_{100 * kept:g}" for kept in KEPT)], rows)


def detect(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    detectors: Sequence[str] = (),
    in_distribution: Annotated[str | Path | None, "FOLDER", FOLDER] = None,
    classes: Sequence[str] = (),
    least: float = 0.0,
    sample: int | None = None,
    seed: int = 1,
    console: Output | None = None,
) -> Detection:
    """Say what out-of-distribution (OOD) detectors would have caught of RUN.

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
        UntrustedRun: Somebody else made a run.

    Examples:
        neatfool detect runs/mnist-1
        neatfool detect runs/mnist-1 --in-distribution ~/mnist --html detected.html
        neatfool detect runs/imagenet-1 --least 0.9 --in-distribution ~/Pictures --json
        neatfool detect runs/mnist --detectors energy,vim,pytorch-ood:RMD
        neatfool detect runs/mnist-1 runs/mnist_guarded-1 --csv scores.csv
    """
    console = console or Output(quiet=True)
    with open_runs(runs, scored=True) as opened, ExitStack() as ending:
        chosen = [
            choose_elites(run, classes=classes, least=least, sample=sample, seed=seed)
            for run in opened
        ]
        targets: dict[str, Target] = {}
        alike: dict[str, tuple[Target, list[int]]] = {}
        with console.status("loading the networks"):
            for place, run in enumerate(opened):
                if run.requests:
                    raise ExperimentError(
                        f"{run.path}: its target costs something to ask, and detectors would ask "
                        "it about all in-distribution images. Export its images, and look at them "
                        "with a network of your own"
                    )
                recorded = str(run.info["target"]["fingerprint"])
                if recorded not in targets:
                    if guarded := run.experiment["target"].get("guards"):
                        targets[recorded] = ending.enter_context(closing(make_target(guarded)))
                    else:
                        scorer = ending.enter_context(closing(open_scorer(run)))
                        targets[recorded] = scorer.target
                key = targets[recorded].fingerprint() or recorded
                alike.setdefault(key, (targets[recorded], []))[1].append(place)
        found: dict[int, RunDetection] = {}
        for target, places in alike.values():
            known = find_known(behind(target), in_distribution)
            pixels = [elite.saved_pixels() for place in places for elite in chosen[place]]
            total = len(pixels) + len(known.held_out) + known.divided * len(known.fitted)
            with console.progress(total) as note:
                answers = ask_detectors(target, np.stack(pixels), known, detectors, note)
            start = 0
            for place in places:
                part = slice(start, start + len(chosen[place]))
                start = part.stop
                found[place] = _describe(opened[place], chosen[place], answers, part, known)
    return Detection(runs=tuple(found[place] for place in sorted(found)))


def _describe(
    run: Run, elites: Sequence[EliteView], answers: Asked, part: slice, known: InDistribution
) -> RunDetection:
    """Sum up what detectors say of a part of the images: those of a run."""
    counts = {"fitted": len(known.fitted), "held_out": len(known.held_out)}
    facts = {name: getattr(known, name) for name in ("source", "divided", "few")}
    middle, rank = np.median([(e.confidence, e.rank) for e in elites], axis=0).tolist()
    target = run.experiment["target"]
    return RunDetection(
        **RunFacts.facts(run, len(elites)),
        guarded=target["detector"] if "guards" in target else None,
        median_confidence=middle,
        in_words=percent(middle, rank),
        in_distribution=InDistributionFacts(**counts, **facts, text=known.describe()),
        warning=answers.lacks or None,
        detectors=tuple(
            DetectorResult.of(name, each.looks_at, each.known, each.images[part])
            for name, each in answers.scores.items()
        ),
        left_out=answers.left_out,
        shown=tuple((each.name, each.index, each.confidence) for each in elites),
    )
