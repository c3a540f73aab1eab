import pytest
import torch
from torch import nn

from neatfool_plugins.models.efficientnet_lite import pad_inside


class Padded(nn.Conv2d):
    """A convolution as ``efficientnet_lite_pytorch`` writes it."""

    def __init__(self, size, stride, padding, *, groups=4):
        super().__init__(4, 4, size, stride, groups=groups, bias=False)
        self.static_padding = nn.ZeroPad2d(padding) if any(padding) else nn.Identity()

    def forward(self, pixels):
        return super().forward(self.static_padding(pixels))


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [
        (3, 1, (1, 1, 1, 1)),
        (3, 2, (0, 1, 0, 1)),
        (5, 2, (1, 2, 1, 2)),
        (3, 2, (1, 1, 0, 1)),
        (1, 1, (0, 0, 0, 0)),
    ],
)
@pytest.mark.parametrize("groups", [1, 4])
@torch.inference_mode()
def test_padding_inside_gives_what_padding_before_gives(size, stride, padding, groups):
    module = nn.Sequential(Padded(size, stride, padding, groups=groups)).eval()
    pixels = torch.randn(2, 4, 12, 10, generator=torch.Generator().manual_seed(0))
    wanted = module(pixels)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    pad_inside(module)
    assert not any(isinstance(each, nn.ZeroPad2d) for each in module.modules())
    torch.testing.assert_close(module(pixels), wanted, atol=1e-6, rtol=1e-5)
    after = module.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
