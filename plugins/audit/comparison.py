"""Two versions of a classifier: which classes are fooled in one, and not in the other?"""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from pydantic import Field

from neatfool.measure import Shares
from neatfool.present import Block, Facts, Note, Section, Table, Text
from neatfool.wording import counted

Verdict: TypeAlias = Literal["better", "worse", "within chance", "not comparable"]
LEVEL: Final = 0.05
"""A smaller p is beyond chance."""
SHOWN: Final = 12
"""So many of the classes that changed are shown, those with the smallest p."""


class ClassChange(Facts):
    """A class that most seeds fool in one version, and not in the other."""

    name: str = Field(description="the class's name")
    seeds: tuple[tuple[int, int], tuple[int, int]] = Field(
        description="in how many seeds it is fooled, and of how many: here and in the baseline"
    )
    p: float = Field(description="Fisher's exact test of these, two-sided")
    verdict: Verdict = Field(
        description="after Benjamini and Hochberg's correction for all classes, at 5 %"
    )


class VersionComparison(Facts):
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
        description="better or worse if p < 0.05 and the ranges over seeds do not overlap; not "
        "comparable if the audits differ"
    )
    changes: list[ClassChange] = Field(description="each of these classes")
    differs: list[str] = Field(description="in what the two audits differ, other than the version")

    def story(self) -> Iterator[Block]:
        """Tell which version is better, and in which classes."""
        by = "your threshold" if self.threshold == "yours" else "the threshold that 95 % pass"
        p = "p < 0.0001" if self.p < 0.0001 else f"p = {self.p:.2g}"
        worse = counted(self.worse, "class is", "classes are")
        yield Section(f"Against {self.baseline}")
        yield Text(
            f"{self.verdict.capitalize()}: an image of nothing reaches {by} in "
            f"{self.ours.as_share()} of {self.classes:,} classes, and in {self.theirs.as_share()} "
            f"in the baseline. {worse} newly fooled, and {self.better:,} no longer "
            f"(McNemar's exact test, {p})."
        )
        if self.differs:
            yield Note(f"The two audits differ, so do not compare them: {'; '.join(self.differs)}.")
        if self.changes:
            rows = [
                [each.name, *(f"{n} of {m}" for n, m in each.seeds), f"{each.p:.2g}", each.verdict]
                for each in self.changes[:SHOWN]
            ]
            count = len(self.changes)
            yield Table(
                ["class", "seeds that fool it here", "in the baseline", "p", "this class is"],
                rows,
                "Classes that changed"
                + (f": the first {SHOWN} of {count:,}; --json has all" if count > SHOWN else ""),
                "p is Fisher's exact test; the verdict is corrected for all classes. Three seeds "
                "against three cannot tell a single class from chance; try --seeds 1-8.",
                words=(0, 4),
            )
