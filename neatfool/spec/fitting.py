"""Fitting images of any size to a target."""

from typing import Final

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

from neatfool.errors import PluginError, blaming
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import Target

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


def fit_photograph(photograph: Image.Image, target: Target) -> torch.Tensor:
    """Make of a photograph what a target would be shown of it.

    It is turned upright, as its EXIF data say. What follows is
    :meth:`Target.fit_photograph() <neatfool.Target.fit_photograph>`.

    Args:
        photograph: The photograph, of any size and mode.
        target: The target.

    Returns:
        uint8 [1, C, H, W], of the target's spec.

    Raises:
        PluginError: ``fit_photograph`` failed, or gave something else.
    """
    spec, name = target.spec, type(target).__name__
    upright = ImageOps.exif_transpose(photograph)
    with blaming(f"{name}: fit_photograph"):
        fitted = torch.as_tensor(target.fit_photograph(upright))
    if fitted.dtype != torch.uint8 or fitted.shape != spec.shape:
        got = f"{str(fitted.dtype).removeprefix('torch.')} {list(fitted.shape)}"
        raise PluginError(f"{name}: fit_photograph gave {got}; give uint8 {list(spec.shape)}")
    return fitted[None]
