"""Checks that an encoding renders the same bits alone, in a batch, and piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.testing.encoding_subject import GENOMES, pixels_of
from neatfool.testing.expectation import expect

if TYPE_CHECKING:
    from neatfool.testing.encoding_subject import EncodingSubject


def check_render_gives_the_targets_images(subject: EncodingSubject) -> None:
    """``render`` gives a uint8 tensor [N, C, H, W]."""
    _expect_image(
        subject.encoding.render(subject.children), (GENOMES, *subject.spec.shape), "render()"
    )


def check_images_differ(subject: EncodingSubject) -> None:
    """Not all genomes look the same."""
    images = pixels_of(subject.encoding.render([*subject.genomes, *subject.children]))
    expect(
        (images != images[:1]).any(),
        f"{len(images)} genomes rendered to the same image; does render() use them?",
    )


def check_render_gives_the_same_bits_in_any_batch(subject: EncodingSubject) -> None:
    """A genome's image does not depend on the other genomes of its batch."""
    together = pixels_of(subject.encoding.render(subject.children))
    for number, child in enumerate(subject.children):
        alone = pixels_of(subject.encoding.render([child]))[0]
        expect(
            np.array_equal(alone, together[number]),
            f"rendered alone, {_pixels_apart(alone, together[number])} from a batch; the scored "
            "image would not be the saved one",
        )


def check_render_at_the_targets_size_equals_render(subject: EncodingSubject) -> None:
    """``render_at`` at the target's size gives the image that is scored."""
    _, height, width = subject.spec.shape
    whole = pixels_of(subject.encoding.render(subject.children))
    for number, child in enumerate(subject.children):
        image = subject.encoding.render_at(child, height, width)
        _expect_image(image, subject.spec.shape, "render_at()")
        expect(
            np.array_equal(pixels_of(image), whole[number]),
            f"render_at() at the target's size: {_pixels_apart(pixels_of(image), whole[number])} "
            "from render()",
        )


def check_a_box_is_a_part_of_the_whole(subject: EncodingSubject) -> None:
    """``render_at`` with a box gives that part of the whole image, at any size."""
    channels, height, width = subject.spec.shape
    for high, wide in ((height, width), (2 * height + 1, 3 * width), (5, 64)):
        left, top, right, bottom = wide // 4, high // 3, wide - 1, high
        for child in subject.children[:3]:
            whole = subject.encoding.render_at(child, high, wide)
            _expect_image(whole, (channels, high, wide), "render_at()")
            part = subject.encoding.render_at(child, high, wide, box=(left, top, right, bottom))
            _expect_image(part, (channels, bottom - top, right - left), "render_at(box=...)")
            crop = pixels_of(whole)[:, top:bottom, left:right]
            expect(
                np.array_equal(pixels_of(part), crop),
                f"box {left, top, right, bottom} of {wide}x{high}: "
                f"{_pixels_apart(pixels_of(part), crop)} from the whole image",
            )


def _expect_image(image: Any, shape: tuple[int, ...], what: str) -> None:
    import torch

    expect(
        isinstance(image, torch.Tensor) and image.dtype == torch.uint8,
        f"{what} gave {getattr(image, 'dtype', type(image).__name__)}; give a uint8 torch tensor",
    )
    expect(tuple(image.shape) == shape, f"{what} gave the shape {tuple(image.shape)}, not {shape}")


def _pixels_apart(a: np.ndarray, b: np.ndarray) -> str:
    steps = np.abs(a.astype(int) - b.astype(int))
    return f"{np.count_nonzero(steps)} bytes differ by up to {steps.max()} grey levels"
