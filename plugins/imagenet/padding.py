"""Convolutions that pad by themselves, as TensorFlow does: on the right and at the bottom first.

PyTorch pads both sides equally. Networks that were trained with TensorFlow therefore copy their
input, with zeros around it, before each convolution. That takes a third of EfficientNet-Lite0's
time. Here the zeros are in the convolution's window instead.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class SkippingConvolution(nn.Conv2d):
    """A convolution that pads by itself, with fewer zeros on the left and at the top.

    It pads both sides by the larger number. Zeros at the edge of the window skip what is too much.
    """

    skip: tuple[int, int]

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Convolve float [N, C, H, W]."""
        # Not padded, as an export to ONNX would not know the window's size then.
        window, (top, left) = self.weight, self.skip
        window = torch.cat([window.new_zeros(*window.shape[:2], top, window.shape[3]), window], 2)
        window = torch.cat([window.new_zeros(*window.shape[:3], left), window], 3)
        return functional.conv2d(
            pixels, window, self.bias, self.stride, self.padding, groups=self.groups
        )


def pad_inside(module: nn.Module) -> None:
    """Let each convolution that has a ``static_padding`` pad by itself.

    Names, shapes and values of the module's parameters stay as they are.

    Args:
        module: A network of ``efficientnet_lite_pytorch``, which is changed.
    """
    for name, each in list(module.named_modules()):
        if isinstance(each, nn.Conv2d) and hasattr(each, "static_padding"):
            zeros = getattr(each.static_padding, "padding", (0, 0, 0, 0))
            parent, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(parent), leaf, _take_over(each, zeros))


def _take_over(convolution: nn.Conv2d, zeros: tuple[int, int, int, int]) -> nn.Conv2d:
    """Make a convolution with the same parameters, and zeros left, right, above and below."""
    left, right, top, bottom = zeros
    skip = bottom - top, right - left
    made = (SkippingConvolution if any(skip) else nn.Conv2d)(
        convolution.in_channels,
        convolution.out_channels,
        (convolution.kernel_size[0], convolution.kernel_size[1]),
        (convolution.stride[0], convolution.stride[1]),
        (bottom, right),
        groups=convolution.groups,
        bias=convolution.bias is not None,
        device="meta",
    )
    made.weight, made.bias = convolution.weight, convolution.bias
    if isinstance(made, SkippingConvolution):
        made.skip = skip
    return made.train(convolution.training)
