"""The checks that every view must pass, at each strength that it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final

from neatfool.scoring.repeatability import probe_images
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.view import View
from neatfool.testing.checking import global_randomness

if TYPE_CHECKING:
    import torch

    Change = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

SEEDS: Final = [5, 2**63 - 1, 0, 7]


class ViewSubject:
    """A view under test, with images of a spec."""

    def __init__(self, make: Callable[[], View], spec: ImageSpec) -> None:
        self._make = make
        self._spec = spec

    @cached_property
    def view(self) -> View:
        """The view that the checks share."""
        return self._make()

    @property
    def images(self) -> torch.Tensor:
        """Varied images, float32 [4, C, H, W], with whole numbers from 0 to 255."""
        import torch

        return torch.from_numpy(probe_images(self._spec)).float()

    @property
    def seeds(self) -> torch.Tensor:
        """A seed for each image."""
        import torch

        return torch.tensor(SEEDS)

    def amounts(self, amount: float) -> torch.Tensor:
        """Give the same strength to each image."""
        import torch

        return torch.full((len(SEEDS),), float(amount))

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
    assert len(away) > 1 and away == sorted({*away}), (
        f"strengths are {tuple(view.strengths)}, and {view.harmless:g} is harmless; give at least "
        "one, each further from harmless than the one before"
    )
    most = abs(view.limit - view.harmless)
    assert away[-1] <= most, f"the limit, {view.limit:g}, is milder than the last of strengths"


def check_images_of_the_same_shape_come_out(subject: ViewSubject) -> None:
    import torch

    for place, change, amount in subject.cases():
        images = subject.images
        changed: object = change(images, subject.amounts(amount), subject.seeds)
        wanted = f"torch.float32 {tuple(images.shape)}"
        kind = type(changed).__name__
        got = f"{changed.dtype} {tuple(changed.shape)}" if torch.is_tensor(changed) else kind
        assert got == wanted, f"{place} gave {got}; give {wanted}"


def check_levels_stay_from_0_to_255(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases():
        changed = change(subject.images, subject.amounts(amount), subject.seeds)
        low, high = float(changed.min()), float(changed.max())
        assert low >= 0 and high <= 255, (
            f"{place} gave levels from {low:g} to {high:g}; clamp them to 0 to 255, as bytes are"
        )


def check_harmless_changes_nothing(subject: ViewSubject) -> None:
    for name, change in subject.ways():
        changed = change(subject.images, subject.amounts(subject.view.harmless), subject.seeds)
        apart = float((changed.round() - subject.images).abs().max())
        assert apart == 0, (
            f"{name} at {subject.view.harmless:g}, which is harmless, changed a pixel by {apart:g}"
        )


def check_each_strength_changes_an_image(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases():
        changed = change(subject.images, subject.amounts(amount), subject.seeds)
        assert (changed.round() != subject.images).any(), (
            f"{place} left all images as they are; does it use its amounts?"
        )


def check_same_images_become_the_same_bits(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases():
        given = subject.amounts(amount), subject.seeds
        with global_randomness(1):
            once, again = (change(subject.images, *given) for _ in range(2))
        apart = float((once - again).abs().max())
        assert apart == 0, (
            f"{place}: the same images, changed twice, differ by up to {apart:g}; whatever is "
            "random must come from seeds, and nothing be kept from call to call"
        )


def check_neighbours_do_not_matter(subject: ViewSubject) -> None:
    for place, change, amount in subject.cases():
        amounts, images, seeds = subject.amounts(amount), subject.images, subject.seeds
        amounts[1::2] = subject.view.harmless
        whole = change(images, amounts, seeds)
        for row in range(len(images)):
            some = slice(row, row + 1)
            alone = change(images[some], amounts[some], seeds[some])
            apart = float((whole[some] - alone).abs().max())
            assert apart == 0, (
                f"{place}: an image differs by up to {apart:g} alone and among others; change "
                "each by its own amount and seed"
            )


def check_nothing_given_is_written_to(subject: ViewSubject) -> None:
    import torch

    for place, change, amount in subject.cases():
        given = [subject.images, subject.amounts(amount), subject.seeds]
        before = [each.clone() for each in given]
        change(*given)
        for name, now, then in zip(("images", "amounts", "seeds"), given, before, strict=True):
            assert torch.equal(now, then), f"{place} changed its {name}; work on a copy"


def check_gradients_pass(subject: ViewSubject) -> None:
    import torch

    for place, change, amount in subject.cases():
        images = subject.images.requires_grad_()
        changed = change(images, subject.amounts(amount), subject.seeds)
        assert changed.requires_grad, (
            f"{place} gave images without gradients; stay with operations of torch, and let what "
            "has none pass: images + (changed - images).detach()"
        )
        (gradients,) = torch.autograd.grad(changed.sum(), images)
        assert gradients.isfinite().all() and gradients.any(), (
            f"{place}: the gradients by the images are all zero, or not finite"
        )
