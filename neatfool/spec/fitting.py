"""Fitting images of any size to a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec

_LUMA: Final = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in grey, of ITU-R BT.601, as in JPEG and Pillow."""


def fit_images(images: torch.Tensor, spec: ImageSpec) -> torch.Tensor:
    """Give images the size and the channels that a target takes, and round them to bytes.

    Args:
        images: uint8, or floats from 0 to 255, [N, C, H, W] with one channel or three.
        spec: The target's spec.

    Returns:
        uint8 [N, C, H, W]. Images whose sides are whole multiples are averaged down, others are
        interpolated (bicubic, antialiased). Grey images become coloured, or the other way round.
    """
    size = spec.height, spec.width
    fitting = images.float()
    if any(old % new for old, new in zip(images.shape[-2:], size, strict=True)):
        fitting = F.interpolate(fitting, size, mode="bicubic", antialias=True)
    elif images.shape[-2:] != size:
        fitting = F.adaptive_avg_pool2d(fitting, size)
    if spec.channels < images.shape[1]:
        fitting = (fitting * fitting.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
    fitting = fitting.expand(-1, spec.channels, -1, -1)
    return fitting.round().clamp(0, 255).byte().contiguous()
