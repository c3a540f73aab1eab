"""Changes the images of runs' elites in many ways, and scores them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from neatfool.measure.facts import OfRun, in_steps, place_of
from .finding import Kind, Point, Survival, Survived
from neatfool import ExperimentError, nearest
from neatfool import choose_elites
from neatfool.fooling.choosing import check_classes
from neatfool import open_runs, open_scorer
from neatfool import views
from neatfool.present import Output
from neatfool import encode_png
from neatfool import EliteView
from neatfool import Run
from neatfool import Scorer
from neatfool import derive_seed
from neatfool import fit_images
from neatfool import View
from neatfool.wording import counted

DRAWN, SHARP = "drawn", "sharp"
"""The names of the changes that are no views, as they need the genome."""
SIZES: Final = (0.5, 2, 4, 8)
"""How large images are drawn, in sizes of the target's: 112 to 1792 pixels for 224."""


def survive(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    kinds: Sequence[str] = (),
    classes: Sequence[str] = (),
    least: float = 0.0,
    sample: int | None = None,
    target: str | Path | None = None,
    seed: int = 1,
    max_queries: int | None = None,
    console: Output | None = None,
) -> Survival:
    """Change the images of runs' elites in many ways, and score them again.

    Args:
        runs: The runs, or the folders that hold them.
        kinds: What to do, as ``"jpeg"`` or with strengths as ``"jpeg=75/50"``; all if empty.
        classes: The classes of the elites; all if empty.
        least: Their least recorded confidence.
        sample: How many to draw at random; all if absent.
        target: An experiment's file, whose target scores in place of the runs' own.
        seed: The seed of the sample, and of directions, signs and noise.
        max_queries: The most images to send to a target that costs something to ask.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no such kind or class, or the target does not know the classes, or
            the runs' images have different sizes.
        RunError: No elite fits.
        UntrustedRun: Somebody else made a run, whose own target is to score.
        BudgetSpent: The target costs something, and the budget does not suffice.
    """
    console = console or Output(quiet=True)
    with open_runs(runs, scored=target is None) as opened, ExitStack() as ending:
        chosen = [
            choose_elites(run, classes=classes, least=least, sample=sample, seed=seed)
            for run in opened
        ]
        changes = [pick(all_changes(run, seed), kinds) for run in opened]
        if len({tuple(each.strengths for each in some) for some in changes}) > 1:
            raise ExperimentError(
                "the runs' images have different sizes, so drawing them at others does not "
                "compare; look at each run alone, or choose other --kinds"
            )
        # Each elite is scored as saved, and at each strength.
        of_each = 1 + sum(len(change.strengths) for change in changes[0])
        total = of_each * sum(map(len, chosen))

        def load(source: Run | str | Path, ending: ExitStack) -> Scorer:
            scorer = open_scorer(source, max_queries=max_queries, images=total)
            ending.callback(scorer.close)
            scorer.check_allowed(total, max_queries)
            if scorer.costs:
                console.say(f"{scorer.name}: this takes up to {counted(total, 'query', 'queries')}")
            return scorer

        scorer, before, found = load(target, ending) if target else None, None, []
        loaded = ending.enter_context(ExitStack())
        note = ending.enter_context(console.progress(total))
        for run, elites, some in zip(opened, chosen, changes, strict=True):
            # Runs that differ in their seed share a target, unless each has a budget of its own.
            own = run.experiment["target"], run.info["target"], run.info["scoring"]
            if scorer is None or (target is None and (scorer.costs or own != before)):
                loaded.close()
                scorer, before = load(run, loaded), own
            facts = {"own_target": target is None, "random_seed": seed, "target": scorer.name}
            found.append(_measure(run, elites, scorer, some, note, **facts))
    return Survival(runs=tuple(found))


def _measure(
    run: Run,
    elites: Sequence[EliteView],
    scorer: Scorer,
    changes: Sequence[Change],
    note: Callable[[str, int], None],
    **facts: Any,
) -> Survived:
    """Change the images of a run's elites in all ways, and score them."""
    check_classes(scorer, elites)
    saved = torch.from_numpy(np.stack([elite.saved_pixels() for elite in elites]))
    columns = np.array([place_of(elite, scorer.spec.classes) for elite in elites])

    def change_some(change: Change | None, strength: float, some: slice) -> torch.Tensor:
        return change.apply(elites[some], saved[some], strength) if change else saved[some].float()

    def score(change: Change | None, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Score all images: their confidences, float64 [N], and whether they are top-1, [N]."""
        confidences, highest = np.zeros((2, len(elites)))
        name = change.kind.name if change else "as saved"
        for some in in_steps(len(elites), scorer):
            note(name, 0)
            images = fit_images(change_some(change, strength, some), scorer.spec)
            # The last column is that of classes that an open target has not met yet.
            probs = np.pad(np.asarray(scorer.score(images).probs, np.float64), ((0, 0), (0, 1)))
            highest[some] = probs.max(axis=1)
            places = np.minimum(columns[some], probs.shape[1] - 1)
            confidences[some] = probs[np.arange(len(probs)), places]
            note(name, len(probs))
        return confidences, (confidences > 0) & (confidences >= highest)

    def look(change: Change | None, strength: float) -> Point:
        confidences, first = score(change, strength) if change else as_saved
        lower, median, upper = np.quantile(confidences, (0.25, 0.5, 0.75))
        changed = (change_some(change, strength, slice(row, row + 1)) for row in rows)
        return Point(
            median=median,
            lower_quartile=lower,
            upper_quartile=upper,
            top1=first.mean(),
            kept=first[had].mean() if had.any() else 0.0,
            strength=strength if change else None,
            confidences=tuple(confidences.tolist()),
            first=tuple(first.tolist()),
            shown=tuple(encode_png(fit_images(each, run.spec)[0].numpy()) for each in changed),
        )

    sure, had = as_saved = score(None, 0)
    order = np.argsort(-sure, kind="stable").tolist()
    # The surest image, and one in the middle of the others.
    rows = [*dict.fromkeys([order[0], order[len(order) // 2]])]
    return Survived(
        **OfRun.facts(run, len(elites)),
        **facts,
        as_saved=look(None, 0),
        kinds=tuple(
            each.kind.model_copy(update={"points": tuple(look(each, s) for s in each.strengths)})
            for each in changes
        ),
        classes=tuple(elite.name for elite in elites),
        genomes=tuple(elite.candidate_id for elite in elites),
        examples=tuple(rows),
    )


@dataclass(frozen=True)
class Change:
    """A kind of change, the ends of its strengths, some from mild to strong, and what changes."""

    kind: Kind
    ends: tuple[float, float]
    strengths: tuple[float, ...]
    apply: Callable[[Sequence[EliteView], torch.Tensor, float], torch.Tensor]
    """Changes the images of some rows, by a strength: floats [N, C, H, W] from 0 to 255."""


def all_changes(run: Run, seed: int) -> dict[str, Change]:
    """List all changes of a run's images, by name; ``seed`` gives directions, signs and noise."""
    side = max(run.spec.height, run.spec.width)
    sizes = tuple(float(max(1, round(side * times))) for times in SIZES)
    about: dict[str, Any] = {"unit": "pixels", "signed": False, "usual": 4 * side}
    kinds = [Kind(name=DRAWN, what="drawn anew at another size", harmless=side, points=(), **about)]
    if run.encoding.in_focus(0.5) is not run.encoding:  # else there is no limit to halve
        what = "drawn anew with twice the detail"
        kinds.append(Kind(name=SHARP, what=what, harmless=0, points=(), **about))
    return {
        kind.name: Change(kind, (1.0, 1e5), sizes, partial(_draw, sharp=kind.name == SHARP))
        for kind in kinds
    } | {name: _of_view(name, view, seed) for name, view in views().items()}


def _of_view(name: str, view: View, seed: int) -> Change:
    def apply(elites: Sequence[EliteView], images: torch.Tensor, strength: float) -> torch.Tensor:
        # Each image has its own seed, which is the same at all strengths.
        seeds = [derive_seed(seed, "survive", name, elite.index) for elite in elites]
        signs = [
            -1 if view.signed and derive_seed(seed, "survive sign", name, elite.index) % 2 else 1
            for elite in elites
        ]
        return view.change(images.float(), torch.tensor(signs) * strength, torch.tensor(seeds))

    strengths = tuple(map(float, view.strengths))
    least, most = sorted((view.harmless, float(view.limit)))
    about = {each: getattr(view, each) for each in ("what", "unit", "harmless", "signed")}
    usual = strengths[(len(strengths) - 1) // 2]
    kind = Kind(name=name, usual=usual, points=(), **about)
    return Change(kind, (least, most), strengths, apply)


def _draw(
    elites: Sequence[EliteView], images: torch.Tensor, strength: float, *, sharp: bool
) -> torch.Tensor:
    """Draw images anew at a size, and bring them back to their own."""
    drawn = (elite.pixels(round(strength), sharp=sharp) for elite in elites)
    spec = elites[0].run.spec
    return torch.cat([fit_images(torch.from_numpy(each)[None], spec) for each in drawn]).float()


def pick(changes: dict[str, Change], kinds: Iterable[str]) -> list[Change]:
    """Pick changes, each as ``"jpeg"`` or, with strengths, as ``"jpeg=75/50"``; all if none is."""
    picked = []
    for text in dict.fromkeys([kinds] if isinstance(kinds, str) else kinds):
        name, with_strengths, given = text.partition("=")
        if name == SHARP and name not in changes:
            raise ExperimentError(
                "--kinds 'sharp': the run's images have no band limit to halve; choose 'drawn'"
            )
        if name not in changes:
            near = nearest(name, changes)
            raise ExperimentError(f"--kinds {name!r}: there is no such kind{near}")
        change = changes[name]
        if with_strengths:
            (least, most), strengths = change.ends, tuple[float, ...]()
            with suppress(ValueError):
                strengths = tuple(map(float, given.split("/")))
            if not strengths or not all(least <= strength <= most for strength in strengths):
                few = "/".join(f"{strength:g}" for strength in change.strengths[:2])
                raise ExperimentError(
                    f"--kinds {text!r}: strengths are numbers from {least:g} to {most:g} with / "
                    f"between them: {name}={few}"
                )
            if change.kind.usual not in strengths:
                usual = {"usual": strengths[(len(strengths) - 1) // 2]}
                change = replace(change, kind=change.kind.model_copy(update=usual))
            change = replace(change, strengths=strengths)
        picked.append(change)
    return picked or [*changes.values()]
