"""The checks that whatever gives a row for each image of a batch must pass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import SkipTest

from neatfool.testing.checking import Subject, T, global_randomness

if TYPE_CHECKING:
    import torch


class BatchCall(NamedTuple):
    """A call with tensors [N, ...] by name, of which the last has gradients."""

    name: str
    call: Callable[..., torch.Tensor]
    make: Callable[[], dict[str, torch.Tensor]]
    """Makes what it is given, each time anew."""
    close: float = 0.0
    """Results may differ by this much, or this share, with the other images of a batch."""
    no_gradients: str | None = None
    """Why there are none."""


class BatchSubject(Subject[T]):
    """A plugin under test that is asked about batches of images."""

    @abstractmethod
    def calls(self) -> Iterable[BatchCall]:
        """Give its calls."""


def check_same_images_give_the_same_bits(subject: BatchSubject[Any]) -> None:
    for each in subject.calls():
        with global_randomness(1):
            once, again = (each.call(**each.make()) for _ in range(2))
        apart = float((once - again).abs().max().detach())
        fault = f"{each.name}: the same images, given twice, differ by up to {apart:g}"
        assert apart == 0, f"{fault}; what is random must come from seeds that it is given"


def check_neighbours_do_not_matter(subject: BatchSubject[Any]) -> None:
    for each in subject.calls():
        whole, given = each.call(**each.make()), each.make()
        for row, expected in enumerate(whole):
            (alone,) = each.call(**{name: value[row, None] for name, value in given.items()})
            apart = float((alone - expected).abs().max().detach())
            fault = f"{each.name}: an image differs by up to {apart:g} alone and among others"
            same = alone.allclose(expected, rtol=each.close, atol=each.close)
            assert same, f"{fault}; is a layer training, or are images not treated one by one?"


def check_nothing_given_is_written_to(subject: BatchSubject[Any]) -> None:
    for each in subject.calls():
        given = each.make()
        each.call(**given)
        for name, before in each.make().items():
            assert given[name].equal(before), f"{each.name} changed its {name}; work on a copy"


def check_gradients_pass(subject: BatchSubject[Any]) -> None:
    import torch

    for each in subject.calls():
        if each.no_gradients:
            raise SkipTest(each.no_gradients)
        *others, (name, images) = each.make().items()
        images = images.float().requires_grad_()
        result = each.call(**dict(others), **{name: images})
        advice = "stay with operations of torch, or say that there are no gradients"
        assert result.requires_grad, f"{each.name} gave no gradients; {advice}"
        # Not their sum, which may be constant.
        weights = torch.linspace(0.5, 1.5, result.numel()).reshape(result.shape)
        (gradients,) = torch.autograd.grad((result * weights).sum(), images)
        right = gradients.isfinite().all() and gradients.any()
        assert right, f"{each.name}: the gradients are all zero, or not finite"
