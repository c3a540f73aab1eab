"""Acceptance: of which images a classifier is sure enough to be believed, at each threshold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field
from scipy.special import expit, logit

from neatfool.measure import FEWEST, Share, threshold_of
from neatfool.present import MUTED, TICKS, ChartLine, Facts, Table, decimal_odds, lines_of_shares
from neatfool.wording import level, listed, percent, share

from .confidence import EVOLVED, KNOWN, ConfidenceRecord, clip_log_odds
from .recommendation import HeldOutResult, describe_held_out, recommend, split_by_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID: Final = tuple(round(float(1 / (1 + 10**-odds)), 9) for odds in np.arange(-3.6, 7.1, 0.2))
"""The thresholds of the curves: confidences that are even in log-odds."""
RARELY: Final = 0.5
"""A threshold that fewer in-distribution images pass than this is no advice."""
GROUPS: Final = {
    KNOWN: "in-distribution",
    EVOLVED: "evolved",
    "changed": "evolved, changed",
    "noise": "noise",
    "blank": "blanks",
    "texture": "textures",
}
"""The lines of the chart, and their names there."""


class AcceptanceThreshold(Facts):
    """A threshold, and what it does to in-distribution images."""

    name: str = Field(
        description="`yours`: --operating-point; `usual`: 95 % of in-distribution images pass; "
        "`recommended`: fitted to accept at most --max-accepted of each kind of nothing"
    )
    confidence: Share | None = Field(description="the threshold; null if each class has its own")
    log_odds: float | None = Field(description="the same as log-odds, which tell near-certainties")
    by_class: dict[int, float] | None = Field(
        None, description="the log-odds by the class's index, if each has its own; others have none"
    )
    passing: Share | None = Field(description="the share of in-distribution images that pass")
    others: tuple[int, int] | None = Field(
        description="of as many other in-distribution images, how many will pass: a 98 % interval"
    )

    @classmethod
    def of(
        cls, name: str, test: float | dict[int, float], known: ConfidenceRecord | None
    ) -> AcceptanceThreshold:
        """Describe a threshold, in log-odds, perhaps by class."""
        from scipy.stats import betabinom

        passing, others = None, None
        if known is not None:
            number = len(known.log_odds)
            passed = int(known.accepted(test).sum())
            failed = number - passed
            # As Clopper and Pearson do: it holds at least as often as it says.
            low = int(betabinom.ppf(0.01, number, passed, failed + 1)) if passed else 0
            high = int(betabinom.ppf(0.99, number, passed + 1, failed)) if failed else number
            passing, others = passed / number, (low, high)
        one = test if isinstance(test, float) else None
        return cls(
            name=name,
            confidence=None if one is None else round(float(expit(one)), 12),
            log_odds=one,
            by_class=None if isinstance(test, float) else test,
            passing=passing,
            others=others,
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


class KindAcceptance(Facts):
    """How many images of one kind are accepted."""

    kind: str = Field(description="a short name; a change as in `neatfool survive --kinds`")
    group: str = Field(description="what the kind belongs to")
    what: str = Field(description="what they are, in words")
    images: int = Field(description="how many")
    median: Share = Field(description="the median confidence, whatever the class")
    right: Share | None = Field(
        description="the share whose own class, for which they were evolved or shown, is surest"
    )
    accepted: list[int] = Field(description="how many are accepted, for each of `thresholds`")
    accepted_right: list[int] | None = Field(description="of these, how many as their own class")
    curve: list[Share] = Field(description="the share that is accepted, for each of `grid`")

    @classmethod
    def of(
        cls, images: ConfidenceRecord, tests: Sequence[float | dict[int, float]]
    ) -> KindAcceptance:
        """Count what passes each threshold."""
        odds, right = np.array(images.log_odds), images.right if images.own else None
        accepted = [images.accepted(test) for test in tests]
        return cls(
            kind=images.kind,
            group=images.group,
            what=images.what,
            images=len(odds),
            median=expit(np.median(odds)),
            right=None if right is None else right.mean(),
            accepted=[each.sum() for each in accepted],
            accepted_right=None if right is None else [(each & right).sum() for each in accepted],
            curve=[(odds >= least).mean() for least in logit(np.array(GRID))],
        )


class Acceptance(Facts):
    """What is accepted at each threshold."""

    thresholds: list[AcceptanceThreshold] = Field(description="the thresholds that matter")
    kinds: list[KindAcceptance] = Field(description="each kind of images")
    grid: list[Share] = Field(list(GRID), description="the thresholds of each `curve`")
    most: Share = Field(description="the share of each kind of nothing that may be accepted")
    fitted: list[int] = Field(
        [], description="the seeds whose images the recommended threshold was fitted to"
    )
    held_out: list[HeldOutResult] = Field(
        [],
        description="what the recommended threshold accepts of other seeds' images, after the "
        "budget and after `--longer`",
    )
    in_distribution: str | None = Field(description="the in-distribution images, in words")
    by_class: tuple[int, int, int] | None = Field(
        description="of classes with 20 in-distribution images or more: evolved images accepted "
        "with a threshold for each class, those at the usual threshold, and all"
    )

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
        """Give the share of each kind of nothing that is accepted, the largest first."""
        place = self.thresholds.index(threshold)
        parts = [(e.accepted[place] / e.images, e) for e in self.kinds if e.group != KNOWN]
        return sorted(parts, key=lambda part: -part[0])

    def headline(self) -> str:
        """Say what is accepted at the threshold that decides, and at the recommended one."""
        first, best = self.deciding or self.at("recommended"), self.at("recommended")
        if first is None:
            return "No threshold keeps images of nothing out: it is certain of some."
        where = "your threshold of " if first.name == "yours" and first.confidence else ""
        least = f", fitted to accept at most {share(self.most)} of each kind of nothing"
        why = {"usual": ", which 95 % of in-distribution images pass,", "recommended": f"{least},"}
        text = f"At {where}{first}{why.get(first.name, '')} it accepts "
        text += f"{self._counts(first, long=True)}."
        if best is not None and best is not first:
            text += f" At {best}{least}: {self._counts(best)}."
        return text

    def _counts(self, threshold: AcceptanceThreshold, *, long: bool = False) -> str:
        """Count what is accepted: evolved images, others of nothing, and in-distribution ones."""
        names = {
            (EVOLVED,): "evolved images of nothing",
            ("noise", "blank", "texture"): "simple ones (noise, blanks, textures)",
            (KNOWN,): "in-distribution images",
        }
        counts = [(*self.count(threshold, *groups), name) for groups, name in names.items()]
        return listed(
            [f"{n:,} of {all_:,} {name}" if long else f"{n:,}" for n, all_, name in counts if all_]
        )

    @property
    def advisable(self) -> bool:
        """Whether the recommended threshold lets enough in-distribution images pass."""
        best = self.at("recommended")
        return best is not None and (best.passing is None or best.passing >= RARELY)

    def label(self, threshold: AcceptanceThreshold) -> str:
        """Say in short what a threshold is."""
        best = "recommended" if self.advisable else f"fitted: ≤ {share(self.most)}"
        return {"yours": "yours", "usual": "95 % pass"}.get(threshold.name, best)

    def advice(self) -> Iterator[str]:
        """Recommend a threshold, and say what it costs, and what it rests on."""
        best = self.at("recommended")
        most = f"at most {share(self.most)} of each kind of images of nothing"
        if best is None:
            yield f"No threshold keeps images of nothing out: no one accepts {most}."
        elif best.passing is None:
            text = f"A threshold of {best} was fitted to accept {most}."
            yield " ".join(
                [
                    text,
                    "--in-distribution tells what it costs.",
                    *describe_held_out(self.fitted, self.held_out),
                ]
            )
        elif not self.advisable:
            text = (
                f"No threshold is to be recommended: {best}, fitted to accept {most}, costs "
                f"{share(1 - best.passing)} of the in-distribution images. Look at the detectors, "
                "at the chart for a threshold between, or for another network."
            )
            yield " ".join([text, *describe_held_out(self.fitted, self.held_out)])
        else:
            part, whole = self.count(best, KNOWN)
            low, high = best.others or (part, part)
            text = (
                f"Recommended: a threshold of {best}. It was fitted to accept {most}, and costs "
                f"{whole - part:,} of {whole:,} in-distribution images. Of as many others, "
                f"{low:,} to {high:,} will pass (98 % interval)."
            )
            yield " ".join([text, *describe_held_out(self.fitted, self.held_out)])
        if self.by_class is not None:
            own, usual, whole = self.by_class
            yield (
                "With a threshold for each class, which 95 % of its in-distribution images pass, "
                f"it accepts {own:,} of {whole:,} evolved images; with one for all, {usual:,}."
            )

    def tables(self) -> Iterator[Table]:
        """Write a row for each kind of images; a terminal has room for less."""
        heads = [f"at {each} ({self.label(each)})" for each in self.thresholds]
        rows, short = [], []
        for each in self.kinds:
            parts = [share(number / each.images) for number in each.accepted]
            both = [f"{n:,} ({part})" for n, part in zip(each.accepted, parts, strict=True)]
            right = "" if each.right is None else share(each.right)
            rows.append([each.what, f"{each.images:,}", *both, right, percent(each.median)])
            short.append([each.what, f"{each.images:,}", *parts])
            if each.group == KNOWN and each.accepted_right is not None:
                both = [f"{n:,} ({share(n / each.images)})" for n in each.accepted_right]
                rows.append(["of these named rightly", "", *both, "", ""])
        more = ["own class first", "median confidence"]
        yield Table(["images", "number", *heads, *more], rows, where="page")
        yield Table(["images", "number", *heads], short, "What is accepted", where="terminal")

    def draw(self) -> Figure:
        """Draw the share that is accepted over the threshold, for each group of images."""
        lines = []
        for place, (group, name) in enumerate(GROUPS.items()):
            kinds = [each for each in self.kinds if each.group == group]
            if kinds:
                counts = [each.images for each in kinds]
                curve = np.average([each.curve for each in kinds], axis=0, weights=counts)
                lines.append(ChartLine(curve.tolist(), name, place))
        odds = decimal_odds(self.grid)
        lines.sort(key=lambda line: sum(line.values))
        drawn = lines_of_shares(lines, [""] * len(odds), right=176, wide=True)
        (axes,) = drawn.axes

        def at(confidence: float) -> float:
            return float(np.interp(decimal_odds(confidence), odds, np.arange(len(odds))))

        axes.set_xticks([*map(at, TICKS[1:])], [level(tick) for tick in TICKS[1:]])
        axes.set_xlabel("threshold of the confidence", color=MUTED, fontsize=9.75, labelpad=8)
        look: Any = {"xycoords": ("data", "axes fraction"), "color": MUTED, "fontsize": 9}
        for height, each in enumerate(e for e in self.thresholds if e.confidence is not None):
            spot = at(each.confidence or 0.0)
            axes.axvline(spot, color=MUTED, linewidth=1.2, linestyle=(0, (1, 1)))
            look["ha"] = "right" if 2 * spot > len(odds) else "left"
            axes.annotate(f" {each} ({self.label(each)}) ", (spot, 1.02 + 0.05 * height), **look)
        return drawn


def sum_up(
    found: Sequence[ConfidenceRecord],
    text: str | None,
    *,
    yours: float | Mapping[int, float] | None,
    most: float,
    exclusive: bool = True,
    seeds: Sequence[int] = (1,),
    budget: int = 0,
    longer: tuple[int, ConfidenceRecord] | None = None,
) -> Acceptance:
    """Say what is accepted at your threshold, perhaps by class, the usual and the recommended.

    The recommended one is fitted to the first half of the seeds. Others judge it, after the budget
    and, if ``longer`` says with how many images these were evolved, after a longer search.
    """
    groups = {each.group: each for each in found}
    known, by_class = groups.get(KNOWN), None
    tests: dict[str, float | dict[int, float]] = {}
    if isinstance(yours, Mapping):
        tests["yours"] = {place: float(clip_log_odds(logit(each))) for place, each in yours.items()}
    elif yours is not None:
        tests["yours"] = float(clip_log_odds(logit(yours)))
    if known is not None and len(known.log_odds) >= FEWEST:
        usual = tests["usual"] = threshold_of(np.array(known.log_odds))
        evolved, least = groups[EVOLVED], thresholds_by_class(known, exclusive=exclusive)
        these = np.isin(evolved.named, [*least])
        if these.any():
            both = (int((evolved.accepted(each) & these).sum()) for each in (least, usual))
            by_class = (*both, int(these.sum()))
    fitted = [*seeds[: -(-len(seeds) // 2)]] if len(seeds) > 1 else []
    halves = {e.kind: split_by_seed(e, len(fitted)) for e in found if e.group != KNOWN}
    best = recommend([fit for fit, _ in halves.values()], most, known)
    held_out = []
    if best is not None:
        tests["recommended"] = best
        judges = {budget: {kind: rest for kind, (_, rest) in halves.items()}}
        if longer is not None:
            judges[longer[0]] = {EVOLVED: split_by_seed(longer[1], len(fitted))[1]}
        held_out = [
            HeldOutResult.of(best, [*seeds[len(fitted) :]], images, kinds)
            for images, kinds in judges.items()
            if fitted
        ]
    return Acceptance(
        thresholds=[AcceptanceThreshold.of(name, test, known) for name, test in tests.items()],
        kinds=[KindAcceptance.of(each, [*tests.values()]) for each in found],
        most=most,
        fitted=fitted,
        held_out=held_out,
        in_distribution=text,
        by_class=by_class,
    )


def thresholds_by_class(known: ConfidenceRecord, *, exclusive: bool) -> dict[int, float]:
    """Give the threshold that 95 % of a class's in-distribution images pass, if 20 are known."""
    # Where classes do not exclude one another, these are the images of that label.
    classes, odds = (known.named, known.log_odds) if exclusive else (known.own, known.own_log_odds)
    which, values = np.array(classes), np.array(odds)
    kinds, counts = np.unique(which[which >= 0], return_counts=True)
    return {
        int(kind): threshold_of(values[which == kind])
        for kind, count in zip(kinds, counts, strict=True)
        if count >= FEWEST
    }
