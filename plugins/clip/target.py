"""The target: images compared with texts."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import nn

from neatfool import ImageSpec, Network, Scores, Target, fit_photograph
from neatfool.models import PHOTOGRAPHS, Request, load_tower

from . import Options
from .texts import ENOUGH, check_photographs, find_texts, with_right_names

SHOWN: Final = 5
"""A description names so many texts."""


class Similarity(nn.Module):
    """A tower whose vectors are compared with those of texts.

    With s_k the cosine between an image's vector and that of text k, and T the temperature, the
    logits are

    - s_k / T for each of K texts, [N, K]. If other texts compete, a last column has the logarithm
      of the sum of their exp(s_j / T), as if they were one class.
    - for all at once: the smallest s_k / T of the K texts, and that same last column, [N, 2]. So
      the probability is that of the text which the image resembles least, if it competes with the
      others alone: the other K - 1 take nothing away from it.
    """

    def __init__(
        self, tower: nn.Module, vectors: torch.Tensor, count: int, *, all_at_once: bool
    ) -> None:
        """Take a tower, and vectors [K + J, D] of length 1 / T of texts and those that compete."""
        super().__init__()
        self.tower = tower
        self.vectors: torch.Tensor
        self.register_buffer("vectors", vectors.t().contiguous())
        self._count = count
        self._compete = len(vectors) > count
        self._all_at_once = all_at_once
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, float32 out."""
        vectors = F.normalize(self.tower(images).float(), dim=-1)
        # Half precision would round a logit of 30 by 0.1.
        with torch.autocast(images.device.type, enabled=False):
            scaled = vectors @ self.vectors
        logits = scaled[:, : self._count]
        if self._all_at_once:
            logits = logits.amin(1, keepdim=True)
        if self._compete:
            rivals = scaled[:, self._count :].logsumexp(1, keepdim=True)
            logits = torch.cat([logits, rivals], 1)
        return logits


class ClipTarget(Target):
    """A network, its ``tower``, that compares images with texts."""

    def __init__(self, options: Options) -> None:
        given = options.model_dump(include={"size", "mean", "std", "dequantise"})
        self.tower = load_tower(Request(options.images, key="images", **given))
        self.temperature = options.temperature or self.tower.temperature
        self._options = options
        known, self.texts = find_texts(options, self.tower)
        self.against = [name for name in known if name not in {*self.texts}]
        self._vectors = torch.stack([*known.values()])
        preprocessing = self.tower.preprocessing
        together, classes = options.aggregate == "all", tuple(self.texts)
        vectors = self._vectors / self.temperature
        module = Similarity(self.tower.module, vectors, len(classes), all_at_once=together)
        if together:
            classes = (f"all {len(classes)} texts",)
        rivals = bool(self.against)
        self.spec = ImageSpec(
            *preprocessing.size, 3, classes, array="torch", sums_to_one=not rivals
        )
        self._network = Network(
            module.requires_grad_(False),
            mean=preprocessing.mean,
            std=preprocessing.std,
            device=options.device,
            outputs="logits",
        )
        # onnxruntime is as fast as it can be, and computes no gradients.
        self.networks = [self._network] if self.tower.differentiable else []
        if self.tower.differentiable:
            self.logits_of = self._network.logits_of

    def score(self, images: torch.Tensor) -> Scores:
        """Score uint8 [N, 3, H, W]; the logits have a last column if other texts compete."""
        scores = self._network.score(images)
        return Scores(scores.probs[:, : len(self.spec.classes)], scores.logits)

    def describe(self) -> str:
        """Say what looks at images, and which texts it compares them with."""
        count, rivals = len(self.texts), len(self.against)
        shown = ", ".join(self.texts[:SHOWN]) + (", …" if count > SHOWN else "")
        rule = "Each text is a class"
        if self._options.aggregate == "all":
            rule = (
                "An image's confidence is that of the text which it resembles least, against "
                f"{rivals} others"
            )
        elif rivals:
            rule += f"; {rivals} other texts compete"
        known = with_right_names([*self.texts, *self.against])
        check = "Checked on photographs."
        if self._options.vectors is not None and len(known) < ENOUGH:
            check = "Not checked on photographs: its texts are not what they show."
        if not self._options.check_photographs:
            check = "Not checked on photographs (check_photographs = no)."
        return (
            f"{self.tower.name}: {self.tower.source}\n  {self.tower.preprocessing.describe()}\n"
            f"{count} texts: {shown}; temperature {self.temperature:.4g}. {rule}.\n{check}"
        )

    def fingerprint(self) -> str:
        """Hash the tower, the texts and the temperature."""
        tower, options = self.tower, self._options
        # A network's vectors of texts follow from its weights, but for rounding, on which no
        # resumed run should depend.
        network = tower.content, tower.preprocessing
        texts = self.texts, self.against, options.templates, self.temperature, options.aggregate
        digest = sha256(repr((*network, *texts)).encode())
        for file in (options.vectors, options.vector_names):
            digest.update(b"" if file is None else file.read_bytes())
        return digest.hexdigest()

    def photographs(self) -> dict[str, Image]:
        """Give the photographs that show some of its classes, 300x300 pixels, by name."""
        known = with_right_names(self.spec.classes)
        return {each.name: each.open() for each in PHOTOGRAPHS if each.name in known}

    def fit_photograph(self, photograph: Image) -> torch.Tensor:
        """Prepare a photograph as for the network's training, uint8 [3, H, W]."""
        return self.tower.preprocessing.prepare(photograph)

    def self_check(self) -> None:
        """Check the network on a few photographs."""
        if not self._options.check_photographs:
            return
        named = [*self.texts, *self.against], self._vectors
        check_photographs(self.tower, self._look, named if self._options.vectors else None)

    @torch.inference_mode()
    def _look(self, names: Sequence[str]) -> torch.Tensor:
        """Compute unit vectors [N, D] of the photographs of these names, on the CPU."""
        network, files = self._network, {each.name: each for each in PHOTOGRAPHS}
        images = torch.cat([fit_photograph(files[name].open(), self) for name in names])
        numbers = ((images.float() - network.mean) / network.std).to(network.device)
        return F.normalize(self.tower.module(numbers).float().cpu(), dim=-1)
