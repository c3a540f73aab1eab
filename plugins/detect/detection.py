"""What detectors of the unfamiliar would have caught of some images."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from neatfool import ExperimentError

from ..guarded.classifier import Classifier
from ..guarded.detectors import make_detector
from ..guarded.familiar import Familiar, find_familiar
from ..guarded.names import DETECTORS, check_name, needs_of
from ..guarded.pytorch_ood import MissingPackageError
from ..guarded.target import Guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from neatfool import Target

    from ..guarded.answers import Needs

_log = logging.getLogger("neatfool.detect")

KEPT: Final = (0.95, 0.99)
"""The usual shares of familiar images that a detector lets pass."""


@dataclass(frozen=True)
class Row:
    """A detector's scores. The larger a score, the more outlying the image.

    Attributes:
        name: The detector.
        familiar: float64 [F], of the familiar images that were held out.
        fooling: float64 [N], of the images that are looked at.
    """

    name: str
    familiar: np.ndarray
    fooling: np.ndarray

    @property
    def auroc(self) -> float:
        """How often a fooling image scores higher than a familiar one; 0.5 is chance."""
        from scipy.stats import mannwhitneyu

        wins = mannwhitneyu(self.fooling, self.familiar).statistic
        return float(wins) / (len(self.fooling) * len(self.familiar))

    def threshold(self, kept: float) -> float:
        """Give the highest score that passes, if a share of familiar images is to pass."""
        return float(np.quantile(self.familiar, kept, method="higher"))

    def caught(self, kept: float) -> np.ndarray:
        """Say which images are rejected at that threshold, bools [N]."""
        caught: np.ndarray = self.fooling > self.threshold(kept)
        return caught

    def passing(self, kept: float) -> float:
        """Give the share of images that pass: the false-positive rate."""
        return 1 - float(self.caught(kept).mean())


@dataclass(frozen=True)
class Detection:
    """What detectors say of some images.

    Attributes:
        rows: The detectors that work here.
        left_out: Those that do not, and why.
        familiar: The familiar images.
        features: How many features the network's last layer takes; None if nobody looked at them.
    """

    rows: list[Row]
    left_out: dict[str, str]
    familiar: Familiar
    features: int | None = None

    @property
    def lacks(self) -> str:
        """A warning of detectors that were fitted to fewer images than features, or nothing."""
        return self.familiar.lacks(self.features, [row.name for row in self.rows])

    @property
    def best(self) -> Row:
        """The detector that tells images best from familiar ones."""
        return max(self.rows, key=lambda row: (row.auroc, -row.passing(KEPT[0])))

    def split(self, sizes: Sequence[int]) -> list[Detection]:
        """Divide it by images: the first ``sizes[0]``, and so on."""
        ends = np.cumsum(sizes)
        parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        return [
            replace(self, rows=[replace(row, fooling=row.fooling[part]) for row in self.rows])
            for part in parts
        ]


@dataclass
class _Asked:
    """A classifier, and the detectors that can look at what it says."""

    classifier: Classifier
    names: list[str]
    left_out: dict[str, str] = field(default_factory=dict)


def count_images(images: int, familiar: Familiar) -> int:
    """Say how many images :func:`detect` asks a target about."""
    return images + len(familiar.held_out) + familiar.divided * len(familiar.fitted)


def behind(target: Target) -> Target:
    """Give the target behind a guard, or the target itself if there is none."""
    return target.inner if isinstance(target, Guarded) else target


def detect(
    target: Target,
    images: Any,
    familiar: Familiar | Path | None = None,
    detectors: Sequence[str] = DETECTORS,
    note: Callable[[str, int], None] = lambda what, images: None,
) -> Detection:
    """Ask detectors about images that fool a target.

    Args:
        target: The target. A guarded one stands for the target behind its guard.
        images: uint8 [N, C, H, W] of the target's size, as they were saved; at least one.
        familiar: Familiar images, or a folder of them; by default the target's own photographs.
        detectors: The detectors' names.
        note: Told what is under way, and how many more images were shown to the target.

    Raises:
        ExperimentError: A name is wrong, no detector works here, or there are no familiar images.
    """
    target = behind(target)
    if not isinstance(familiar, Familiar):
        familiar = find_familiar(target, familiar)
    asked = _look_into(target, detectors)

    def ask(what: str, some: torch.Tensor) -> Any:
        note(what, 0)
        return asked.classifier.ask_all(some, lambda more: note(what, more))

    held_out = ask("familiar images", familiar.held_out)
    fitted = ask("familiar images", familiar.fitted) if familiar.divided else held_out
    fooling = ask("fooling images", torch.as_tensor(images))
    rows = []
    for name in asked.names:
        note(f"detector {name}", 0)
        try:
            detector = make_detector(name, asked.classifier.head, asked.classifier.module)
            if detector.fits:
                familiar.check_divided(name)
                detector.fit(fitted)
            scores = [detector.score(each).detach() for each in (held_out, fooling)]
        except ExperimentError as error:
            asked.left_out[name] = str(error)
            continue
        rows.append(Row(name, *(each.double().numpy() for each in scores)))
    if not rows:
        raise ExperimentError(f"no detector works here: {'; '.join(asked.left_out.values())}")
    head = asked.classifier.head
    found = Detection(rows, asked.left_out, familiar, head.in_features if head else None)
    if found.lacks:
        _log.warning("%s", found.lacks)
    return found


def _look_into(target: Target, detectors: Sequence[str]) -> _Asked:
    """Look into a target for as many detectors as it allows."""
    needs: dict[str, Needs] = {}
    left_out = {}
    for name in detectors:
        try:
            check_name(name)
            needs[name] = needs_of(name)
        except MissingPackageError as error:
            left_out[name] = str(error)
        except ValueError as error:
            raise ExperimentError(f"--detectors {name}: {error}") from error
    possible: set[Needs] = {"probabilities"}
    Classifier(target, possible)  # what no detector can do without
    reasons: dict[Needs, str] = {}
    for need in sorted({*needs.values()} - possible):
        try:
            Classifier(target, {need})
            possible.add(need)
        except ExperimentError as error:
            reasons[need] = str(error)
    return _Asked(
        Classifier(target, possible),
        [name for name, need in needs.items() if need in possible],
        left_out | {name: reasons[need] for name, need in needs.items() if need in reasons},
    )
