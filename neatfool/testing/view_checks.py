"""The checks that every view must pass, at each strength that it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from neatfool.scoring.repeatability import probe_images
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.view import View
from neatfool.testing.checking import expect_gradients, global_randomness

if TYPE_CHECKING:
    import torch

    Change = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

SEEDS: Final = [5, 2**63 - 1, 0, 7]
NAMES: Final = ("images", "amounts", "seeds")


class ViewSubject:
    """A view under test, with images of a spec."""

    def __init__(self, make: Callable[[], View], spec: ImageSpec) -> None:
        self._make = make
        self._spec = spec

    @cached_property
    def view(self) -> View:
        """The view that the checks share."""
        return self._make()

    def given(self, amount: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give varied images, float32 [4, C, H, W] from 0 to 255, their strengths and seeds."""
        import torch

        images = torch.from_numpy(probe_images(self._spec)).float()
        return images, torch.full((len(SEEDS),), float(amount)), torch.tensor(SEEDS)

    def ways(self) -> Iterator[tuple[str, Change]]:
        """Give what changes images: ``change``, and ``together`` if there is one."""
        view, together = self.view, self.view.together
        yield "change()", view.change
        if together is not None:
            yield (
                "together()",
                lambda images, amounts, seeds: together(
                    images, [view], amounts[:, None], seeds[:, None]
                ),
            )

    def cases(self) -> Iterator[tuple[str, Change, float]]:
        """Give each of :meth:`ways` with each strength, its place first."""
        view = self.view
        strengths = dict.fromkeys([*map(float, view.strengths), float(view.limit)])
        for strength in strengths:
            for amount in (strength, -strength) if view.signed else (strength,):
                for name, change in self.ways():
                    yield f"{name} at {amount:g} {view.unit}", change, amount


def check_strengths_go_from_mild_to_the_limit(subject: ViewSubject) -> None:
    view = subject.view
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

    for place, change, amount in subject.cases():
        images, *given = subject.given(amount)
        changed: Any = change(images, *given)
        kind, shape = getattr(changed, "dtype", type(changed)), getattr(changed, "shape", None)
        fault = f"{place} gave {kind} {shape}; give torch.float32 {images.shape}"
        assert kind == torch.float32 and shape == images.shape, fault
        low, high = float(changed.min()), float(changed.max())
        fault = f"{place} gave levels from {low:g} to {high:g}"
        assert low >= 0 and high <= 255, f"{fault}; clamp them to 0 to 255, as bytes are"


def check_each_strength_changes_an_image(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases():
        images, *given = subject.given(amount)
        changed = (change(images, *given).round() != images).any()
        assert changed, f"{place} left all images as they are; does it use its amounts?"
    harmless = subject.view.harmless
    for name, change in subject.ways():
        images, *given = subject.given(harmless)
        apart = float((change(images, *given).round() - images).abs().max())
        fault = f"{name} at {harmless:g}, which is harmless, changed a pixel by {apart:g}"
        assert apart == 0, fault


def check_same_images_become_the_same_bits(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases():
        with global_randomness(1):
            once, again = (change(*subject.given(amount)) for _ in range(2))
        apart = float((once - again).abs().max())
        fault = f"{place}: the same images, changed twice, differ by up to {apart:g}"
        assert apart == 0, f"{fault}; whatever is random must come from seeds alone"


def check_neighbours_do_not_matter(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases():
        images, amounts, seeds = subject.given(amount)
        amounts[1::2] = subject.view.harmless
        whole = change(images, amounts, seeds)
        for row, image in enumerate(whole):
            one = slice(row, row + 1)
            apart = float((image - change(images[one], amounts[one], seeds[one])).abs().max())
            fault = f"{place}: an image differs by up to {apart:g} alone and among others"
            assert apart == 0, f"{fault}; change each by its own amount and seed"


def check_nothing_given_is_written_to(subject: ViewSubject) -> None:
    import torch

    for place, change, amount in subject.cases():
        given = subject.given(amount)
        change(*given)
        for name, now, before in zip(NAMES, given, subject.given(amount), strict=True):
            assert torch.equal(now, before), f"{place} changed its {name}; work on a copy"


def check_gradients_pass(subject: ViewSubject) -> None:
    remedy = (
        "stay with operations of torch, and let what has none pass: images + (changed - "
        "images).detach()"
    )
    for place, change, amount in subject.cases():
        images, *given = subject.given(amount)
        changed = change(images.requires_grad_(), *given)
        expect_gradients(changed, images, place, remedy)
