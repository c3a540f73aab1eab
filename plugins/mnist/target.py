"""What is fooled: a LeNet that reads handwritten digits."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import torch

from neatfool import Scores, TargetError

from . import lenet
from .digits import load_digits
from .options import SPEC

if TYPE_CHECKING:
    from .options import Options

RECOGNISED: Final = 0.9
"""The part of the packaged digits that a network must recognise to be worth fooling."""


class MnistTarget:
    """A LeNet on 28x28 grey images, with a class for each digit.

    Attributes:
        spec: The images it takes, white ink on black, and its classes, "0" to "9".
        networks: The LeNet.
    """

    spec = SPEC

    def __init__(self, options: Options) -> None:
        """Load the network.

        Args:
            options: Which weights, and where to compute.

        Raises:
            ExperimentError: There is no such file of weights, or no such device.
            TargetError: The weights are not a LeNet's.
        """
        self._weights = lenet.PACKAGED if options.weights is None else options.weights.expanduser()
        self._network = lenet.network(lenet.load(self._weights), options.device)
        self.networks = [self._network]

    def score(self, images: torch.Tensor) -> Scores:
        """Read images as digits.

        Args:
            images: uint8 [N, 1, 28, 28].

        Returns:
            float32 probabilities [N, 10] and the logits that they are the softmax of.
        """
        return self._network.score(images)

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits for torch to differentiate: floats [N, 1, 28, 28] in, [N, 10] out."""
        return self._network.logits_of(images)

    def fingerprint(self) -> str:
        """Hash the weights as they are used.

        Returns:
            SHA-256 in hexadecimal over the float32 bytes of the tensors in the order of their
            names; the names, and the file's metadata, are not in it.
        """
        digest = sha256()
        for _, tensor in sorted(self._network.module.state_dict().items()):
            digest.update(tensor.cpu().numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    def self_check(self) -> None:
        """Let the network read the packaged digits.

        Raises:
            TargetError: It recognises fewer than 90 % of them.
        """
        images, labels = load_digits()
        answers = self.score(torch.from_numpy(images)).probs.argmax(1)
        right = int((answers == labels).sum())
        if right < RECOGNISED * len(labels):
            raise TargetError(
                f"mnist: the network of {self._weights} recognised {right} of {len(labels)} real "
                f"digits; at least {RECOGNISED:.0%} are needed. Its weights were not trained on "
                "MNIST, or on images scaled in another way (here: (x / 255 - "
                f"{lenet.MEAN}) / {lenet.DEVIATION}, white ink on black); train some with "
                "'neatfool mnist train', or leave 'weights' out of [target]"
            )
