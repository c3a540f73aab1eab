import logging

import pytest
import torch
from torch import nn

from neatfool.network.frozen_graph import fold


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


def kinds(module):
    return [type(each) for each in module.modules()]


@torch.inference_mode()
def test_a_normalisation_after_a_convolution_is_folded(numbers):
    module = Normalised().eval()
    made = fold(module, [numbers])
    assert nn.BatchNorm2d not in kinds(made)
    torch.testing.assert_close(made(numbers), module(numbers), atol=1e-5, rtol=1e-5)


def test_the_module_itself_is_left_as_it_is(numbers):
    module = Normalised().eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fold(module, [numbers])
    assert nn.BatchNorm2d in kinds(module)
    # PyTorch tells in no other way which hooks a module has.
    assert not any(each._forward_hooks for each in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@torch.inference_mode()
def test_a_module_that_writes_to_its_images_is_folded_too(numbers):
    class Halves(Normalised):
        def forward(self, pixels):
            return super().forward(pixels.mul_(0.5))

    module, before = Halves().eval(), numbers.clone()
    assert nn.BatchNorm2d not in kinds(fold(module, [numbers]))
    assert torch.equal(numbers, before)


def test_where_folding_changes_what_is_computed_the_module_stays(numbers, caplog):
    caplog.set_level(logging.INFO, "neatfool")

    class Both(Normalised):
        def forward(self, pixels):
            hidden = self.convolution(pixels)
            return self.dense((hidden + self.normalisation(hidden)).mean((2, 3)))

    for module in (Both().eval(), Normalised(Odd).eval()):
        assert fold(module, [numbers]) is module
    assert "Both: its normalisations are not folded: it would compute something else" in caplog.text


def test_a_module_that_cannot_be_copied_stays(numbers, caplog):
    caplog.set_level(logging.INFO, "neatfool")

    class Single(Normalised):
        def __deepcopy__(self, memo):
            raise RuntimeError("there can only be one")

    module = Single().eval()
    assert fold(module, [numbers]) is module
    assert "Single: its normalisations are not folded: RuntimeError: there can" in caplog.text


def test_a_module_without_normalisations_is_not_copied(numbers):
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()).eval()
    assert fold(module, [numbers]) is module


def test_a_normalisation_of_bright_images_only_is_not_folded(numbers):
    class Decides(Normalised):
        def forward(self, pixels):
            hidden = self.convolution(pixels)
            if pixels.mean() > 0:
                hidden = self.normalisation(hidden)
            return self.dense(hidden.mean((2, 3)))

    module = Decides().eval()
    assert fold(module, [numbers.abs(), -numbers.abs()]) is module


def test_out_of_memory_is_told(numbers):
    class Large(Normalised):
        def forward(self, pixels):
            raise torch.OutOfMemoryError("that is too much")

    with pytest.raises(torch.OutOfMemoryError):
        fold(Large().eval(), [numbers])


@torch.inference_mode()
def test_the_activation_in_a_normalisation_of_timm_is_kept(numbers):
    timm = pytest.importorskip("timm")
    module = Normalised().eval()
    normalisation = timm.layers.BatchNormAct2d(8, act_layer=nn.SiLU).eval()
    normalisation.load_state_dict(module.normalisation.state_dict())
    module.normalisation = normalisation
    made = fold(module, [numbers])
    assert not any(isinstance(each, nn.BatchNorm2d) for each in made.modules())
    torch.testing.assert_close(made(numbers), module(numbers), atol=1e-5, rtol=1e-5)
