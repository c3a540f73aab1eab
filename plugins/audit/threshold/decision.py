"""A decision: from which confidence on an image is accepted. It is fitted, judged, and pasted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from scipy.special import expit
from scipy.stats import binom

from neatfool import ImageSpec, present
from neatfool.measure import Estimate

from ..acceptance import RARELY, AcceptanceThreshold, least_threshold, lowest_threshold
from ..confidence import KNOWN, ConfidenceRecord

PARTS: Final = 3
"""Images of each kind are fitted to, chosen by, and judged by: a third each."""
OTHERS: Final = "others"
"""The group of photographs of other things, to which nothing is fitted."""
HIGHEST: Final = 10
"""Of so many classes one, as which meaningless images are named most surely, has a threshold higher
than the others."""
WORTH: Final = 0.05
"""Thresholds of classes must keep so much more of the photographs, and accept no more of others."""
DOUBT: Final = 0.01
"""A threshold did not hold if what it accepts would be as much by chance in fewer cases."""
LANGUAGES: Final = {"Python": "py", "JavaScript": "js", "Kotlin": "kt"}

Rule = float | dict[int, float]
"""The least log-odds, or those of each class by its index."""


def part(images: ConfidenceRecord, *parts: int) -> ConfidenceRecord:
    """Give the images of some parts: of evolved ones some seeds, of others each third one."""
    places = np.array(images.seeds or range(len(images.log_odds)))
    rows = np.flatnonzero(np.isin(places % PARTS, parts))
    lists = {name: np.array(getattr(images, name)) for name in ("named", "log_odds")}
    return images.model_copy(update={name: e[rows].tolist() for name, e in lists.items()})


def stopped(records: Sequence[ConfidenceRecord]) -> list[ConfidenceRecord]:
    """Leave out photographs, and kinds without an image."""
    return [e for e in records if e.group not in {KNOWN, OTHERS} and e.log_odds]


def is_held(count: int, total: int, most: float) -> bool:
    """Say whether so many accepted images are no more than chance explains."""
    return bool(binom.sf(count - 1, total, most) >= DOUBT)


class Judgement(present.Facts):
    """What a decision does to images that it was not fitted to."""

    kept: Estimate
    """the share of photographs that is accepted"""
    accepted: dict[str, tuple[int, int]]
    """for each other group of images, how many are accepted, and of how many"""
    helps: bool
    """whether half of the photographs are kept, and no more of each group is accepted than chance
    explains, if the share that was allowed is"""

    @classmethod
    def of(cls, rule: Rule, records: Sequence[ConfidenceRecord], most: float) -> Judgement:
        """Judge a rule by images of each kind; ``most`` is the share that may be accepted."""
        counts = dict[str, tuple[int, int]]()
        for each in records:
            passed, of = counts.get(each.group, (0, 0))
            counts[each.group] = passed + int(each.accepted(rule).sum()), of + len(each.log_odds)
        held = [is_held(*counts[e.group], most) for e in stopped(records)]
        kept = Estimate.wilson(*counts.pop(KNOWN))
        return cls(kept=kept, accepted=counts, helps=all(held) and kept.value >= RARELY)

    @property
    def gain(self) -> float:
        """The share that is kept, less the largest share of another group that is accepted."""
        return self.kept.value - max(n / max(of, 1) for n, of in self.accepted.values())

    def share(self, *groups: str) -> str:
        """Write which share of some groups is accepted: ``"3 % (1 to 8 %)"``, or ``"-"``."""
        counts = [self.accepted.get(group, (0, 0)) for group in groups]
        count, of = (sum(each) for each in zip(*counts, strict=True))
        return Estimate.wilson(count, of).as_share() if of else "-"


class Decision(present.Facts):
    """From which confidence on an image is accepted."""

    confidence: float | None
    """the threshold of the likeliest class's probability; null if each class has its own"""
    log_odds: float | None
    """the same as log-odds, which tell near-certainties"""
    by_class: dict[int, float] | None
    """the log-odds by the class's index, if each has its own"""
    judged: Judgement
    """what it does to images that were not used to choose it"""
    code: dict[str, str]
    """the decision as code, by language"""

    def __str__(self) -> str:
        """Write the threshold: ``"97 %"``."""
        if self.log_odds is None:
            return "a threshold for each class"
        return str(AcceptanceThreshold.of("recommended", self.log_odds, None))


def decide(records: Iterable[ConfidenceRecord], spec: ImageSpec, most: float) -> Decision | None:
    """Fit a threshold, for each class if that keeps more photographs; None if none is high enough.

    Args:
        records: Photographs, and images of each other kind.
        spec: Says which classes there are.
        most: The share of each kind of meaningless images that may be accepted.
    """
    records, count = [*records], len(spec.classes)
    first, final = _fit(records, count, most, 0), _fit(records, count, most, 0, 1)
    if first is None or final is None:
        return None
    one, each = (Judgement.of(rule, [part(e, 1) for e in records], most) for rule in first)
    better = each.kept.value >= one.kept.value + WORTH and all(
        passed <= max(one.accepted[group][0], most * of)
        for group, (passed, of) in each.accepted.items()
    )
    rule = final[better]
    odds = rule if isinstance(rule, float) else None
    return Decision(
        confidence=None if odds is None else round(float(expit(odds)), 12),
        log_odds=odds,
        by_class=None if isinstance(rule, float) else rule,
        judged=Judgement.of(rule, [part(e, 2) for e in records], most),
        code=write_code(rule, spec),
    )


def _fit(
    records: Sequence[ConfidenceRecord], classes: int, most: float, *parts: int
) -> tuple[float, dict[int, float]] | None:
    """Fit one threshold, and a lower one for most classes, as the dictionary has it."""
    known, *_ = (part(e, *parts) for e in records if e.group == KNOWN)
    fitted = stopped([part(e, *parts) for e in records])
    odds = [np.array(e.log_odds) for e in fitted]
    if (least := lowest_threshold(odds, most, known)) is None:
        return None
    surest = np.full(classes, -np.inf)
    for each in fitted:
        np.maximum.at(surest, np.clip(each.named, 0, None), each.log_odds)
    others = surest.argsort()[: -max(1, classes // HIGHEST)]
    some = [each[np.isin(e.named, others)] for e, each in zip(fitted, odds, strict=True)]
    lower = min(least, least_threshold([each for each in some if len(each)], most))
    return least, dict.fromkeys(range(classes), least) | dict.fromkeys(others.tolist(), lower)


def write_code(rule: Rule, spec: ImageSpec) -> dict[str, str]:
    """Write a rule as a function of probabilities, in each of :data:`LANGUAGES`.

    Near 1, a probability is rounded, and the sum of all others is not; so that is compared, unless
    each class has a probability of its own.
    """

    def limit(odds: float) -> float:
        return float(f"{expit(-odds if spec.sums_to_one else odds):.6g}")

    limits = limit(rule) if isinstance(rule, float) else [*map(limit, rule.values())]
    content = {
        "limits": repr(limits),
        "by_class": isinstance(limits, list),
        "nothing": ", ".join(str(spec.classes.index(name)) for name in spec.nothing),
        "sums_to_one": spec.sums_to_one,
    }
    forms = Path(__file__).with_name("forms")
    return {
        language: present.fill_template(forms / f"decide.{ending}.j2", content)
        for language, ending in LANGUAGES.items()
    }
