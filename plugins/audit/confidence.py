"""How sure a classifier is: of in-distribution images, of evolved ones, and of simple ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import ArrayLike
from pydantic import Field
from scipy.special import logit

from neatfool import EliteView, ImageSpec, Run, Scorer, choose_elites, fit_images, rank
from neatfool.measure import LIMIT, all_changes, batch_slices, choose_changes, find_class
from neatfool.ood import InDistribution, simple_images
from neatfool.present import Facts

CHANGES: Final = ("jpeg=75", "blur=1", "move=3")
"""What is done to the images, as ``neatfool survive`` names it; and they are drawn larger."""
SIMPLE_KINDS: Final = 9
"""So many kinds of meaningless images are made without a search; and one from photographs."""
KNOWN: Final = "in-distribution"
EVOLVED: Final = "evolved"


class ConfidenceRecord(Facts):
    """How sure a classifier is of images of one kind. Each image has a place in all lists."""

    kind: str
    """a short name"""
    group: str
    """what the kind belongs to"""
    what: str
    """what they are, in words"""
    named: list[int]
    """the class that it names first; -1 if it is rejected"""
    log_odds: list[float]
    """how sure it is of that"""
    own: list[int] = Field([])
    """the class that it was evolved for, or shows; -1: none"""
    own_log_odds: list[float] = Field([])
    """how sure the classifier is of that"""
    seeds: list[int] = Field([])
    """the place of the run that it is from"""

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
        sample: How many of each kind of simple images.
        transfer: Whether other networks see the evolved ones.
        known: How many in-distribution images there are.
    """
    return evolved * (len(CHANGES) + 1 + transfer) + sample * (SIMPLE_KINDS + (known > 0)) + known


def score_kinds(
    runs: Sequence[Run],
    scorer: Scorer,
    known: InDistribution | None,
    *,
    sample: int,
    note: Callable[[str, int], None],
) -> list[ConfidenceRecord]:
    """Score known images, evolved ones as they are and changed, and simple ones."""
    spec, scored = runs[0].spec, KindScorer(scorer, runs[0].spec, note)
    found = []
    if known is not None:
        own = [find_place(label, spec) for label in known.labels]
        own = own if max(own, default=-1) >= 0 else []
        found.append(scored.score(KNOWN, KNOWN, "in-distribution images", known.unseen, own=own))
    photographs = known.unseen if known else None
    drawn = simple_images(spec, sample, photographs=photographs)
    simple = [scored.score(*each) for each in drawn]
    found.append(read_recorded(runs, logits=scored.logits))
    chosen = [choose_elites(run, sample=sample) for run in runs]
    own = [find_class(elite, scorer.spec.classes) for elites in chosen for elite in elites]
    seeds = [seed for seed, elites in enumerate(chosen) for _ in elites]
    for kind, what, images in _change(runs, chosen):
        found.append(scored.score(kind, "changed", what, images, own=own, seeds=seeds))
    return [*found, *simple]


class KindScorer:
    """Asks a target how sure it is of images; ``logits`` tells if it gave any."""

    def __init__(self, scorer: Scorer, spec: ImageSpec, note: Callable[[str, int], None]) -> None:
        self.scorer, self.note, self.logits = scorer, note, False
        self.nothing = [find_place(each, spec) for each in spec.nothing]

    def score(
        self, kind: str, group: str, what: str, images: torch.Tensor, **lists: list[int]
    ) -> ConfidenceRecord:
        """Score images of a kind; ``lists`` are the classes that they show, and their seeds."""
        self.note(what, 0)
        parts = []
        for some in batch_slices(len(images), self.scorer):
            scores = self.scorer.score(images[some])
            self.logits = scores.logits is not None
            probs = np.asarray(scores.probs, np.float64)
            parts.append(clip_log_odds(rank(scores) if self.logits else logit(probs)))
            # A detector in front rejects the image, or its scores are no numbers.
            parts[-1][probs.max(1) == 0] = -LIMIT
            self.note(what, len(probs))
        odds = np.concatenate(parts)
        named, sure = odds.argmax(1), odds.max(1)
        sure[np.isin(named, self.nothing)] = -LIMIT
        of_own = [
            odds[row, place] if place >= 0 else -LIMIT
            for row, place in enumerate(lists.get("own", ()))
        ]
        return ConfidenceRecord(
            kind=kind,
            group=group,
            what=what,
            named=np.where(sure > -LIMIT, named, -1).tolist(),
            log_odds=sure.tolist(),
            own_log_odds=of_own,
            **lists,
        )


def _change(
    runs: Sequence[Run], chosen: Sequence[Sequence[EliteView]]
) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Change the chosen elites of each run: give the change, what it is in words, and images."""
    spec = runs[0].spec
    texts = [*CHANGES, f"drawn={4 * max(spec.height, spec.width)}"]
    saved = [
        torch.from_numpy(np.stack([elite.saved_pixels() for elite in elites])) for elites in chosen
    ]
    for same in zip(*(choose_changes(all_changes(run, 1), texts) for run in runs), strict=True):
        strength = same[0].strengths[0]
        images = [
            fit_images(change.apply(elites, pixels, strength), spec)
            for change, elites, pixels in zip(same, chosen, saved, strict=True)
        ]
        kind = same[0].kind
        yield f"{kind.name}={strength:g}", f"evolved, {kind.words}", torch.cat(images)


def find_place(name: str, spec: ImageSpec) -> int:
    """Find a class by its name or index; -1 if there is none."""
    if name in spec.classes:
        return spec.classes.index(name)
    return int(name) if name.isdecimal() and int(name) < len(spec.classes) else -1


def read_recorded(runs: Sequence[Run], *, logits: bool) -> ConfidenceRecord:
    """Take what runs recorded of their elites; ``logits`` says whether their targets give them."""
    rows = list[tuple[int, float, int, float, int]]()
    for seed, run in enumerate(runs):
        for elite in run.elites:
            own = named = find_class(elite, run.spec.classes)
            odds = sure = float(clip_log_odds(elite.rank if logits else logit(elite.confidence)))
            if elite.rejected or elite.top1 is False:
                first, confidence = elite.top[0]
                named = find_place(first, run.spec)
                sure = max(odds, float(clip_log_odds(logit(confidence))))
            rows.append((named, -LIMIT if elite.rejected else sure, own, odds, seed))
    names = ("named", "log_odds", "own", "own_log_odds", "seeds")
    lists: Any = dict(zip(names, zip(*rows, strict=True), strict=True))
    return ConfidenceRecord(kind=EVOLVED, group=EVOLVED, what="evolved, as found", **lists)


def clip_log_odds(odds: ArrayLike) -> np.ndarray:
    """Cut log-odds that are infinite, or almost."""
    finite: np.ndarray = np.clip(odds, -LIMIT, LIMIT)
    return finite
