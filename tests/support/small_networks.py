"""Small networks of five classes, and files of them, for the target ``imagenet``."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.target import ImageNetTarget

SCALED = {"mean": [0.5], "std": [0.25]}


def target(model: str, **options) -> ImageNetTarget:
    return ImageNetTarget(Options(model=model, device="cpu", **options))


def noise(count: int, side: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)


class Small(nn.Module):
    """Looks at images of scaled floats, channels first; five classes."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.look = nn.Conv2d(3, 8, 5, 2)
            self.tell = nn.Linear(8, 5)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.look(images).relu().amax((2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 8 * self.tell(self.features(images))


class ChannelsLast(Small):
    def forward(self, images):
        return super().forward(images.permute(0, 3, 1, 2))


class Bytes(Small):
    def forward(self, images):
        return super().forward((images.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25)


class WithFeatures(Small):
    def forward(self, images):
        return self.features(images), super().forward(images)[..., None, None], images


class Softmax(Small):
    def forward(self, images):
        return super().forward(images).softmax(1)


class Sigmoids(Small):
    def forward(self, images):
        return super().forward(images).sigmoid()


def by_hand(images: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return Small()((images / 255 - 0.5) / 0.25).softmax(1).numpy()


def export_onnx(
    network: nn.Module, path: Path, given: torch.Tensor, *, fixed=False, opset=None
) -> str:
    pytest.importorskip("onnx", reason="pip install onnx")
    pytest.importorskip("onnxruntime", reason="pip install 'neatfool[onnx]'")
    axes = None if fixed else {"images": {0: "n"}}
    torch.onnx.export(
        network.eval(),
        (given,),
        str(path),
        input_names=["images"],
        dynamic_axes=axes,
        opset_version=opset,
        dynamo=False,
    )
    return f"onnx:{path}"


FLOATS = torch.zeros(1, 3, 16, 16)
FLOATS_LAST = torch.zeros(1, 16, 16, 3)
BYTES_LAST = FLOATS_LAST.byte()


def quantise_dynamically(model: str, path: Path) -> str:
    quantisation = pytest.importorskip("onnxruntime.quantization")
    quantisation.quantize_dynamic(
        model.removeprefix("onnx:"), str(path), weight_type=quantisation.QuantType.QUInt8
    )
    return f"onnx:{path}"
