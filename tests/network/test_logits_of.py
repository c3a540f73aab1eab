import pytest
import torch
from torch import nn

from neatfool import Network


class Residual(nn.Module):
    """Mixes channels, and uses what it mixed twice."""

    def __init__(self, *, inplace=True):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.mix = nn.Conv2d(3, 6, 1)
            self.normalise = nn.BatchNorm2d(6)
            self.act = nn.ReLU(inplace=inplace)
            self.widen = nn.Conv2d(6, 6, 3, padding=1, groups=6)
            self.dense = nn.Linear(6, 4)

    def forward(self, numbers):
        hidden = self.normalise(self.mix(numbers))
        kept = self.act(hidden)
        return self.dense((self.widen(kept) + hidden).mean((2, 3)))


@pytest.fixture
def pixels():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 3, 8, 9), generator=generator).float().requires_grad_()


@pytest.mark.parametrize("inplace", [False, True])
def test_logits_and_gradients_are_the_modules_but_for_rounding(pixels, inplace):
    module = Residual(inplace=inplace).eval()
    logits = Network(module).logits_of(pixels)
    (gradients,) = torch.autograd.grad(logits[:, 1].sum(), pixels)
    wanted = module(pixels / 255)
    (slopes,) = torch.autograd.grad(wanted[:, 1].sum(), pixels)
    torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradients, slopes, atol=1e-7, rtol=1e-4)


def test_changed_weights_count_once_the_network_forgets(pixels):
    module = Residual().eval()
    network = Network(module)
    before = network.logits_of(pixels)
    with torch.no_grad():
        module.dense.bias += 1
    network.forget()
    torch.testing.assert_close(network.logits_of(pixels), before + 1, atol=1e-5, rtol=1e-5)


def test_a_module_that_cannot_be_copied_gives_its_own_logits(pixels):
    class Lonely(Residual):
        def __deepcopy__(self, _memo):
            raise TypeError("there is only one of it")

    module = Lonely(inplace=False).eval()
    torch.testing.assert_close(Network(module).logits_of(pixels), module(pixels / 255))
