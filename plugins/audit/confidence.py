"""How sure a classifier is: of in-distribution images, of evolved ones, and of simple ones."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import ArrayLike
from pydantic import Field
from scipy.optimize import brentq
from scipy.special import logit

from neatfool import (
    ExperimentError,
    ImageSpec,
    Run,
    Scorer,
    behind,
    choose_elites,
    fit_images,
    rank,
)
from neatfool.measure import (
    FEWEST,
    LIMIT,
    all_changes,
    batch_slices,
    choose_changes,
    find_class,
    temper,
)
from neatfool.ood import InDistribution, simple_images
from neatfool.ood import in_distribution as find_known
from neatfool.present import Facts

KINDS: Final = ("jpeg=75", "blur=1", "move=3")
"""What is done to the images, as ``neatfool survive`` names it; and they are drawn larger."""
OF_NOTHING: Final = 5
"""So many kinds of images of nothing are made without a search."""
KNOWN: Final = "in-distribution"
EVOLVED: Final = "evolved"
NEW: Final = 0.05
"""Classes are known if at most this share of other images would be named as a further one."""


class ConfidenceRecord(Facts):
    """How sure a classifier is of images of one kind. Each image has a place in all lists."""

    kind: str = Field(description="a short name")
    group: str = Field(description="what the kind belongs to")
    what: str = Field(description="what they are, in words")
    named: list[int] = Field(description="the class that it names first; -1 if it is rejected")
    log_odds: list[float] = Field(description="how sure it is of that")
    own: list[int] = Field([], description="the class that it was evolved for, or shows; -1: none")
    own_log_odds: list[float] = Field([], description="how sure the classifier is of that")
    seeds: list[int] = Field([], description="the place of the run that it is from")

    def accepted(self, thresholds: float | Mapping[int, float]) -> np.ndarray:
        """Say which reach a threshold, perhaps of their class, in log-odds: bools [N]."""
        if isinstance(thresholds, float):
            return np.array(self.log_odds) >= thresholds
        least = [thresholds.get(name, np.inf) for name in self.named]
        return np.array(self.log_odds) >= np.array(least)

    @property
    def right(self) -> np.ndarray:
        """Whether it names a class, and none is surer than an image's own: bools [N]."""
        # Twins differ in their last bits.
        surest = np.array(self.own_log_odds) >= np.array(self.log_odds) - 1e-6
        return surest & (np.array(self.named) >= 0)


def count_queries(evolved: int, sample: int, *, transfer: bool = False, known: int = 0) -> int:
    """Count the images that an audit shows to its target after the search.

    Args:
        evolved: How many evolved images are looked at.
        sample: How many of each kind of images of nothing that no search made.
        transfer: Whether other networks see the evolved ones.
        known: How many in-distribution images there are.
    """
    return evolved * (len(KINDS) + 1 + transfer) + sample * OF_NOTHING + known


def score_kinds(
    runs: Sequence[Run],
    scorer: Scorer,
    known: InDistribution | None,
    *,
    sample: int,
    note: Callable[[str, int], None],
) -> tuple[list[ConfidenceRecord], bool]:
    """Score known images, evolved ones as they are and changed, and some of nothing.

    Returns:
        How sure the target is of each kind, and whether it gives logits.
    """
    kind_scorer, spec = _KindScorer(runs, scorer, note), runs[0].spec
    chosen = [choose_elites(run, sample=sample) for run in runs]
    found = []
    if known is not None:
        own = [kind_scorer.place(label) for label in known.labels]
        own = own if max(own, default=-1) >= 0 else []
        kind = (KNOWN, KNOWN, "in-distribution images")
        found.append(kind_scorer.score(kind, known.unseen, own))
    simple = [kind_scorer.score(kind, images) for *kind, images in simple_images(spec, sample)]
    found.append(read_recorded(runs, logits=kind_scorer.logits))
    texts = [*KINDS, f"drawn={4 * max(spec.height, spec.width)}"]
    own = [find_class(elite, scorer.spec.classes) for elites in chosen for elite in elites]
    seeds = [seed for seed, elites in enumerate(chosen) for _ in elites]
    saved = [
        torch.from_numpy(np.stack([elite.saved_pixels() for elite in elites])) for elites in chosen
    ]
    for same in zip(*(choose_changes(all_changes(run, 1), texts) for run in runs), strict=True):
        strength = same[0].strengths[0]
        images = [
            fit_images(change.apply(elites, pixels, strength), spec)
            for change, elites, pixels in zip(same, chosen, saved, strict=True)
        ]
        # Where one strength is picked, it is the usual one.
        what = f"evolved, {same[0].kind.words}"
        kind = (f"{same[0].kind.name}={strength:g}", "changed", what)
        found.append(kind_scorer.score(kind, torch.cat(images), own, seeds))
    return [*found, *simple], kind_scorer.logits


def describe_known(known: InDistribution, spec: ImageSpec) -> str:
    """Say which in-distribution images there are, and which of their labels are no classes."""
    indices = map(str, range(len(spec.classes)))
    unknown = sorted({*known.labels} - {"", *spec.classes, *indices})
    text = f"{len(known.unseen):,} in-distribution images ({known.source})"
    if unknown:
        names = ", ".join(map(repr, unknown[:3])) + ("" if len(unknown) < 4 else " …")
        text += f", with labels ({len(unknown):,}) that are no classes of the network: {names}"
    return text


def match_temperature(
    scorer: Scorer, confidence: float, in_distribution: str | Path | None = None
) -> float:
    """Find the temperature at which a target's median confidence is as wanted.

    Args:
        scorer: The target.
        confidence: The median confidence in in-distribution images, whatever the class.
        in_distribution: These images; by default the target's own.

    Returns:
        What to divide logits by, ``[target] logit_temperature``; four digits of it.

    Raises:
        ExperimentError: There are no such images, or no temperature gives that confidence.
    """
    if scorer.costs:
        raise ExperimentError(f"{scorer.name}: is metered; a temperature is for your own network")
    scores = scorer.score(find_known(behind(scorer.target), in_distribution).unseen)

    def excess(logarithm: float) -> float:
        odds = clip_log_odds(rank(temper(scores, scorer.spec, np.exp(logarithm))))
        return float(np.median(odds.max(1)) - logit(confidence))

    ends = np.log((1e-3, 1e3))
    if excess(ends[0]) < 0 or excess(ends[1]) > 0:
        raise ExperimentError(
            f"{scorer.name}: no temperature gives in-distribution images a median confidence of "
            f"{confidence:g}; choose another between 1 / {len(scorer.spec.classes):,} and 1"
        )
    return float(f"{np.exp(brentq(excess, *ends, xtol=1e-6)):.4g}")


def find_reached(scorer: Scorer, in_distribution: str | Path | None = None) -> list[str]:
    """Find the few classes of many that in-distribution images are named as; none if they are many.

    A search for thousands of dead classes would spend its images on them. None, too, if
    images are too few to tell, or classes do not exclude one another. The share of images that are
    alone in their class says how often another would be named as a further one (Good and Turing).

    Raises:
        ExperimentError: The images cannot be read.
    """
    spec, target = scorer.spec, behind(scorer.target)
    if scorer.costs or not spec.sums_to_one:
        return []
    if in_distribution is None and len(target.photographs()) < FEWEST:
        return []
    images = find_known(target, in_distribution).unseen
    counts = np.zeros(len(spec.classes), int)
    for some in batch_slices(len(images), scorer):
        odds = rank(scorer.score(images[some]))
        counts += np.bincount(odds.argmax(1), minlength=len(counts))
        if 2 * np.count_nonzero(counts) >= len(counts):
            return []
    if len(images) < FEWEST or (counts == 1).sum() > NEW * len(images):
        return []
    return [
        name if spec.class_index(name) == place and not name.startswith("@") else str(place)
        for place, name in enumerate(spec.classes)
        if counts[place] and name not in spec.nothing
    ]


class _KindScorer:
    """Asks the target of runs how sure it is."""

    def __init__(
        self, runs: Sequence[Run], scorer: Scorer, note: Callable[[str, int], None]
    ) -> None:
        self.runs, self.scorer, self._note = runs, scorer, note
        self.logits = False

    def score(
        self,
        kind: Sequence[str],
        images: torch.Tensor,
        own: Sequence[int] = (),
        seeds: Sequence[int] = (),
    ) -> ConfidenceRecord:
        """Score images of a kind (its name, group and words), perhaps each with its own class."""
        facts, what = dict(zip(("kind", "group", "what"), kind, strict=True)), kind[-1]
        nothing = [self.place(each) for each in self.runs[0].spec.nothing]
        named, sure, of_own = list[int](), list[float](), list[float]()
        for some in batch_slices(len(images), self.scorer):
            self._note(what, 0)
            scores = self.scorer.score(images[some])
            self.logits = scores.logits is not None
            probs = np.asarray(scores.probs, np.float64)
            odds = clip_log_odds(rank(scores) if self.logits else logit(probs))
            # A detector in front rejects the image, or its scores are no numbers.
            odds[probs.max(1) == 0] = -LIMIT
            of_own += [
                float(odds[row, place]) if 0 <= place < odds.shape[1] else -LIMIT
                for row, place in enumerate(own[some])
            ]
            first, best = odds.argmax(1), odds.max(1)
            best[np.isin(first, nothing)] = -LIMIT
            named += np.where(best > -LIMIT, first, -1).tolist()
            sure += best.tolist()
            self._note(what, len(odds))
        lists: dict[str, Any] = {"own": own, "own_log_odds": of_own, "seeds": seeds}
        return ConfidenceRecord(**facts, named=named, log_odds=sure, **lists)

    def place(self, name: str) -> int:
        """Find a class by its name or index; -1 if there is none."""
        return _place(name, self.scorer.spec.classes)


def _place(name: str, classes: Sequence[str]) -> int:
    if name in classes:
        return classes.index(name)
    return int(name) if name.isdecimal() and int(name) < len(classes) else -1


def read_recorded(runs: Sequence[Run], *, logits: bool) -> ConfidenceRecord:
    """Take what runs recorded of their elites; ``logits`` says whether their targets give them."""
    rows = []
    for seed, run in enumerate(runs):
        classes = run.spec.classes
        for elite in run.elites:
            own = named = find_class(elite, classes)
            odds = sure = float(clip_log_odds(elite.rank if logits else logit(elite.confidence)))
            if elite.rejected or elite.top1 is False:
                first, confidence = elite.top[0]
                named = _place(first, classes)
                sure = (
                    -LIMIT if elite.rejected else max(odds, float(clip_log_odds(logit(confidence))))
                )
            rows.append((named, sure, own, odds, seed))
    names = ("named", "log_odds", "own", "own_log_odds", "seeds")
    lists: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True))
    return ConfidenceRecord(kind=EVOLVED, group=EVOLVED, what="evolved, as found", **lists)


def clip_log_odds(odds: ArrayLike) -> np.ndarray:
    """Cut log-odds that are infinite, or almost."""
    finite: np.ndarray = np.clip(odds, -LIMIT, LIMIT)
    return finite
