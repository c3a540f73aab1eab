"""Asking OOD detectors about images that fool a target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from neatfool.errors import ExperimentError
from neatfool.ood.detector import Detector, MissingPackage, detector_names, make_detector
from neatfool.ood.inspected import InspectedTarget

if TYPE_CHECKING:
    import numpy as np

    from neatfool.ood.detector import Needs
    from neatfool.ood.in_distribution import InDistribution
    from neatfool.spec.target import Target

_log = logging.getLogger("neatfool.detect")


class Outlying(NamedTuple):
    """A detector's scores. The larger a score, the more outlying the image.

    Attributes:
        looks_at: What the detector looks at, in a few words.
        known: float64 [M], of the in-distribution images that were held out.
        images: float64 [N], of the images that were asked about.
    """

    looks_at: str
    known: np.ndarray
    images: np.ndarray


class Asked(NamedTuple):
    """What detectors say of some images.

    Attributes:
        scores: Those of each detector that works here, by name.
        left_out: The detectors that do not, and why.
        lacks: A warning of detectors that were fitted to fewer images than features, or nothing.
    """

    scores: dict[str, Outlying]
    left_out: dict[str, str]
    lacks: str


class Guarding:
    """Marks a target that stands in front of another, its ``inner``; detectors look at that."""

    inner: Target


def behind(target: Target) -> Target:
    """Give the target behind a guard, or the target itself if there is none."""
    return target.inner if isinstance(target, Guarding) else target


def ask_detectors(
    target: Target,
    images: Any,
    known: InDistribution,
    names: Iterable[str] = (),
    note: Callable[[str, int], None] = lambda stage, images: None,
) -> Asked:
    """Ask detectors about images that fool a target.

    Args:
        target: The target. A guarded one stands for the target behind its guard.
        images: uint8 [N, C, H, W] of the target's size; at least one.
        known: In-distribution images.
        names: The detectors' names; if there are none, all whose names stand alone.
        note: Told what is under way, and how many more images were shown to the target.

    Raises:
        ExperimentError: A name is wrong, or no detector works here.
    """
    left_out: dict[str, str] = {}
    names = [names] if isinstance(names, str) else names
    detectors = _make(names or detector_names(), left_out)
    inspected = _inspect(behind(target), detectors, left_out)

    def ask(stage: str, some: torch.Tensor) -> Any:
        note(stage, 0)
        return inspected.ask_all(some, lambda more: note(stage, more))

    held_out = ask("in-distribution images", known.held_out)
    fitted = ask("in-distribution images", known.fitted) if known.divided else held_out
    fooling = ask("fooling images", torch.as_tensor(images))
    scores = {}
    for name, detector in detectors.items():
        note(f"detector {name}", 0)
        try:
            detector.look_at(inspected.head, inspected.module)
            if detector.fits:
                known.check_divided(name)
                detector.fit(fitted)
            both = [detector.score(each).detach().double() for each in (held_out, fooling)]
        except ExperimentError as error:
            left_out[name] = str(error)
            continue
        scores[name] = Outlying(detector.looks_at, both[0].numpy(), both[1].numpy())
    if not scores:
        raise ExperimentError(f"no detector works here: {'; '.join(left_out.values())}")
    of_covariance = [name for name in scores if detectors[name].of_covariance]
    lacks = known.lacks(inspected.head.in_features if inspected.head else None, of_covariance)
    if lacks:
        _log.warning("%s", lacks)
    return Asked(scores, left_out, lacks)


def _make(names: Iterable[str], left_out: dict[str, str]) -> dict[str, Detector]:
    """Make detectors; say of which the packages are missing."""
    made: dict[str, Detector] = {}
    for name in names:
        try:
            made[name] = make_detector(name)
        except MissingPackage as error:
            left_out[name] = str(error)
        except ExperimentError as error:
            raise ExperimentError(f"--detectors {name}: {error}") from error
    return made


def _inspect(
    target: Target, detectors: dict[str, Detector], left_out: dict[str, str]
) -> InspectedTarget:
    """Look into a target for as many detectors as it allows; take the others out."""
    possible: set[Needs] = {"probabilities"}
    InspectedTarget(target, possible)  # what no detector can do without
    for need in sorted({each.needs for each in detectors.values()} - possible):
        try:
            InspectedTarget(target, {need})
            possible.add(need)
        except ExperimentError as error:
            for name in [name for name, each in detectors.items() if each.needs == need]:
                del detectors[name]
                left_out[name] = str(error)
    return InspectedTarget(target, possible)
