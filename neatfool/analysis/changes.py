"""What may happen to an image: all views that are installed, and being drawn at another size."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """One kind of change, at several strengths.

    Attributes:
        name: Its name, of ``--kinds``.
        what: What happens, in a few words: ``"saved as JPEG"``.
        unit: What strengths count: ``"pixels"``.
        harmless: The strength that changes nothing.
        signed: Whether half of the images get the opposite: darker, and not brighter.
        ends: The least and the largest strength that it has.
        strengths: The strengths, from mild to strong.
        usual: The one of them that a summary tells.
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

    def number(self, strength: float) -> str:
        """Write a strength without its unit: ``"3"``, ``"±10"``."""
        return f"{'±' * self.signed}{strength:g}"

    def at(self, strength: float) -> str:
        """Write a strength: ``"3 pixels"``, ``"quality 75"``, ``"±10 %"``."""
        number = self.number(strength)
        if self.unit == "quality":
            return f"{self.unit} {number}"
        return f"{number} {self.unit[:-1] if strength == 1 and self.unit[-1] == 's' else self.unit}"


def all_changes(run: Run, seed: int) -> dict[str, Change]:
    """List all changes of a run's images, by name.

    Args:
        run: The run. Images without a blur cannot be drawn without it.
        seed: Where the directions, signs and noise come from.
    """
    spec = run.spec
    side = max(spec.height, spec.width)
    sizes = tuple(float(max(1, round(side * times))) for times in SIZES)
    usual = USUAL_SIZE * side
    what = "drawn anew at another size"
    drawn = [Change(DRAWN, what, "pixels", side, False, SIDES, sizes, usual, draw)]
    if run.encoding.sharp() is not run.encoding:
        what = "drawn anew without the blur"
        drawn.append(Change(SHARP, what, "pixels", 0, False, SIDES, sizes, usual, draw_sharp))
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
        """Let the view change images, each by its own seed, which is the same at all strengths."""
        seeds = [derive_seed(seed, "survive", name, elite.index) for elite in elites]
        signs = [
            -1 if view.signed and derive_seed(seed, "survive sign", name, elite.index) % 2 else 1
            for elite in elites
        ]
        return view.change(images.float(), torch.tensor(signs) * strength, torch.tensor(seeds))

    strengths = tuple(map(float, view.strengths))
    limit = float(view.limit)
    return Change(
        name=name,
        what=view.what,
        unit=view.unit,
        harmless=view.harmless,
        signed=view.signed,
        ends=(min(view.harmless, limit), max(view.harmless, limit)),
        strengths=strengths,
        usual=strengths[(len(strengths) - 1) // 2],
        apply=apply,
    )


def draw(elites: Sequence[EliteView], images: torch.Tensor, strength: float) -> torch.Tensor:
    """Draw images anew at a size, and bring them back to their own."""
    return _draw(elites, round(strength), sharp=False)


def draw_sharp(elites: Sequence[EliteView], images: torch.Tensor, strength: float) -> torch.Tensor:
    """Draw images anew at a size, without their blur, and bring them back to their own."""
    return _draw(elites, round(strength), sharp=True)


def _draw(elites: Sequence[EliteView], size: int, *, sharp: bool) -> torch.Tensor:
    drawn = (elite.pixels(size, sharp=sharp) for elite in elites)
    spec = elites[0].run.spec
    return torch.cat([fit_images(torch.from_numpy(each)[None], spec) for each in drawn]).float()


def pictures_of(changes: Sequence[Change]) -> int:
    """Count the pictures that the changes make of one image, with the image itself."""
    return 1 + sum(len(change.strengths) for change in changes)
