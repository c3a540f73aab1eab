"""The target: a LeNet that reads handwritten digits."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image

from neatfool import Network, Scores, Target, TargetError
from neatfool.wording import level

from . import lenet

if TYPE_CHECKING:
    from . import Options

PER_CLASS: Final = 30
_SHEET: Final = Path(__file__).with_name("digits.png")
RECOGNISED: Final = 0.9
"""A network must recognise this share of the packaged digits, or it is not worth fooling."""


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Read the packaged digits, the first 30 of each class of MNIST's test set.

    They are in one picture, where row r, of 28 pixels, holds the digits r.

    Returns:
        Images, uint8 [300, 1, 28, 28], 0 background and 255 ink, and their labels, int64 [300].
    """
    with Image.open(_SHEET) as picture:
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
        self._weights = lenet.PACKAGED if options.weights is None else options.weights.expanduser()
        self._network = Network(
            lenet.load(self._weights),
            mean=255 * lenet.MEAN,
            std=255 * lenet.DEVIATION,
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
                f"{lenet.MEAN}) / {lenet.DEVIATION}, white ink on black). Train a network with "
                "'neatfool mnist train', or leave 'weights' out of [target]"
            )
