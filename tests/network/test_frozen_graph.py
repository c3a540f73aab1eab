import logging

import pytest
import torch
from torch import nn

from neatfool.network.frozen_graph import fold
from neatfool.network.image_module import ImageModule


class Odd(nn.Conv2d):
    """A convolution with a way of its own."""

    def forward(self, pixels):
        return super().forward(pixels) + 1.0


class Normalised(nn.Module):
    def __init__(self, convolution=nn.Conv2d):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.convolution = convolution(3, 8, 3)
            self.normalisation = nn.BatchNorm2d(8)
            self.normalisation.running_mean.uniform_(-1, 1)
            self.normalisation.running_var.uniform_(0.1, 2)
            self.dense = nn.Linear(8, 5)

    def forward(self, pixels):
        hidden = self.normalisation(self.convolution(pixels)).relu()
        return self.dense(hidden.mean((2, 3)))


@pytest.fixture
def numbers():
    return torch.randn(4, 3, 9, 7, generator=torch.Generator().manual_seed(1))


def whole(module):
    return ImageModule(module.eval(), torch.zeros(1), torch.ones(1))


def kinds(module):
    return [type(each) for each in module.modules()]


def close(made, module, numbers):
    wanted = module.outputs(numbers.clone())
    torch.testing.assert_close(made.outputs(numbers.clone()), wanted, atol=1e-5, rtol=1e-5)


class Halves(Normalised):
    """Writes to its images."""

    def forward(self, pixels):
        return super().forward(pixels.mul_(0.5))


@torch.inference_mode()
@pytest.mark.parametrize("make", [Normalised, Halves])
def test_a_normalisation_after_a_convolution_is_folded_in_a_copy(numbers, make):
    module, kept = whole(make()), numbers.clone()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    made = fold(module, [numbers])
    assert torch.equal(numbers, kept)
    assert nn.BatchNorm2d not in kinds(made)
    assert nn.BatchNorm2d in kinds(module)
    close(made, module, numbers)
    # PyTorch tells in no other way which hooks a module has.
    assert not any(each._forward_hooks for each in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class Both(Normalised):
    def forward(self, pixels):
        hidden = self.convolution(pixels)
        return self.dense((hidden + self.normalisation(hidden)).mean((2, 3)))


class Decides(Normalised):
    """Normalises bright images only."""

    def forward(self, pixels):
        hidden = self.convolution(pixels)
        if pixels.mean() > 0:
            hidden = self.normalisation(hidden)
        return self.dense(hidden.mean((2, 3)))


class Single(Normalised):
    def __deepcopy__(self, memo):
        raise RuntimeError("there can only be one")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Both, "Both: its normalisations are not folded: it would compute something else"),
        (lambda: Normalised(Odd), "it would compute something else"),
        (Decides, "it would compute something else"),
        (Single, "Single: its normalisations are not folded: RuntimeError: there can"),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten()), ""),
    ],
)
def test_where_nothing_can_be_folded_the_module_stays(numbers, caplog, make, said):
    caplog.set_level(logging.INFO, "neatfool")
    module = whole(make())
    assert fold(module, [numbers.abs(), -numbers.abs()]) is module
    assert said in caplog.text


def test_out_of_memory_is_told(numbers):
    class Large(Normalised):
        def forward(self, pixels):
            raise torch.OutOfMemoryError("that is too much")

    with pytest.raises(torch.OutOfMemoryError):
        fold(whole(Large()), [numbers])


@torch.inference_mode()
def test_the_activation_in_a_normalisation_of_timm_is_kept(numbers):
    timm = pytest.importorskip("timm")
    module = Normalised().eval()
    normalisation = timm.layers.BatchNormAct2d(8, act_layer=nn.SiLU).eval()
    normalisation.load_state_dict(module.normalisation.state_dict())
    module.normalisation = normalisation
    module = whole(module)
    made = fold(module, [numbers])
    assert not any(isinstance(each, nn.BatchNorm2d) for each in made.modules())
    close(made, module, numbers)
