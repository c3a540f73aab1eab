"""Changes the images of runs' elites in many ways, and scores them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.analysis.of_run import OfRun
from neatfool.analysis.survival.finding import Kind, Point, Survival, Survived
from neatfool.errors import ExperimentError, nearest
from neatfool.fooling.choosing import check_classes, choose_elites
from neatfool.fooling.opening import open_runs, open_scorer
from neatfool.plugin.manager import views
from neatfool.present.output import Output
from neatfool.run.images import encode_png
from neatfool.search.seeds import derive_seed
from neatfool.spec.fitting import fit_images

if TYPE_CHECKING:
    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer
    from neatfool.spec.view import View

AT_A_TIME: Final = 64
"""Images that are changed and scored together, at least: enough for concurrent calls."""
DRAWN, SHARP = "drawn", "sharp"
"""The names of the changes that are no views, as they need the genome."""
SIZES: Final = (0.5, 2, 4, 8)
"""How large images are drawn, in sizes of the target's: 112 to 1792 pixels for 224."""
USUAL_SIZE: Final = 4
SIDES: Final = (1.0, 1e5)
"""The smallest and the largest size, in pixels."""


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
        total = _count(changes, [*map(len, chosen)])

        def load(source: Run | str | Path, ending: ExitStack) -> Scorer:
            scorer = ending.enter_context(closing(open_scorer(source, max_queries=max_queries)))
            scorer.check_allowed(total, max_queries)
            if scorer.costs:
                console.say(f"{scorer.name}: this takes up to {total:,} queries")
            return scorer

        other = load(target, ending) if target else None
        found = []
        note = ending.enter_context(console.progress(total))
        for run, elites, some in zip(opened, chosen, changes, strict=True):
            with ExitStack() as soon:
                images = _Images(elites, other or load(run, soon), note)
                found.append(_measure(run, images, some, seed=seed, own=other is None))
    return Survival(runs=tuple(found))


def _count(changes: Sequence[Sequence[Change]], elites: Sequence[int]) -> int:
    """Count the images to score; of each elite one is as saved."""
    if len({tuple(each.strengths for each in some) for some in changes}) > 1:
        raise ExperimentError(
            "the runs' images have different sizes, so drawing them at others does not "
            "compare; look at each run alone, or choose other --kinds"
        )
    return sum(elites) * (1 + sum(len(change.strengths) for change in changes[0]))


class _Images:
    """Elites' images, to be changed and scored in parts that fit calls of the target."""

    def __init__(
        self, elites: Sequence[EliteView], scorer: Scorer, note: Callable[[str, int], None]
    ) -> None:
        self.elites, self.scorer, self._note = elites, scorer, note
        self.saved = torch.from_numpy(np.stack([elite.saved_pixels() for elite in elites]))
        self._size = -(-AT_A_TIME // scorer.batch_size) * scorer.batch_size
        check_classes(scorer, elites)

    def score(self, change: Change | None, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Change all images: their confidences, float64 [N], and whether they are top-1, [N]."""
        found, name = [], change.name if change else "as saved"
        for start in range(0, len(self.elites), self._size):
            elites = self.elites[start : start + self._size]
            self._note(name, 0)
            changed = self.change(change, strength, slice(start, start + self._size))
            found.append(self._score(elites, changed))
            self._note(name, len(elites))
        confidences, first = zip(*found, strict=True)
        return np.concatenate(confidences), np.concatenate(first)

    def change(self, change: Change | None, strength: float, rows: slice) -> torch.Tensor:
        """Change some images: floats [N, C, H, W]."""
        if change is None:
            return self.saved[rows].float()
        return change.apply(self.elites[rows], self.saved[rows], strength)

    def show(self, change: Change | None, strength: float, rows: Sequence[int]) -> list[bytes]:
        """Give some changed images as PNGs."""
        spec = self.elites[0].run.spec
        changed = [self.change(change, strength, slice(row, row + 1)) for row in rows]
        return [encode_png(fit_images(each, spec)[0].numpy()) for each in changed]

    def _score(
        self, elites: Sequence[EliteView], images: torch.Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        spec = self.scorer.spec
        probs = np.asarray(self.scorer.score(fit_images(images, spec)).probs, np.float64)
        columns = {name: column for column, name in enumerate(spec.classes)}
        confidences = np.zeros(len(elites))
        for place, elite in enumerate(elites):
            column = columns.get(elite.name)
            if column is not None and column < probs.shape[1]:
                confidences[place] = probs[place, column]
        first = (confidences > 0) & (confidences >= probs.max(axis=1, initial=0.0))
        return confidences, first


def _measure(
    run: Run, images: _Images, changes: Sequence[Change], *, seed: int, own: bool
) -> Survived:
    """Change the images of a run in all ways, and score them."""
    scored = images.score(None, 0)
    had, order = scored[1], np.argsort(-scored[0], kind="stable")
    # The surest image, and one in the middle of the others.
    rows = [int(row) for row in dict.fromkeys([order[0], order[len(order) // 2]])]
    kinds = []
    for change in changes:
        points = []
        for strength in change.strengths:
            again = images.score(change, strength)
            points.append(Point.of(again, had, images.show(change, strength, rows), strength))
        kinds.append(change.described(points))
    classes = tuple(elite.name for elite in images.elites)
    return Survived(
        **OfRun.facts(run, len(images.elites)),
        target=images.scorer.name,
        own_target=own,
        random_seed=seed,
        as_saved=Point.of(scored, had, images.show(None, 0, rows)),
        kinds=tuple(kinds),
        classes=classes,
        genomes=tuple(elite.candidate_id for elite in images.elites),
        examples=tuple(classes[row] for row in rows),
    )


@dataclass(frozen=True)
class Change:
    """One kind of change, at several strengths; :class:`.finding.Kind` describes its figures."""

    name: str
    what: str
    unit: str
    harmless: float
    signed: bool
    ends: tuple[float, float]
    """The least and the largest strength that it has."""
    strengths: tuple[float, ...]
    """The strengths, from mild to strong."""
    usual: float
    apply: Callable[[Sequence[EliteView], torch.Tensor, float], torch.Tensor]
    """Changes the images of some rows, by a strength: floats [N, C, H, W] from 0 to 255."""

    def described(self, points: Sequence[Point]) -> Kind:
        """Give what it is, with what survives it."""
        about = {name: getattr(self, name) for name in Kind.model_fields if name != "points"}
        return Kind(**about, points=tuple(points))


def all_changes(run: Run, seed: int) -> dict[str, Change]:
    """List all changes of a run's images, by name; ``seed`` gives directions, signs and noise."""
    side = max(run.spec.height, run.spec.width)
    sizes = tuple(float(max(1, round(side * times))) for times in SIZES)
    look = SIDES, sizes, USUAL_SIZE * side
    what = "drawn anew at another size"
    drawn = [Change(DRAWN, what, "pixels", side, False, *look, partial(_draw, sharp=False))]
    if run.encoding.in_focus(0.5) is not run.encoding:  # else there is no limit to halve
        what = "drawn anew with twice the detail"
        drawn.append(Change(SHARP, what, "pixels", 0, False, *look, partial(_draw, sharp=True)))
    of_views = (_of_view(name, view, seed) for name, view in views().items())
    return {change.name: change for change in (*drawn, *of_views)}


def pick(changes: dict[str, Change], kinds: Iterable[str]) -> list[Change]:
    """Pick changes, each as ``"jpeg"`` or, with strengths, as ``"jpeg=75/50"``; all if none is.

    Raises:
        ExperimentError: There is no such change, or no such strength.
    """
    kinds = [kinds] if isinstance(kinds, str) else kinds
    picked = [_pick(changes, text) for text in dict.fromkeys(kinds)]
    return picked or [*changes.values()]


def _pick(changes: dict[str, Change], text: str) -> Change:
    name, with_strengths, given = text.partition("=")
    if name == SHARP and name not in changes:
        raise ExperimentError(
            "--kinds 'sharp': the run's images have no band limit to halve; choose 'drawn'"
        )
    if name not in changes:
        raise ExperimentError(f"--kinds {name!r}: there is no such kind{nearest(name, changes)}")
    change = changes[name]
    if not with_strengths:
        return change
    least, most = change.ends
    try:
        strengths = tuple(float(part) for part in given.split("/"))
        if not all(least <= strength <= most for strength in strengths):
            raise ValueError  # noqa: TRY301
    except ValueError:
        few = "/".join(f"{strength:g}" for strength in change.strengths[:2])
        raise ExperimentError(
            f"--kinds {text!r}: strengths are numbers from {least:g} to {most:g} with / between "
            f"them: {name}={few}"
        ) from None
    usual = change.usual if change.usual in strengths else strengths[(len(strengths) - 1) // 2]
    return replace(change, strengths=strengths, usual=usual)


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
    look = (least, most), strengths, strengths[(len(strengths) - 1) // 2]
    return Change(name, view.what, view.unit, view.harmless, view.signed, *look, apply)


def _draw(
    elites: Sequence[EliteView], images: torch.Tensor, strength: float, *, sharp: bool
) -> torch.Tensor:
    """Draw images anew at a size, and bring them back to their own."""
    drawn = (elite.pixels(round(strength), sharp=sharp) for elite in elites)
    spec = elites[0].run.spec
    return torch.cat([fit_images(torch.from_numpy(each)[None], spec) for each in drawn]).float()
