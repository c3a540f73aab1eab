"""The checks that every view must pass, at each strength that it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from neatfool.scoring.repeatability import probe_images
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.view import View
from neatfool.testing.batch_checks import BatchCall, BatchSubject

if TYPE_CHECKING:
    import torch

    Change = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

SEEDS: Final = [5, 2**63 - 1, 0, 7]


class ViewSubject(BatchSubject[View]):
    """A view under test, with images of a spec."""

    def __init__(self, make: Callable[[], View], spec: ImageSpec) -> None:
        super().__init__(make)
        self._spec = spec

    def given(self, amount: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give varied images, float32 [4, C, H, W] from 0 to 255, their strengths and seeds."""
        import torch

        images = torch.from_numpy(probe_images(self._spec)).float()
        return images, torch.full((len(SEEDS),), float(amount)), torch.tensor(SEEDS)

    def ways(self) -> Iterator[tuple[str, Change]]:
        """Give what changes images: ``change``, and ``together`` if there is one."""
        view, together = self.made, self.made.together
        yield "change()", view.change
        if together is not None:
            yield (
                "together()",
                lambda images, amounts, seeds: together(
                    images, [view], amounts[:, None], seeds[:, None]
                ),
            )

    def cases_of_strengths(self) -> Iterator[tuple[str, Change, float]]:
        """Give each of :meth:`ways` with each strength, its place first."""
        view = self.made
        strengths = dict.fromkeys([*map(float, view.strengths), float(view.limit)])
        for strength in strengths:
            for amount in (strength, -strength) if view.signed else (strength,):
                for name, change in self.ways():
                    yield f"{name} at {amount:g} {view.unit}", change, amount

    def calls(self) -> Iterator[BatchCall]:
        """Change images, each second one by the harmless strength."""
        for name, change, amount in self.cases_of_strengths():

            def make(amount: float = amount) -> dict[str, torch.Tensor]:
                images, amounts, seeds = self.given(amount)
                amounts[1::2] = self.made.harmless
                return {"amounts": amounts, "seeds": seeds, "images": images}

            yield BatchCall(name, change, make)


def check_strengths_go_from_mild_to_the_limit(subject: ViewSubject) -> None:
    view = subject.made
    for name in ("unit", "what"):
        text: object = getattr(view, name)
        assert isinstance(text, str) and text.strip(), f"{name} is {text!r}; give a few words"
    away = [abs(strength - view.harmless) for strength in (view.harmless, *view.strengths)]
    fault = f"strengths are {tuple(view.strengths)}, and {view.harmless:g} is harmless"
    rising = len(away) > 1 and away == sorted({*away})
    assert rising, f"{fault}; give some, each further from harmless than the one before"
    most = abs(view.limit - view.harmless)
    assert away[-1] <= most, f"the limit, {view.limit:g}, is milder than the last of strengths"


def check_levels_stay_from_0_to_255(subject: ViewSubject) -> None:
    import torch

    for place, change, amount in subject.cases_of_strengths():
        images, *given = subject.given(amount)
        changed: Any = change(images, *given)
        kind, shape = getattr(changed, "dtype", type(changed)), getattr(changed, "shape", None)
        fault = f"{place} gave {kind} {shape}; give torch.float32 {images.shape}"
        assert kind == torch.float32 and shape == images.shape, fault
        low, high = float(changed.min()), float(changed.max())
        fault = f"{place} gave levels from {low:g} to {high:g}"
        assert low >= 0 and high <= 255, f"{fault}; clamp them to 0 to 255, as bytes are"


def check_each_strength_changes_an_image(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases_of_strengths():
        images, *given = subject.given(amount)
        changed = (change(images, *given).round() != images).any()
        assert changed, f"{place} left all images as they are; does it use its amounts?"
    harmless = subject.made.harmless
    for name, change in subject.ways():
        images, *given = subject.given(harmless)
        apart = float((change(images, *given).round() - images).abs().max())
        fault = f"{name} at {harmless:g}, which is harmless, changed a pixel by {apart:g}"
        assert apart == 0, fault
