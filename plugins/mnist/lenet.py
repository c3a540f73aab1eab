"""Caffe's LeNet, and its weights as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import nn

from neatfool import ExperimentError, TargetError
from neatfool.models import fit_weights
from neatfool.present import save

from . import read_spec

if TYPE_CHECKING:
    import numpy as np

PACKAGED: Final = Path(__file__).with_name("lenet.safetensors")
MEAN: Final = 0.1307
"""The mean of the training images' pixels, from 0 (background) to 1 (ink)."""
DEVIATION: Final = 0.3081
"""The standard deviation of these pixels."""
_AT_A_TIME: Final = 1000
_REMEDY: Final = (
    "give the weights of a LeNet, as 'neatfool mnist train' writes them, or leave weights out to "
    "use those that come with neatfool"
)


class LeNet(nn.Module):
    """Two convolutions, each followed by a max pooling, and two dense layers.

    As in Caffe's example and the paper, pooling is the only non-linearity of the convolutions.
    """

    def __init__(self, outputs: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(800, 500)
        self.fc2 = nn.Linear(500, outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Compute logits, float32 [N, outputs], of normalised pixels, float32 [N, 1, 28, 28]."""
        hidden = F.max_pool2d(self.conv1(pixels), 2)
        hidden = F.max_pool2d(self.conv2(hidden), 2)
        logits: torch.Tensor = self.fc2(F.relu(self.fc1(hidden.flatten(1))))
        return logits


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Normalise images for training and use, 0 background and 255 ink: (x / 255 - mean) / dev."""
    return (images.float() - 255 * MEAN) / (255 * DEVIATION)


@torch.inference_mode()
def recognise(network: LeNet, images: np.ndarray) -> np.ndarray:
    """Tell which class a network says that each image is: uint8 [N, 28, 28] in, int64 [N] out."""
    network.eval()
    device = next(network.parameters()).device
    parts = torch.split(torch.from_numpy(images.copy()).unsqueeze(1), _AT_A_TIME)
    answers = [network(normalise(part.to(device))).argmax(1).cpu() for part in parts]
    return torch.cat(answers).numpy()


def load(path: Path) -> LeNet:
    """Read a network's weights: in float32, on the CPU, in evaluation mode."""
    try:
        tensors = load_file(path)
    except OSError as error:
        raise ExperimentError(f"[target] weights = {path}: {error}; {_REMEDY}") from error
    except SafetensorError as error:
        raise TargetError(
            f"[target] weights = {path}: not a safetensors file ({error}); {_REMEDY}"
        ) from error
    network = LeNet(len(read_spec(path).classes))
    fit_weights(network, tensors, path)
    return network.eval()


def save_weights(network: LeNet, path: Path, about: Mapping[str, Any]) -> None:
    """Write a network's weights completely or not at all, with ``about`` as JSON metadata."""
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    # One key only: safetensors writes several in a random order.
    content = to_bytes(tensors, {"training": json.dumps(dict(about), sort_keys=True)})
    save(path, content)
