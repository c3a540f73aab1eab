"""The target: images compared with texts."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import torch

from neatfool import ImageSpec, Network, Scores

from .similarity import Similarity
from .texts import find_texts
from .towers import load

if TYPE_CHECKING:
    from .options import Options


class ClipTarget:
    """A network that compares images with texts.

    Attributes:
        tower: The network that looks at images.
        texts: The texts that are classes, or that one image must convince for.
        networks: The networks that it computes with.
    """

    def __init__(self, options: Options) -> None:
        """Load the tower, and find the texts' vectors.

        Raises:
            ExperimentError: A file or network does not exist, or a package is not installed.
            TargetError: A file is damaged, or vectors do not fit the tower.
        """
        self.tower = load(options)
        self.temperature = options.temperature or self.tower.temperature
        self._options = options
        vectors, self.texts = find_texts(options, self.tower)
        self.against = [name for name in vectors if name not in {*self.texts}]
        self._all = options.aggregate == "all"
        preprocessing = self.tower.preprocessing
        classes = (f"all {len(self.texts)} texts",) if self._all else tuple(self.texts)
        self.spec = ImageSpec(
            *preprocessing.size, 3, classes, array="torch", sums_to_one=not self.against
        )
        self._network = Network(
            Similarity(
                self.tower.module,
                torch.stack([vectors[name] for name in self.texts]),
                torch.stack([vectors[name] for name in self.against])
                if self.against
                else torch.empty(0, self.tower.width),
                self.temperature,
                options.aggregate,
            ).requires_grad_(False),
            mean=preprocessing.mean,
            std=preprocessing.std,
            device=options.device,
        )
        self.networks = [self._network]
        self._vectors = vectors
        if self.tower.differentiable:
            self.logits_of = self._network.logits_of

    def score(self, images: torch.Tensor) -> Scores:
        """Score uint8 [N, 3, H, W].

        Returns:
            Probabilities [N, K], and float32 logits [N, K]; [N, K + 1] if other texts compete.
        """
        scores = self._network.score(images)
        return Scores(scores.probs[:, : len(self.spec.classes)], scores.logits)

    def fingerprint(self) -> str:
        """Hash the tower, the texts and the temperature."""
        tower, options = self.tower, self._options
        # A network's vectors of texts follow from its weights, but for rounding, on which no
        # resumed run should depend.
        digest = sha256(
            repr(
                (
                    tower.content,
                    tower.preprocessing,
                    self.texts,
                    self.against,
                    options.templates,
                    self.temperature,
                    options.aggregate,
                )
            ).encode()
        )
        if options.vectors is not None:
            digest.update(options.vectors.read_bytes())
            if options.vector_names is not None:
                digest.update(options.vector_names.read_bytes())
        return digest.hexdigest()
