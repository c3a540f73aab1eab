"""What OOD detectors would have caught of some images."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np
import torch

from neatfool.errors import ExperimentError
from neatfool.ood.detector import Detector, MissingPackage, detectors, make_detector
from neatfool.ood.in_distribution import InDistribution, in_distribution
from neatfool.ood.inspected import InspectedTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from neatfool.ood.detector import Needs
    from neatfool.spec.target import Target

_log = logging.getLogger("neatfool.detect")

KEPT: Final = (0.95, 0.99)
"""The usual shares of in-distribution images that a detector lets pass."""


@dataclass(frozen=True)
class Row:
    """A detector's scores. The larger a score, the more outlying the image.

    Attributes:
        name: The detector.
        in_distribution: float64 [F], of the in-distribution images that were held out.
        fooling: float64 [N], of the images that are looked at.
    """

    name: str
    in_distribution: np.ndarray
    fooling: np.ndarray

    @property
    def auroc(self) -> float:
        """How often a fooling image scores higher than an in-distribution one; 0.5 is chance."""
        from scipy.stats import mannwhitneyu

        wins = mannwhitneyu(self.fooling, self.in_distribution).statistic
        return float(wins) / (len(self.fooling) * len(self.in_distribution))

    def threshold(self, kept: float) -> float:
        """Give the highest score that passes, if a share of in-distribution images is to pass."""
        return float(np.quantile(self.in_distribution, kept, method="higher"))

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
        in_distribution: The in-distribution images.
        lacks: A warning of detectors that were fitted to fewer images than features, or nothing.
    """

    rows: list[Row]
    left_out: dict[str, str]
    in_distribution: InDistribution
    lacks: str = ""

    @property
    def best(self) -> Row:
        """The detector that tells images best from in-distribution ones."""
        return max(self.rows, key=lambda row: (row.auroc, -row.passing(KEPT[0])))

    def split(self, sizes: Sequence[int]) -> list[Detection]:
        """Divide it by images: the first ``sizes[0]``, and so on."""
        ends = np.cumsum(sizes)
        parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        return [
            replace(self, rows=[replace(row, fooling=row.fooling[part]) for row in self.rows])
            for part in parts
        ]


@runtime_checkable
class Guarding(Protocol):
    """A target that stands in front of another."""

    inner: Target


def count_images(images: int, known: InDistribution) -> int:
    """Say how many images :func:`detect` asks a target about."""
    return images + len(known.held_out) + known.divided * len(known.fitted)


def behind(target: Target) -> Target:
    """Give the target behind a guard, or the target itself if there is none."""
    return target.inner if isinstance(target, Guarding) else target


def detect(
    target: Target,
    images: Any,
    known: InDistribution | Path | None = None,
    names: Iterable[str] = (),
    note: Callable[[str, int], None] = lambda what, images: None,
) -> Detection:
    """Ask detectors about images that fool a target.

    Args:
        target: The target. A guarded one stands for the target behind its guard.
        images: uint8 [N, C, H, W] of the target's size, as they were saved; at least one.
        known: In-distribution images, or a folder of them; by default the target's own photographs.
        names: The detectors' names; if there are none, all whose names stand alone.
        note: Told what is under way, and how many more images were shown to the target.

    Raises:
        ExperimentError: A name is wrong, no detector works here, or there are no in-distribution
            images.
    """
    target = behind(target)
    if not isinstance(known, InDistribution):
        known = in_distribution(target, known)
    asked, left_out = _make(names or detectors())
    inspected = _inspect(target, asked, left_out)

    def ask(what: str, some: torch.Tensor) -> Any:
        note(what, 0)
        return inspected.ask_all(some, lambda more: note(what, more))

    held_out = ask("in-distribution images", known.held_out)
    fitted = ask("in-distribution images", known.fitted) if known.divided else held_out
    fooling = ask("fooling images", torch.as_tensor(images))
    rows = []
    for name, detector in asked.items():
        note(f"detector {name}", 0)
        try:
            detector.look_at(inspected.head, inspected.module)
            if detector.fits:
                known.check_divided(name)
                detector.fit(fitted)
            scores = [detector.score(each).detach() for each in (held_out, fooling)]
        except ExperimentError as error:
            left_out[name] = str(error)
            continue
        rows.append(Row(name, *(each.double().numpy() for each in scores)))
    if not rows:
        raise ExperimentError(f"no detector works here: {'; '.join(left_out.values())}")
    of_covariance = [row.name for row in rows if asked[row.name].of_covariance]
    lacks = known.lacks(inspected.head.in_features if inspected.head else None, of_covariance)
    if lacks:
        _log.warning("%s", lacks)
    return Detection(rows, left_out, known, lacks)


def _make(names: Iterable[str]) -> tuple[dict[str, Detector], dict[str, str]]:
    """Make detectors; say of which the packages are missing."""
    made: dict[str, Detector] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            made[name] = make_detector(name)
        except MissingPackage as error:
            left_out[name] = str(error)
        except ExperimentError as error:
            raise ExperimentError(f"--detectors {name}: {error}") from error
    return made, left_out


def _inspect(
    target: Target, asked: dict[str, Detector], left_out: dict[str, str]
) -> InspectedTarget:
    """Look into a target for as many detectors as it allows; take the others out."""
    possible: set[Needs] = {"probabilities"}
    InspectedTarget(target, possible)  # what no detector can do without
    for need in sorted({each.needs for each in asked.values()} - possible):
        try:
            InspectedTarget(target, {need})
            possible.add(need)
        except ExperimentError as error:
            for name in [name for name, each in asked.items() if each.needs == need]:
                del asked[name]
                left_out[name] = str(error)
    return InspectedTarget(target, possible)
