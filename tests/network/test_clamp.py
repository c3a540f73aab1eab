from __future__ import annotations

import pytest
import torch
from torch import nn

from neatfool import Network
from neatfool.network.clamp import Clamp

VALUES = torch.tensor([-torch.inf, -7, -1, -1e-9, 0, 1e-9, 1, 2, 6, 7, torch.inf, torch.nan])


@pytest.mark.parametrize(
    "activation", [nn.ReLU6(), nn.ReLU6(inplace=True), nn.Hardtanh(), nn.Hardtanh(-1.0, 2.0)]
)
def test_results_and_gradients_are_the_activations_to_the_bit(activation):
    given, wanted_of = (VALUES.clone().requires_grad_() for _ in range(2))
    clamped, wanted = Clamp(activation)(given), activation(wanted_of.clone())
    assert torch.equal(clamped.nan_to_num(9), wanted.nan_to_num(9))
    weights = torch.arange(1.0, len(VALUES) + 1)
    (gradients,) = torch.autograd.grad(clamped @ weights, given)
    (slopes,) = torch.autograd.grad(wanted @ weights, wanted_of)
    assert torch.equal(gradients, slopes)


def test_gradients_keep_one_array_for_an_activation_and_the_convolution_after_it():
    network = Network(
        nn.Sequential(
            nn.Conv2d(3, 8, 1),
            nn.ReLU6(),
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        .eval()
        .requires_grad_(False)
    )
    pixels = torch.full((2, 3, 10, 12), 99.0, requires_grad=True)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    network.logits_of(pixels)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network.logits_of(pixels)
    of_an_activation = 4 * 2 * 8 * 10 * 12
    assert [*kept.values()].count(of_an_activation) == 1
