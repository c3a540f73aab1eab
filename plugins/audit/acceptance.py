"""Acceptance: of which images a classifier is sure enough to be believed, at each threshold.

The recommended threshold is fitted to meaningless images, and judged by those of other seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field
from scipy.special import expit, logit

from neatfool import present
from neatfool.measure import FEWEST, LIMIT, Estimate, Share
from neatfool.wording import among, level, listed, name_seeds, percent, share

from .bootstrap import threshold_of
from .confidence import EVOLVED, KNOWN, ConfidenceRecord, clip_log_odds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW_EVOLVED: Final = 10
"""Fewer evolved images are too few for a verdict."""
RARELY: Final = 0.5
"""A threshold that fewer in-distribution images pass than this is no advice."""
ROUNDING: Final = 0.02
"""At most this share of in-distribution images is lost so that a threshold has few digits."""
GROUPS: Final = {
    KNOWN: "in-distribution",
    EVOLVED: "evolved",
    "changed": "evolved, changed",
    "noise": "noise",
    "blank": "blanks",
    "texture": "textures",
}
"""The lines of the chart, and their names there."""


MEANINGLESS: Final = ("meaningless image", "meaningless images")
IN_DISTRIBUTION: Final = ("in-distribution image", "in-distribution images")
SIMPLE: Final = ("simple image", "simple images (noise, blanks and textures)")


class AcceptanceThreshold(present.Facts):
    """A threshold, and what it does to in-distribution images."""

    name: str
    """`yours`: --operating-point; `usual`: 95 % of in-distribution images pass; `recommended`:
    fitted to accept at most --max-accepted of each kind of meaningless images"""
    confidence: Share | None
    """the threshold; null if each class has its own"""
    log_odds: float | None
    """the same as log-odds, which tell near-certainties"""
    by_class: dict[int, float] | None = None
    """the log-odds by the class's index, if each has its own; others have none"""
    passing: Share | None
    """the share of in-distribution images that pass"""

    @classmethod
    def of(
        cls, name: str, test: float | dict[int, float], known: ConfidenceRecord | None
    ) -> AcceptanceThreshold:
        """Describe a threshold, in log-odds, perhaps by class."""
        one = test if isinstance(test, float) else None
        return cls(
            name=name,
            confidence=None if one is None else round(float(expit(one)), 12),
            log_odds=one,
            by_class=None if isinstance(test, float) else test,
            passing=None if known is None else known.accepted(test).mean(),
        )

    def least(self, index: int) -> float:
        """Give the log-odds from which a class is accepted."""
        others = np.inf if self.log_odds is None else self.log_odds
        return (self.by_class or {}).get(index, others)

    def __str__(self) -> str:
        """Write it: ``"97 %"``."""
        if self.confidence is None:
            return "your thresholds"
        if self.name == "yours" or (self.name != "usual" and self.confidence <= 1 - 1e-6):
            return level(self.confidence)
        return percent(self.confidence, self.log_odds or 0.0)


class KindAcceptance(present.Facts):
    """How many images of one kind are accepted."""

    kind: str
    """a short name; a change as in `neatfool survive --kinds`"""
    group: str
    """what the kind belongs to"""
    what: str
    """what they are, in words"""
    images: int
    """how many"""
    median: Share
    """the median confidence, whatever the class"""
    right: Share | None
    """the share whose own class, for which they were evolved or shown, is surest"""
    accepted: list[int]
    """how many are accepted, for each of `thresholds`"""
    log_odds: tuple[float, ...] = Field((), exclude=True, repr=False)
    seeds: tuple[int, ...] = Field((), exclude=True, repr=False)

    @classmethod
    def of(
        cls, images: ConfidenceRecord, tests: Sequence[float | dict[int, float]]
    ) -> KindAcceptance:
        """Count what passes each threshold."""
        return cls(
            kind=images.kind,
            group=images.group,
            what=images.what,
            images=len(images.log_odds),
            median=expit(np.median(images.log_odds)),
            right=images.right.mean() if images.own else None,
            accepted=[images.accepted(test).sum() for test in tests],
            log_odds=tuple(images.log_odds),
            seeds=tuple(images.seeds),
        )


class HeldOutResult(present.Facts):
    """What the recommended threshold accepts of images that it was not fitted to."""

    seeds: list[int]
    """the seeds that evolved them"""
    accepted: dict[str, tuple[int, int]]
    """for each kind of meaningless images, how many are accepted, and of how many"""

    def __str__(self) -> str:
        """Say how many evolved images pass."""
        passed, number = self.accepted[EVOLVED]
        part = Estimate.wilson(passed, number).as_share()
        return f"{passed:,} of {number:,} evolved images of {name_seeds(self.seeds)}, {part}"


class Acceptance(present.Facts):
    """What is accepted at each threshold."""

    thresholds: list[AcceptanceThreshold]
    """the thresholds that matter"""
    kinds: list[KindAcceptance]
    """each kind of images"""
    most: Share
    """the share of each kind of meaningless images to be accepted"""
    held_out: HeldOutResult | None = None
    """what the recommended threshold accepts of the seeds that it was not fitted to; null if there
    was only one seed"""
    longer: HeldOutResult | None = None
    """the same after `longer_images`; null without `--longer`"""
    longer_images: int | None = None
    """the images with each seed of `--longer`"""
    in_distribution: str | None
    """the in-distribution images, in words"""

    def at(self, name: str) -> AcceptanceThreshold | None:
        """Give a threshold by its name."""
        return next((each for each in self.thresholds if each.name == name), None)

    @property
    def deciding(self) -> AcceptanceThreshold | None:
        """The threshold that its user has, or else the usual one."""
        return self.at("yours") or self.at("usual")

    def count(self, threshold: AcceptanceThreshold, *groups: str) -> tuple[int, int]:
        """Count the images of some groups that are accepted, and all of them."""
        place = self.thresholds.index(threshold)
        kinds = [each for each in self.kinds if each.group in groups]
        return sum(each.accepted[place] for each in kinds), sum(each.images for each in kinds)

    def worst(self, threshold: AcceptanceThreshold) -> list[tuple[float, KindAcceptance]]:
        """Give the accepted share of each kind of meaningless images, the largest first."""
        place = self.thresholds.index(threshold)
        parts = [(e.accepted[place] / e.images, e) for e in self.kinds if e.group != KNOWN]
        return sorted(parts, key=lambda part: -part[0])

    @property
    def advisable(self) -> bool:
        """Whether the recommended threshold lets enough in-distribution images pass."""
        best = self.at("recommended")
        return best is not None and (best.passing is None or best.passing >= RARELY)

    def label(self, threshold: AcceptanceThreshold) -> str:
        """Say in short what a threshold is."""
        best = "recommended" if self.advisable else "fitted"
        return {"yours": "yours", "usual": "95 % pass"}.get(threshold.name, best)

    def verdict(self) -> str:
        """Say whether a threshold helps, what it keeps and what it stops."""
        best, limit = self.at("recommended"), f"at most {share(self.most)} of each kind"
        if best is None:
            return f"No threshold helps: none accepts {limit} of meaningless images."
        kept, known = self.count(best, KNOWN)
        passed, all_ = self.count(best, *{each.group for each in self.kinds} - {KNOWN})
        stops = f"rejects {among(all_ - passed, all_, *MEANINGLESS)}"
        if not known:
            return f"Accept at {best}: this {stops}."
        if self.advisable:
            images = among(kept, known, *IN_DISTRIBUTION)
            return f"Accept at {best}: this keeps {images} and {stops}."
        return (
            f"No threshold helps: one that accepts {limit} of meaningless images rejects "
            f"{among(known - kept, known, *IN_DISTRIBUTION)}."
        )

    def headline(self) -> str:
        """Say what is accepted at the threshold that decides, or else at the recommended one."""
        threshold = self.deciding or self.at("recommended")
        if threshold is None:
            return "The classifier is so confident of some that every threshold accepts them."
        groups_named = {
            (EVOLVED,): ("evolved image", "evolved images"),
            ("noise", "blank", "texture"): SIMPLE,
            (KNOWN,): IN_DISTRIBUTION,
        }
        counts = [(self.count(threshold, *groups), name) for groups, name in groups_named.items()]
        found = listed([among(*count, *name) for count, name in counts if count[1]])
        usual = "the threshold that 95 % of in-distribution images pass"
        which = {"yours": "your threshold", "usual": usual}.get(threshold.name)
        at = f"{which or f'the {self.label(threshold)} threshold'}, {threshold},"
        return f"At {threshold if threshold.by_class else at} it accepts {found}."

    def advice(self) -> str:
        """Say how the recommended threshold was chosen, and what judges it."""
        best = self.at("recommended")
        if best is None:
            return "Consider a detector, or train with a class for such images."
        text = f"The lowest threshold that accepts at most {share(self.most)} of each kind of "
        text += f"meaningless images is {best}."
        if self.held_out is None:
            return f"{text} With at least two seeds, images of other seeds would test it."
        text += f" On images that were not used to choose it, it accepts {self.held_out}."
        if self.longer is not None:
            text += f" After {self.longer_images:,} images for each seed, it accepts {self.longer}."
        return text

    def judge_longer(self, other: Acceptance, images: int) -> Acceptance:
        """Let the evolved images of a longer search with the same seeds judge the threshold, too.

        Args:
            other: What is accepted after the longer search.
            images: How many images it tried with each seed.
        """
        best, held_out = self.at("recommended"), self.held_out
        if best is None or best.log_odds is None or held_out is None:
            return self
        (evolved,) = (each for each in other.kinds if each.kind == EVOLVED)
        seeds = np.array(evolved.seeds)
        own = seeds >= seeds.max() + 1 - len(held_out.seeds)
        odds = np.array(evolved.log_odds)[own]
        counts = {EVOLVED: (int((odds >= best.log_odds).sum()), len(odds))}
        longer = HeldOutResult(seeds=held_out.seeds, accepted=counts)
        return self.model_copy(update={"longer": longer, "longer_images": images})

    def table(self) -> present.Table:
        """Write a row for each kind of images."""
        rows = [["threshold", "", *map(str, self.thresholds)]]
        for each in self.kinds:
            parts = [share(number / each.images) for number in each.accepted]
            rows.append([f"{each.what} ({each.images:,})", percent(each.median), *parts])
        heads = ["images", "median", *map(self.label, self.thresholds)]
        text = "An image is accepted if the confidence in any class reaches the threshold."
        return present.Table(heads, rows, "Share that is accepted", text)

    def draw(self) -> Figure:
        """Draw the share that is accepted over the threshold, for each group of images."""
        drawn, axes = present.new_axes(1080, 390, right=24, left=52, top=70)
        every = np.concatenate([each.log_odds for each in self.kinds])
        marked = [each for each in self.thresholds if each.log_odds is not None]
        ends = [*np.percentile(every, (1, 99)), *(each.log_odds or 0.0 for each in marked)]
        low, high = max(min(ends), -10.0) - 1, max(ends) + 1
        for (group, name), colour in zip(GROUPS.items(), present.LINE_COLOURS, strict=False):
            some = [each.log_odds for each in self.kinds if each.group == group]
            if some:
                odds = np.concatenate(some).clip(low - 1, high + 1)
                axes.ecdf(odds, complementary=True, label=name, color=colour, linewidth=1.9)
        ticks, names = present.ticks_around(low / np.log(10), high / np.log(10))
        axes.set_xticks(np.array(ticks) * np.log(10), names)
        axes.set_xlim(low, high)
        axes.set_xlabel("threshold of the confidence", color=present.MUTED)
        axes.yaxis.set_major_formatter(lambda value, _: level(value))
        axes.legend(frameon=False, labelcolor="linecolor", loc="best")
        look: Any = {"xycoords": ("data", "axes fraction"), "color": present.MUTED}
        for height, each in enumerate(marked):
            spot = each.log_odds or 0.0
            axes.axvline(spot, color=present.MUTED, linewidth=1.2, linestyle=":")
            # A label near an end grows inwards, so that the figure's edge does not cut it.
            side = ("left", "center", "right")[round(2 * (spot - low) / (high - low))]
            text = f"{each} ({self.label(each)})"
            axes.annotate(text, (spot, 1.03 + 0.06 * height), ha=side, **look)
        return drawn


def sum_up(
    records: Sequence[ConfidenceRecord],
    text: str | None,
    *,
    yours: float | Mapping[int, float] | None,
    most: float,
    seeds: Sequence[int] = (1,),
) -> Acceptance:
    """Say what is accepted at your threshold, perhaps by class, the usual and the recommended."""
    known = next((each for each in records if each.group == KNOWN), None)
    tests: dict[str, float | dict[int, float]] = {}
    if isinstance(yours, Mapping):
        tests["yours"] = {place: float(clip_log_odds(logit(each))) for place, each in yours.items()}
    elif yours is not None:
        tests["yours"] = float(clip_log_odds(logit(yours)))
    if known is not None and len(known.log_odds) >= FEWEST:
        tests["usual"] = threshold_of(np.array(known.log_odds))
    best, held_out = fit_threshold(records, most, seeds)
    if best is not None:
        tests["recommended"] = best
    return Acceptance(
        thresholds=[AcceptanceThreshold.of(name, test, known) for name, test in tests.items()],
        kinds=[KindAcceptance.of(each, [*tests.values()]) for each in records],
        most=most,
        held_out=held_out,
        in_distribution=text,
    )


def fit_threshold(
    records: Sequence[ConfidenceRecord], most: float, seeds: Sequence[int]
) -> tuple[float | None, HeldOutResult | None]:
    """Fit the recommended threshold to the first half of the seeds, and let the others judge it.

    Args:
        records: How sure the classifier is of each kind of images.
        most: The share of each kind of meaningless images that may be accepted.
        seeds: The seeds that evolved images. A single one fits the threshold, and nothing judges.

    Returns:
        The threshold in log-odds, None if there is none, and what it accepts of other images.
    """
    fitted = -(-len(seeds) // 2) if len(seeds) > 1 else 0
    halves = {e.kind: _split(e, fitted) for e in records if e.group != KNOWN}
    known = next((each for each in records if each.group == KNOWN), None)
    best = lowest_threshold([fit for fit, _ in halves.values()], most, known)
    if best is None or not fitted:
        return best, None
    accepted = {kind: (int((odds >= best).sum()), len(odds)) for kind, (_, odds) in halves.items()}
    return best, HeldOutResult(seeds=[*seeds[fitted:]], accepted=accepted)


def _split(images: ConfidenceRecord, fitted: int) -> tuple[np.ndarray, np.ndarray]:
    """Part log-odds in those that fit a threshold, of so many seeds, and all others."""
    odds = np.array(images.log_odds)
    if not fitted:
        return odds, odds[:0]
    # Each second image is taken where no search made them.
    first = np.array(images.seeds) < fitted if images.seeds else np.arange(len(odds)) % 2 == 0
    return odds[first], odds[~first]


def least_threshold(kinds: Sequence[np.ndarray], most: float) -> float:
    """Give the lowest threshold that few enough scores of each kind reach."""
    least = -LIMIT
    for each in kinds:
        falling = np.sort(each)[::-1]
        least = max(least, float(falling[min(int(most * len(falling) + 1e-9), len(falling) - 1)]))
    return float(np.nextafter(least, np.inf))


def lowest_threshold(
    kinds: Sequence[np.ndarray], most: float, known: ConfidenceRecord | None
) -> float | None:
    """Give the lowest threshold, rounded up, that few enough log-odds of each kind reach."""
    above = least_threshold(kinds, most)
    if above > LIMIT:
        return None
    confidence = float(expit(above))
    rest = min(confidence, 1 - confidence)
    odds = np.array([] if known is None else known.log_odds)
    # Two digits of what is left to 0 or to 1; more where rounding costs too many images.
    for digits in range(2, 7) if rest >= 1e-6 else ():
        scale = 10.0 ** (digits - 1 - np.floor(np.log10(rest)))
        rounded = max(above, float(logit(min(1.0, np.ceil(confidence * scale) / scale))))
        if rounded < LIMIT and ((odds >= above) & (odds < rounded)).sum() <= ROUNDING * len(odds):
            return rounded
    return above
