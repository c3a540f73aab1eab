"""What is kept for the way back is small, and changes no bit of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from neatfool import Network
from neatfool.network.gradients import Sparing


def there_and_back(compute, numbers):
    """Compute, and give the result and the gradient of a sum with many different weights."""
    given = numbers.clone().requires_grad_()
    result = compute(given)
    weights = torch.arange(1.0, result.numel() + 1).reshape(result.shape)
    (gradient,) = torch.autograd.grad((result * weights).sum(), given)
    return result.detach().numpy(), gradient.numpy()


def sparingly(compute):
    def within(numbers):
        with Sparing():
            return compute(numbers)

    return within


def kept(compute, numbers):
    """Give the sizes in bytes of the arrays that torch keeps for the way back."""
    sizes = {}

    def keep(tensor):
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        compute(numbers)
    return sorted(sizes.values())


@pytest.mark.parametrize(
    "layout", [torch.contiguous_format, torch.channels_last], ids=["channels first", "last"]
)
@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(6, 5, 3),
        nn.Conv2d(6, 6, 5, stride=2, padding=2, groups=6),
        nn.Conv2d(6, 4, (3, 1), dilation=2, padding=(1, 0), bias=False),
        nn.Conv2d(6, 4, 3, padding="same"),
        nn.Conv2d(6, 8, 1),
    ],
)
def test_convolutions_give_the_same_results_and_gradients(convolution, layout):
    convolution.requires_grad_(False)
    numbers = torch.randn(3, 6, 11, 12, generator=torch.Generator().manual_seed(0))
    numbers = numbers.contiguous(memory_format=layout)

    def compute(given):
        return functional.relu6(convolution(given))

    wanted, found = (there_and_back(way, numbers) for way in (compute, sparingly(compute)))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_second_derivatives_are_the_same():
    convolution = nn.Conv2d(2, 3, 3).requires_grad_(False)

    def curvature(numbers):
        given = numbers.clone().requires_grad_()
        result = functional.relu6(convolution(functional.relu(given).square())).square().sum()
        (gradient,) = torch.autograd.grad(result, given, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), given)
        return second

    numbers = torch.randn(2, 2, 5, 6, generator=torch.Generator().manual_seed(0))
    numbers = numbers.contiguous(memory_format=torch.channels_last)
    wanted = curvature(numbers)
    assert wanted.abs().max() > 0
    torch.testing.assert_close(sparingly(curvature)(numbers), wanted)


def test_weights_that_learn_get_their_gradients():
    convolution = nn.Conv2d(2, 3, 3)
    numbers = torch.randn(1, 2, 5, 5, requires_grad=True)

    def slopes():
        convolution.zero_grad()
        convolution(numbers).square().sum().backward()
        return convolution.weight.grad.clone()

    wanted = slopes()
    with Sparing():
        assert torch.equal(slopes(), wanted)


def test_a_network_keeps_no_input_of_a_convolution():
    layers = (
        nn.Conv2d(3, 8, 1),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    network = Network(nn.Sequential(*layers).eval().requires_grad_(False))
    pixels = torch.full((2, 3, 30, 32), 99.0, requires_grad=True)
    network.logits_of(pixels)
    numbers = 4 * 2 * 8 * 30 * 32
    sizes = kept(network.logits_of, pixels)
    assert [size for size in sizes if size >= numbers] == [numbers, numbers], "one an activation"
