"""What the runs of an audit found: how soon, and in which classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import CONFIDENCE_THRESHOLDS
from neatfool.analysis import read_course

from .card import Counts, Moment, OfClass, Shares, Until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import Run
    from neatfool.analysis import Course

LEVELS: Final = CONFIDENCE_THRESHOLDS[:3]
"""50, 90 and 99 %."""
MOMENTS: Final = 120
"""The course has at most about so many points: all that a chart can show."""
NAMED: Final = 10
"""How many classes are named that fell first, and how many that resist."""


@dataclass(frozen=True)
class Found:
    """What runs with several seeds found.

    Attributes:
        median: The median confidence over classes at the end.
        rejected: The share of the elites that the classifier is surest show nothing.
        until: For each of :data:`LEVELS`, images until half of the classes had it.
        course: How it came about.
        first: The classes that fell first.
        last: Those that resist most, the most stubborn last.
        classes: How many classes were searched.
    """

    median: Shares
    rejected: Shares
    until: list[Until]
    course: list[Moment]
    first: list[OfClass]
    last: list[OfClass]
    classes: int


def read_found(runs: Sequence[Run]) -> Found:
    """Read what runs found.

    Args:
        runs: Runs of one experiment that differ in their seed, each with at least a generation.
    """
    courses = [read_course(run) for run in runs]
    names = list(dict.fromkeys(name for course in courses for name in course.classes))
    order = _order([_of_class(courses, runs, names, place) for place in range(len(names))])
    named = min(NAMED, -(-len(order) // 2))
    return Found(
        median=Shares.of(course.values["median"][-1] for course in courses),
        rejected=Shares.of(run.rejected / max(1, len(run.elites)) for run in runs),
        until=[
            Until(confidence=level, images=Counts.of(_until(course, level) for course in courses))
            for level in LEVELS
        ],
        course=_moments(courses),
        first=order[:named],
        last=order[max(named, len(order) - named) :],
        classes=len(names),
    )


def _until(course: Course, level: float) -> int | None:
    reached = course.values[f"classes_ge_{level:g}"] * 2 >= len(course.classes)
    return int(course.evaluations[reached.argmax()]) if reached.any() else None


def _moments(courses: Sequence[Course]) -> list[Moment]:
    ends = np.unique(np.concatenate([course.evaluations for course in courses]))
    ends = ends[ends <= min(course.reach for course in courses)]
    some = np.unique(np.linspace(0, len(ends) - 1, min(MOMENTS, len(ends))).round().astype(int))
    grid = ends[some]
    medians = np.array([course.at("median", grid) for course in courses])
    shares = [
        np.median(
            [course.at(f"classes_ge_{level:g}", grid) / len(course.classes) for course in courses],
            axis=0,
        )
        for level in LEVELS
    ]
    return [
        Moment(
            images=int(images),
            median=float(np.median(medians[:, place])),
            lowest=float(medians[:, place].min()),
            highest=float(medians[:, place].max()),
            shares=[float(each[place]) for each in shares],
        )
        for place, images in enumerate(grid)
    ]


def _of_class(
    courses: Sequence[Course], runs: Sequence[Run], names: Sequence[str], place: int
) -> OfClass:
    fell, ends, indices = [], [], []
    for course, run in zip(courses, runs, strict=True):
        own = course.classes.index(names[place]) if names[place] in course.classes else -1
        indices += [run.searched[own]] * (own >= 0)
        mine = course.replaced == own
        above = mine & (course.confidences >= LEVELS[0])
        fell.append(int(course.replaced_at[above].min()) if above.any() else None)
        ends.append(float(course.confidences[mine].max(initial=0.0)))
    return OfClass(
        name=names[place],
        index=indices[0],
        until_half=Counts.of(fell).median,
        confidence=float(np.median(ends)),
    )


def _order(classes: Sequence[OfClass]) -> list[OfClass]:
    """Order classes by when they fell; those that did not fall by their confidence."""

    def key(each: OfClass) -> tuple[float, float]:
        return (np.inf if each.until_half is None else each.until_half, -each.confidence)

    return sorted(classes, key=key)
