"""What may happen to an image: all views that are installed, and being drawn at another size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import torch

from neatfool.errors import ExperimentError, nearest
from neatfool.plugin.manager import views
from neatfool.search.seeds import derive_seed
from neatfool.spec.fitting import fit_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.spec.view import View

DRAWN, SHARP = "drawn", "sharp"
"""The names of the changes that are no views, as they need the genome."""
SIZES: Final = (0.5, 2, 4, 8)
"""How large images are drawn, in sizes of the target's: 112 to 1792 pixels for 224."""
USUAL_SIZE: Final = 4
SIDES: Final = (1.0, 1e5)
"""The smallest and the largest size, in pixels."""


@dataclass(frozen=True)
class Change:
    """One kind of change, at several strengths; :class:`.finding.Kind` describes its figures.

    Attributes:
        ends: The least and the largest strength that it has.
        strengths: The strengths, from mild to strong.
        apply: Changes the images of some rows, by a strength: floats [N, C, H, W] from 0 to 255.
    """

    name: str
    what: str
    unit: str
    harmless: float
    signed: bool
    ends: tuple[float, float]
    strengths: tuple[float, ...]
    usual: float
    apply: Callable[[Sequence[EliteView], torch.Tensor, float], torch.Tensor]


def all_changes(run: Run, seed: int) -> dict[str, Change]:
    """List all changes of a run's images, by name; ``seed`` gives directions, signs and noise."""
    side = max(run.spec.height, run.spec.width)
    sizes = tuple(float(max(1, round(side * times))) for times in SIZES)
    look = SIDES, sizes, USUAL_SIZE * side
    what = "drawn anew at another size"
    drawn = [Change(DRAWN, what, "pixels", side, False, *look, partial(_draw, sharp=False))]
    if run.encoding.sharp() is not run.encoding:  # else there is no blur to leave out
        what = "drawn anew without the blur"
        drawn.append(Change(SHARP, what, "pixels", 0, False, *look, partial(_draw, sharp=True)))
    of_views = (_of_view(name, view, seed) for name, view in views().items())
    return {change.name: change for change in (*drawn, *of_views)}


def pick(changes: dict[str, Change], asked: Iterable[str]) -> list[Change]:
    """Pick changes, each as ``"jpeg"`` or, with strengths, as ``"jpeg=75/50"``; all if none is.

    Raises:
        ExperimentError: There is no such change, or no such strength.
    """
    asked = [asked] if isinstance(asked, str) else asked
    picked = [_pick(changes, text) for text in dict.fromkeys(asked)]
    return picked or [*changes.values()]


def _pick(changes: dict[str, Change], text: str) -> Change:
    name, with_strengths, given = text.partition("=")
    if name == SHARP and name not in changes:
        raise ExperimentError(
            "--kinds 'sharp': the run's images have no blur to leave out; choose 'drawn'"
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
