"""Two versions of a classifier: which classes are fooled in one, and not in the other?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import Field

from neatfool.analysis.estimates import Shares
from neatfool.errors import ExperimentError
from neatfool.present.finding import Facts
from neatfool.present.story import Block, Note, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neatfool.analysis.card import Card

Verdict: TypeAlias = Literal["better", "worse", "within chance"]
LEVEL: Final = 0.05
"""A smaller p is beyond chance."""


class Change(Facts):
    """A class that most seeds fool in one version, and not in the other."""

    name: str = Field(description="the class's name")
    seeds: tuple[tuple[int, int], tuple[int, int]] = Field(
        description="in how many seeds it is fooled, and of how many: here and in the baseline"
    )
    p: float = Field(description="Fisher's exact test of these, two-sided")
    verdict: Verdict = Field(
        description="after Benjamini and Hochberg's correction for all classes, at 5 %"
    )


class Versus(Facts):
    """A baseline, an earlier version of the classifier, beside this one."""

    baseline: str = Field(description="the baseline's name")
    threshold: str = Field(description="the threshold of each that decides: `usual` or `yours`")
    classes: int = Field(description="the classes that count in both")
    ours: Shares = Field(description="the share of these that is fooled here")
    theirs: Shares = Field(description="the share that is fooled in the baseline")
    better: int = Field(description="the classes that most seeds fool only in the baseline")
    worse: int = Field(description="the classes that most seeds fool only here")
    p: float = Field(description="McNemar's exact test of these two numbers, two-sided")
    verdict: Verdict = Field(
        description="better or worse if p < 0.05 and the ranges over seeds do not overlap"
    )
    changes: list[Change] = Field(description="each of these classes")
    differs: list[str] = Field(description="in what the two audits differ, other than the version")

    def story(self) -> Iterator[Block]:
        """Tell which version is better, and in which classes."""
        by = "your threshold" if self.threshold == "yours" else "the threshold that 95 % pass"
        p = "p < 0.0001" if self.p < 0.0001 else f"p = {self.p:.2g}"
        yield Section(f"Against {self.baseline}")
        yield Text(
            f"{self.verdict.capitalize()}: an image of nothing reaches {by} in "
            f"{self.ours.as_share()} of {self.classes:,} classes, and in {self.theirs.as_share()} "
            f"in the baseline. {self.worse:,} classes are newly fooled, and {self.better:,} no "
            f"longer (McNemar's exact test, {p})."
        )
        if self.differs:
            yield Note(f"The two audits differ, so do not compare them: {'; '.join(self.differs)}.")
        if self.changes:
            rows = [
                [
                    each.name,
                    *(f"{part} of {whole}" for part, whole in each.seeds),
                    f"{each.p:.2g}",
                    each.verdict,
                ]
                for each in self.changes
            ]
            yield Table(
                ["class", "seeds that fool it here", "in the baseline", "p", "this class is"],
                rows,
                "Classes that changed",
                "p is Fisher's exact test; the verdict is corrected for all classes. Three seeds "
                "against three cannot tell a single class from chance; try --seeds 1-8.",
                words=(0, 4),
                most=12,
            )


def compare_versions(card: Card, baseline: Card, differs: Sequence[str]) -> Versus:
    """Compare a card with that of another version of the classifier.

    Args:
        card: The card.
        baseline: The other one.
        differs: In what the two audits differ, other than the version.

    Raises:
        ExperimentError: They have no threshold of the same kind, or no class in common.
    """
    from scipy.stats import binomtest, false_discovery_control, fisher_exact

    both = [(name, _fooled(card, name), _fooled(baseline, name)) for name in ("yours", "usual")]
    name, here, there = next((each for each in both if each[1] and each[2]), ("", {}, {}))
    common = [each for each in here if each in there]
    if not common:
        raise ExperimentError(
            f"--against {baseline.name}: the two cards have no threshold of one kind, or no class "
            "in common; give --in-distribution or --operating-point to both audits"
        )
    counts = [
        ((sum(x), len(x)), (sum(y), len(y))) for n in common for x, y in [(here[n], there[n])]
    ]
    tests = [
        float(fisher_exact([(part, whole - part) for part, whole in each]).pvalue)
        for each in counts
    ]
    told = false_discovery_control(tests) < LEVEL
    changes = []
    worse = better = 0
    for label, (ours, theirs), p, sure in zip(common, counts, tests, told, strict=True):
        more = (2 * ours[0] > ours[1]) - (2 * theirs[0] > theirs[1])
        worse, better = worse + (more > 0), better + (more < 0)
        if more or sure:
            way: Verdict = "worse" if ours[0] * theirs[1] > theirs[0] * ours[1] else "better"
            verdict: Verdict = way if sure else "within chance"
            changes.append(Change(name=label, seeds=(ours, theirs), p=p, verdict=verdict))
    one, other = (
        Shares.of(sum(column) / len(common) for column in zip(*rows, strict=True))
        for rows in ([here[n] for n in common], [there[n] for n in common])
    )
    p = float(binomtest(worse, worse + better).pvalue) if worse + better else 1.0
    verdict = "within chance"
    if p < LEVEL and (one.lowest > other.highest or one.highest < other.lowest):
        verdict = "worse" if worse > better else "better"
    return Versus(
        baseline=baseline.name,
        threshold=name,
        classes=len(common),
        ours=one,
        theirs=other,
        better=better,
        worse=worse,
        p=p,
        verdict=verdict,
        changes=sorted(changes, key=lambda each: (each.p, each.name)),
        differs=[*differs],
    )


def _fooled(card: Card, name: str) -> dict[str, list[bool]]:
    """Say which classes are fooled at a threshold, by seed; of the usual, those that count."""
    threshold = card.acceptance.at(name)
    if threshold is None:
        return {}
    least = threshold.log_odds
    return {
        each.name: [odds is not None and odds >= least for odds in each.log_odds]
        if least is not None
        else each.accepted
        for each in card.classes
        if each.reached or name != "usual"
    }
