"""Choosing elites of a run to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neatfool.errors import ExperimentError, RunError
from neatfool.fooling.likeness import distinct_elites
from neatfool.search.seeds import derive_seed

if TYPE_CHECKING:
    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer


def choose_elites(
    run: Run,
    *,
    classes: Sequence[str] = (),
    least: float = 0.0,
    sample: int | None = None,
    seed: int = 1,
    distinct: int | None = None,
) -> list[EliteView]:
    """Choose elites of a run.

    Args:
        run: The run.
        classes: The names or indices of their classes; all if there are none. A text is one name.
        least: Their least recorded confidence.
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
    sure = [elite for elite in elites if elite.confidence >= least]
    if not sure:
        most = max(elite.confidence for elite in elites)
        raise RunError(
            f"{run.path}: no elite has a confidence of {least:g} or more; the highest is "
            f"{most:.4g}: give a lower --least"
        )
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
        raise ExperimentError(
            f"{scorer.name}: does not know {len(unknown)} of {len(elites)} classes, for example "
            f"{unknown[0]!r}; give a target with the same class names, or choose with --classes"
        )
