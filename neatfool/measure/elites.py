"""Choosing elites of a run: by class, confidence or chance, or such as are unlike each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.errors import ExperimentError, RunError
from neatfool.measure.likeness import image_features, join_spaces
from neatfool.spec.seeds import derive_seed

if TYPE_CHECKING:
    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer

SAME: Final = 0.999
"""Images that are as alike as this are one image, but for rounding."""


def choose_elites(
    run: Run,
    *,
    classes: Sequence[str] = (),
    least: float | None = None,
    sample: int | None = None,
    seed: int = 1,
    distinct: int | None = None,
) -> list[EliteView]:
    """Choose elites of a run.

    Args:
        run: The run.
        classes: The names or indices of their classes; all if there are none. A text is one name.
        least: Their least recorded confidence, or score in an objective; any if absent.
        sample: How many to draw at random from those; all if absent.
        seed: The seed of the draw.
        distinct: How many to choose of those, images that are unlike each other; all if absent.

    Returns:
        At least one elite: in the order of ``classes``, or in the order of the run's classes if
        that is empty or a sample is drawn.

    Raises:
        ExperimentError: The target has no such class.
        RunError: No elite fits.
    """
    classes = [classes] if isinstance(classes, str) else classes
    elites = [run.elite(name) for name in dict.fromkeys(classes)] if classes else run.elites
    if not elites:
        raise RunError(f"{run.path}: the run has no elites yet; let it go on for a while")
    sure = [elite for elite in elites if least is None or elite.score >= least]
    if not sure:
        most = max(elite.score for elite in elites)
        fault = f"{run.path}: no elite has a {run.spec.score_name} of {least:.12g} or more"
        raise RunError(f"{fault}; the highest is {most:.12g}: give a lower --least")
    if sample is not None:
        # As `neatfool survive` has always drawn it, so that its figures can be repeated.
        sure.sort(key=lambda elite: derive_seed(seed, "survive", "sample", elite.index))
        sure = sorted(sure[:sample], key=lambda elite: elite.index)
    return sure if distinct is None else distinct_elites(sure, distinct)


def check_classes(scorer: Scorer, elites: Sequence[EliteView]) -> None:
    """Refuse a target that does not know the elites' classes."""
    known = {*scorer.spec.classes}
    unknown = [elite.name for elite in elites if elite.name not in known]
    if unknown and not scorer.spec.open:
        fault = f"does not know {len(unknown)} of {len(elites)} classes, for example {unknown[0]!r}"
        advice = "give a target with the same class names, or choose with --classes"
        raise ExperimentError(f"{scorer.name}: {fault}; {advice}")


def distinct_elites(
    elites: Sequence[EliteView], count: int, note: Callable[[], None] = lambda: None
) -> list[EliteView]:
    """Choose elites whose images are unlike each other.

    The surest comes first. Each next one is the least like those chosen so far, by the mean of its
    correlations in layout, texture and colours (a greedy farthest-point choice).

    Args:
        elites: The elites to choose from, at least one.
        count: How many; there are fewer if there are not so many different images.
        note: Called after each image that was read.

    Returns:
        The chosen ones, in the order of ``elites``.
    """
    rows = join_spaces(image_features(elites, note))
    chosen = [max(range(len(elites)), key=lambda place: elites[place].rank)]
    alike = rows @ rows[chosen[0]]
    while len(chosen) < count and alike.min() < SAME:
        chosen.append(int(alike.argmin()))
        alike = np.maximum(alike, rows @ rows[chosen[-1]])
    return [elites[place] for place in sorted(chosen)]
