"""A decision: from which confidence on an image is accepted. It is fitted, judged, and pasted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import Field
from scipy.special import expit
from scipy.stats import binom

from neatfool import present
from neatfool.measure import Estimate

from .acceptance import RARELY, lowest_threshold
from .confidence import KNOWN, ConfidenceRecord

PARTS: Final = 3
"""Images of each kind are fitted to, chosen by, and judged by: a third each."""
OTHERS: Final = "others"
"""The group of photographs of other things, to which nothing is fitted."""
FEWEST_OF_CLASS: Final = 5
"""A class that fewer meaningless images are named as has the threshold of all."""
WORTH: Final = 0.02
"""Thresholds of classes must keep so much more of the photographs."""
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


class Judgement(present.Facts):
    """What a decision does to images that it was not fitted to."""

    kept: Estimate
    """the share of photographs that is accepted"""
    accepted: dict[str, tuple[int, int]]
    """for each other kind of images, how many are accepted, and of how many"""
    held: bool
    """whether that is no more than chance explains, if the share that was allowed is accepted"""

    @classmethod
    def of(cls, rule: Rule, records: Sequence[ConfidenceRecord], most: float) -> Judgement:
        """Judge a rule by images of each kind; ``most`` is the share that may be accepted."""
        counts = {e.kind: (int(e.accepted(rule).sum()), len(e.log_odds)) for e in records}
        stopped = [e.kind for e in records if e.group not in {KNOWN, OTHERS}]
        chances = [binom.sf(counts[kind][0] - 1, counts[kind][1], most) for kind in stopped]
        kept = counts.pop(KNOWN)
        held = min(chances, default=1.0) >= DOUBT
        return cls(kept=Estimate.wilson(*kept), accepted=counts, held=held)

    @property
    def helps(self) -> bool:
        """Whether enough photographs are kept, and meaningless images are stopped."""
        return self.held and self.kept.value >= RARELY

    @property
    def gain(self) -> float:
        """The share that is kept, less the largest share of another kind that is accepted."""
        return self.kept.value - max(
            (n / max(of, 1) for n, of in self.accepted.values()), default=0
        )


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
    code: dict[str, str] = Field({})
    """the decision as code, by language"""

    @property
    def rule(self) -> Rule:
        """What :meth:`ConfidenceRecord.accepted` takes."""
        return self.by_class or float(self.log_odds or 0.0)


def decide(records: Sequence[ConfidenceRecord], classes: int, most: float) -> Decision | None:
    """Fit a threshold, for each class if that keeps more photographs; None if none is high enough.

    Args:
        records: Photographs, and images of each other kind.
        classes: The number of classes.
        most: The share of each kind of meaningless images that may be accepted.
    """
    if (first := _fit(records, classes, most, 0)) is None:
        return None
    gains = [Judgement.of(e, [part(r, 1) for r in records], most).gain for e in first]
    final = _fit(records, classes, most, 0, 1)
    if final is None:
        return None
    rule = final[gains[1] >= gains[0] + WORTH]
    odds = rule if isinstance(rule, float) else None
    return Decision(
        confidence=None if odds is None else round(float(expit(odds)), 12),
        log_odds=odds,
        by_class=None if isinstance(rule, float) else rule,
        judged=Judgement.of(rule, [part(r, 2) for r in records], most),
    )


def _fit(
    records: Sequence[ConfidenceRecord], classes: int, most: float, *parts: int
) -> tuple[float, dict[int, float]] | None:
    """Fit one threshold, and one for each class: there it is lower if no image reaches it."""
    fitted = [part(e, *parts) for e in records if e.group not in {KNOWN, OTHERS}]
    odds = [np.array(e.log_odds) for e in fitted if e.log_odds]
    known = next(part(e, *parts) for e in records if e.group == KNOWN)
    if (least := lowest_threshold(odds, most, known)) is None:
        return None
    by_class = dict.fromkeys(range(classes), least)
    named, sure = np.concatenate([e.named for e in fitted]), np.concatenate(odds)
    for place in range(classes):
        if (named == place).sum() >= FEWEST_OF_CLASS:
            above = float(np.nextafter(sure[named == place].max(), np.inf))
            by_class[place] = min(least, above)
    return least, by_class


def write_code(decision: Decision, nothing: Sequence[int], *, sums_to_one: bool) -> dict[str, str]:
    """Write a decision as code: a function of probabilities, in each of :data:`LANGUAGES`.

    Near 1, a probability is rounded, and the sum of all others is not; so that is compared.

    Args:
        decision: The decision.
        nothing: The indices of classes that are never accepted.
        sums_to_one: Whether probabilities do. If not, the likeliest one is compared.
    """

    def limit(odds: float) -> float:
        return float(f"{expit(-odds if sums_to_one else odds):.6g}")

    rule = decision.rule
    limits = limit(rule) if isinstance(rule, float) else [*map(limit, rule.values())]
    content: Mapping[str, object] = {
        "limits": repr(limits),
        "by_class": isinstance(limits, list),
        "numbers": repr(limits).strip("[]"),
        "nothing": ", ".join(map(str, nothing)),
        "sums_to_one": sums_to_one,
    }
    forms = Path(__file__).with_name("forms")
    return {
        language: present.fill_template(forms / f"decide.{ending}.j2", content)
        for language, ending in LANGUAGES.items()
    }
