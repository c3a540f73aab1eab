"""Caffe's LeNet, which reads handwritten digits: the network, its weights, and the target."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save as to_bytes
from torch import nn

from neatfool import Network, Scores, Target, TargetError
from neatfool.models import fit_weights, read_tensors
from neatfool.present import save
from neatfool.wording import level

from .options import RECOGNISED, Options, read_spec

PACKAGED: Final = Path(__file__).with_name("lenet.safetensors")
MEAN: Final = 0.1307
"""The mean of the training images' pixels, from 0 (background) to 1 (ink)."""
DEVIATION: Final = 0.3081
"""The standard deviation of these pixels."""
_AT_A_TIME: Final = 1000
PER_CLASS: Final = 30


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
    network = LeNet(len(read_spec(path).classes))
    fit_weights(network, read_tensors(path), path)
    return network.eval()


def save_weights(network: LeNet, path: Path, about: Mapping[str, Any]) -> None:
    """Write a network's weights completely or not at all, with ``about`` as JSON metadata."""
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    # One key only: safetensors writes several in a random order.
    content = to_bytes(tensors, {"training": json.dumps(dict(about), sort_keys=True)})
    save(path, content)


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Read the packaged digits, the first 30 of each class of MNIST's test set.

    Give uint8 [300, 1, 28, 28], 0 background and 255 ink, and their labels, int64 [300]. They are
    in one picture, where row r, of 28 pixels, holds the digits r.
    """
    with Image.open(Path(__file__).with_name("digits.png")) as picture:
        sheet = np.asarray(picture.convert("L"))
    tiles = sheet.reshape(10, 28, PER_CLASS, 28).transpose(0, 2, 1, 3)
    return tiles.reshape(-1, 1, 28, 28).copy(), np.repeat(np.arange(10), PER_CLASS)


class MnistTarget(Target):
    """A LeNet on 28x28 grey images, white ink on black, with the classes "0" to "9".

    A network with eleven outputs has the class "fooling", too.
    """

    def __init__(self, options: Options) -> None:
        """Load the network."""
        self.spec = options.spec()
        self._weights = PACKAGED if options.weights is None else options.weights.expanduser()
        self._network = Network(
            load(self._weights),
            mean=255 * MEAN,
            std=255 * DEVIATION,
            device=options.device,
            outputs="logits",
        )
        self.networks = [self._network]

    def score(self, images: torch.Tensor) -> Scores:
        """Score uint8 [N, 1, 28, 28]: float32 probabilities [N, K] and their logits."""
        return self._network.score(images)

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits for torch to differentiate: floats [N, 1, 28, 28] in, [N, K] out."""
        return self._network.logits_of(images)

    def fingerprint(self) -> str:
        """Hash the weights: SHA-256 of the tensors' float32 bytes, in the order of their names."""
        digest = sha256()
        for _, tensor in sorted(self._network.module.state_dict().items()):
            digest.update(tensor.cpu().numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    def photographs(self) -> dict[str, Image.Image]:
        """Give the packaged digits: ``"7, number 3"`` and so on."""
        images, labels = load_digits()
        return {
            f"{label}, number {number % PER_CLASS + 1}": Image.fromarray(image[0])
            for number, (image, label) in enumerate(zip(images, labels, strict=True))
        }

    def self_check(self) -> None:
        """Check that the network recognises 90 % of the packaged digits."""
        images, labels = load_digits()
        answers = self.score(torch.from_numpy(images)).probs.argmax(1)
        right = int((answers == labels).sum())
        if right < RECOGNISED * len(labels):
            raise TargetError(
                f"mnist: the network of {self._weights} recognised {right} of {len(labels)} real "
                f"digits; at least {level(RECOGNISED)} are needed. Its weights were not trained on "
                "MNIST, or on images scaled in another way (here: (x / 255 - "
                f"{MEAN}) / {DEVIATION}, white ink on black). Train a network with "
                "'neatfool mnist train', or leave 'weights' out of [target]"
            )
