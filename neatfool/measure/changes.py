"""Changes of a run's images: its views at their strengths, and its pictures drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import torch

from neatfool.errors import ExperimentError, nearest
from neatfool.experiment.view_settings import views
from neatfool.present.blocks import Facts
from neatfool.run.individual import EliteView
from neatfool.run.run import Run
from neatfool.spec.fitting import fit_images
from neatfool.spec.seeds import derive_seed
from neatfool.spec.view import View

DRAWN: Final = "drawn"
"""The name of the change that is no view, as it needs the genome."""
SIZES: Final = (0.5, 2, 4, 8)
"""How large images are drawn, in sizes of the target's: 112 to 1792 pixels for 224."""


class ChangeKind(Facts):
    """One kind of change of an image."""

    name: str
    """its name, of `--kinds`"""
    what: str
    """what happens, in a few words"""
    unit: str
    """what strengths count"""
    harmless: float
    """the strength that changes nothing"""
    signed: bool
    """whether half of the images get the opposite"""
    usual: float
    """the strength that a summary tells"""

    def number(self, strength: float) -> str:
        """Write a strength without its unit: ``"3"``, ``"±10"``."""
        return f"{'±' if self.signed else ''}{strength:g}"

    @property
    def words(self) -> str:
        """The change at its usual strength: ``"saved as JPEG (quality 75)"``."""
        times = {2.0: "twice", 4.0: "four times", 8.0: "eight times"}
        if self.name == DRAWN and (factor := self.usual / self.harmless) in times:
            return f"drawn at {times[factor]} the size"
        number = self.number(self.usual)
        if self.unit == "quality":
            return f"{self.what} ({self.unit} {number})"
        unit = self.unit[:-1] if self.usual == 1 and self.unit[-1] == "s" else self.unit
        return f"{self.what} ({number} {unit})"


@dataclass(frozen=True)
class ImageChange:
    """A kind of change, the ends of its strengths, some from mild to strong, and what changes."""

    kind: ChangeKind
    ends: tuple[float, float]
    strengths: tuple[float, ...]
    apply: Callable[[Sequence[EliteView], torch.Tensor, float], torch.Tensor]
    """Changes the images of some rows, by a strength: floats [N, C, H, W] from 0 to 255."""


def all_changes(run: Run, seed: int) -> dict[str, ImageChange]:
    """List all changes of a run's images, by name; ``seed`` gives directions, signs and noise."""
    side = max(run.spec.height, run.spec.width)
    sizes = tuple(float(max(1, round(side * times))) for times in SIZES)
    drawn = ChangeKind(
        name=DRAWN,
        what="drawn anew at another size",
        unit="pixels",
        harmless=side,
        signed=False,
        usual=4 * side,
    )
    changes = {DRAWN: ImageChange(drawn, (1.0, 1e5), sizes, _draw)}
    return changes | {name: _of_view(name, view, seed) for name, view in views().items()}


def _of_view(name: str, view: View, seed: int) -> ImageChange:
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
    kind = ChangeKind(name=name, usual=usual, **about)
    return ImageChange(kind, (least, most), strengths, apply)


def _draw(elites: Sequence[EliteView], images: torch.Tensor, strength: float) -> torch.Tensor:
    """Draw images anew at a size, and bring them back to their own."""
    drawn = (elite.pixels(round(strength)) for elite in elites)
    spec = elites[0].run.spec
    return torch.cat([fit_images(torch.from_numpy(each)[None], spec) for each in drawn]).float()


def choose_changes(changes: dict[str, ImageChange], kinds: Iterable[str]) -> list[ImageChange]:
    """Pick changes, each as ``"jpeg"`` or, with strengths, as ``"jpeg=75/50"``; all if none is."""
    picked = []
    for text in dict.fromkeys([kinds] if isinstance(kinds, str) else kinds):
        name, with_strengths, given = text.partition("=")
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
